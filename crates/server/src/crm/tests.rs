//! The built-in schema holds together.

use driftless_record::{
    CommandSchema, Effect, EffectValue, EntitySchema, FieldKind, FieldName, Schema, Value,
};

use super::schema;

/// The entities that the offline table of the field service product names.
const OFFLINE: [&str; 22] = [
    "Account",
    "ActivityPointer",
    "Appointment",
    "Attachment",
    "Case",
    "Competitor",
    "CompetitorAddress",
    "Connection",
    "ConnectionRole",
    "Contact",
    "Currency",
    "ServiceVisit",
    "Email",
    "Lead",
    "Opportunity",
    "OpportunityProduct",
    "PhoneCall",
    "Position",
    "Product",
    "Task",
    "Team",
    "User",
];

#[test]
fn every_offline_entity_is_there() {
    let schema = schema().unwrap();
    for name in OFFLINE {
        assert!(schema.entity(name).is_some(), "{name}");
    }
}

#[test]
fn every_name_that_is_used_is_declared() {
    let schema = schema().unwrap();
    for entity in schema.entities.values() {
        assert!(entity.guid_key().is_some(), "{}", entity.name);
        for name in entity.display_field.iter().chain(&entity.modified_field) {
            assert!(entity.field(name).is_some(), "{}.{name}", entity.name);
        }
        for field in &entity.fields {
            match &field.kind {
                FieldKind::Lookup { targets } => {
                    assert!(
                        targets.iter().all(|target| schema.entities.contains_key(target)),
                        "{field:?}"
                    );
                }
                FieldKind::Money {
                    currency: Some(name), ..
                } => {
                    assert!(entity.field(name).is_some(), "{}.{name}", entity.name);
                }
                _ => {}
            }
        }
        for (name, collection) in &entity.collections {
            let child = schema.entities.get(&collection.entity).unwrap();
            assert!(child.field(&collection.via).is_some(), "{}.{name}", entity.name);
        }
    }
}

/// The kind of what an effect takes; `None` for what fits by itself.
fn kind_of(
    schema: &Schema,
    (entity, command): (&EntitySchema, &CommandSchema),
    from: &EffectValue,
) -> Option<FieldKind> {
    match from {
        EffectValue::Field(name) => Some(entity.field(name).unwrap().kind.clone()),
        EffectValue::Parameter(name) => Some(command.parameter(name.as_str()).unwrap().kind.clone()),
        EffectValue::Made(slot) => {
            let made = command.slots()[slot].clone();
            assert!(schema.entities.contains_key(&made));
            Some(FieldKind::Lookup { targets: vec![made] })
        }
        EffectValue::Record => Some(FieldKind::Lookup {
            targets: vec![entity.name.clone()],
        }),
        EffectValue::Now => Some(FieldKind::DateTime),
        EffectValue::Constant(_) => None,
    }
}

/// Whether every value of one kind is one of the other.
fn holds(field: &FieldKind, from: &FieldKind) -> bool {
    match (field, from) {
        (
            FieldKind::Text {
                max_chars: Some(most),
            },
            FieldKind::Text {
                max_chars: Some(many),
            },
        ) => many <= most,
        (FieldKind::Choice { options }, FieldKind::Choice { options: from }) => {
            from.iter().all(|option| options.contains(option))
        }
        (FieldKind::Lookup { targets }, FieldKind::Lookup { targets: from }) => {
            from.iter().all(|target| targets.contains(target))
        }
        (field, from) => field == from,
    }
}

#[test]
fn every_effect_of_a_command_fits_the_field_it_sets() {
    let schema = schema().unwrap();
    let mut count = 0;
    for entity in schema.entities.values() {
        for command in entity.commands.values() {
            let of = (&**entity, command);
            let fits = |owner: &EntitySchema, name: &FieldName, from: &EffectValue| {
                let field = owner.field(name).unwrap();
                match (kind_of(&schema, of, from), from) {
                    (Some(kind), _) => assert!(
                        holds(&field.kind, &kind),
                        "{}.{}: {name}",
                        entity.name,
                        command.name
                    ),
                    (None, EffectValue::Constant(Value::Choice(code))) => {
                        let FieldKind::Choice { options } = &field.kind else {
                            panic!("{name}")
                        };
                        assert!(options.iter().any(|option| option.code == *code), "{name} {code}");
                    }
                    (None, _) => {}
                }
            };
            for effect in &command.effects {
                count += 1;
                match effect {
                    Effect::Set { field, to } => fits(entity, field, to),
                    Effect::Make {
                        entity,
                        fields,
                        only_if,
                        ..
                    } => {
                        let made = schema.entity(entity.as_str()).unwrap();
                        assert!(made.guid_key().is_some());
                        fields.iter().for_each(|(name, from)| fits(made, name, from));
                        assert!(
                            only_if
                                .iter()
                                .all(|name| command.parameter(name.as_str()).is_some())
                        );
                    }
                }
            }
            for (name, allowed) in &command.when {
                let FieldKind::Choice { options } = &entity.field(name).unwrap().kind else {
                    panic!("{name}")
                };
                let known = |value: &Value| {
                    value
                        .as_text()
                        .is_none_or(|code| options.iter().any(|o| o.code == code))
                };
                assert!(allowed.iter().all(known));
            }
        }
    }
    assert!(count > 40, "{count}");
}

#[test]
fn sets_have_names_of_their_own() {
    let schema = schema().unwrap();
    let sets: std::collections::BTreeSet<_> = schema.entities.values().map(|entity| &entity.set).collect();
    assert_eq!(sets.len(), schema.entities.len());
}
