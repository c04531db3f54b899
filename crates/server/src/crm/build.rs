//! Makes the schema from its declaration.

use driftless_record::name::InvalidName;
use driftless_record::schema::Collection;
use driftless_record::{
    Access, ChoiceOption, CollectionName, CommandName, CommandSchema, Effect, EffectValue, EntityName,
    EntitySchema, FieldKind, FieldName, FieldSchema, Schema, Value,
};

use super::declare::{CommandDef, EffectDef, EntityDef, FieldDef, From, Holds, Kind, OnDelete};
use super::{activities, commands, directory, sales, service};

/// The version of the built-in schema; raised with each change of it.
const VERSION: &str = "crm-3";

/// Returns the built-in CRM schema.
///
/// # Errors
/// [`InvalidName`] never happens: the names are constants that a test reads.
pub fn schema() -> Result<Schema, InvalidName> {
    let declared = [
        directory::ENTITIES,
        sales::ENTITIES,
        service::ENTITIES,
        activities::ENTITIES,
    ];
    let declared = || declared.into_iter().flatten();
    let base_def = declared().find(|def| def.kind == Kind::Base);
    let base = base_def.map(|def| entity(def, None)).transpose()?;
    let mut entities = Vec::new();
    for def in declared() {
        entities.push(entity(def, base.as_ref().filter(|_| def.kind.is_activity()))?);
    }
    for def in declared().filter(|def| def.kind != Kind::Base) {
        let inherited = base_def
            .filter(|_| def.kind.is_activity())
            .map_or(&[][..], |base| base.fields);
        for field in inherited.iter().chain(def.fields) {
            add_collection(&mut entities, def, field)?;
        }
    }
    for of in commands::COMMANDS {
        for entity in entities
            .iter_mut()
            .filter(|e| of.entities.contains(&e.name.as_str()))
        {
            for def in of.commands {
                let command = command(def)?;
                entity.commands.insert(command.name.clone(), command);
            }
        }
    }
    let mut schema = Schema {
        version: VERSION.to_owned(),
        ..Schema::default()
    };
    for entity in entities {
        schema.add(entity);
    }
    Ok(schema)
}

fn entity(def: &EntityDef, base: Option<&EntitySchema>) -> Result<EntitySchema, InvalidName> {
    let mut entity = EntitySchema::new(EntityName::parse(def.name)?);
    def.set.clone_into(&mut entity.set);
    def.label.clone_into(&mut entity.label);
    entity.is_abstract = def.kind == Kind::Base;
    entity.append_only = def.kind == Kind::AppendOnly;
    entity.access = match def.kind {
        Kind::Open | Kind::Activity => Access::ALL,
        Kind::ReadOnly | Kind::ReadOnlyActivity => Access::READ_ONLY,
        Kind::AppendOnly => Access {
            create: true,
            ..Access::READ_ONLY
        },
        Kind::Base => Access {
            delete: true,
            ..Access::READ_ONLY
        },
    };
    let id = FieldName::parse("id")?;
    entity.key = vec![id.clone()];
    match base {
        Some(base) => {
            entity.base = Some(base.name.clone());
            entity.fields.clone_from(&base.fields);
        }
        None => entity.add(FieldSchema {
            label: "Id".to_owned(),
            nullable: false,
            ..FieldSchema::new(id, FieldKind::Guid)
        }),
    }
    for def in def.fields {
        let field = field(def)?;
        if def.unique {
            entity.alternate_keys.push(vec![field.name.clone()]);
        }
        entity.add(field);
    }
    for (name, label) in [("created_at", "Created"), ("modified_at", "Modified")] {
        entity.add(FieldSchema {
            label: label.to_owned(),
            server_made: true,
            read_only: true,
            ..FieldSchema::new(FieldName::parse(name)?, FieldKind::DateTime)
        });
    }
    entity.modified_field = Some(FieldName::parse("modified_at")?);
    if !def.display.is_empty() {
        entity.display_field = Some(FieldName::parse(def.display)?);
    }
    Ok(entity)
}

fn field(def: &FieldDef) -> Result<FieldSchema, InvalidName> {
    let options = |options: &[(&str, &str)]| {
        let option = |(code, label): &(&str, &str)| ChoiceOption {
            code: (*code).to_owned(),
            number: None,
            label: (*label).to_owned(),
        };
        options.iter().map(option).collect::<Vec<_>>()
    };
    let kind = match def.holds {
        Holds::Bool => FieldKind::Bool,
        Holds::Int => FieldKind::Int { bits: 32 },
        Holds::Decimal(precision, scale) => FieldKind::Decimal {
            precision: Some(precision),
            scale: Some(scale),
        },
        Holds::Money => FieldKind::Money {
            scale: 2,
            currency: Some(FieldName::parse("currency_id")?),
        },
        Holds::Double => FieldKind::Double,
        Holds::Text(max_chars) => FieldKind::Text {
            max_chars: Some(max_chars),
        },
        Holds::Date => FieldKind::Date,
        Holds::DateTime => FieldKind::DateTime,
        Holds::Duration => FieldKind::Duration,
        Holds::Choice(list) => FieldKind::Choice {
            options: options(list),
        },
        Holds::Choices(list) => FieldKind::Choices {
            options: options(list),
        },
        Holds::Lookup(targets) => FieldKind::Lookup {
            targets: targets
                .iter()
                .map(|name| EntityName::parse(name))
                .collect::<Result<_, _>>()?,
        },
    };
    Ok(FieldSchema {
        label: def.label.to_owned(),
        required: def.required,
        nullable: !def.required,
        read_only: def.server_made,
        server_made: def.server_made,
        each_transition_matters: def.each_transition,
        searchable: def.searchable,
        ..FieldSchema::new(FieldName::parse(def.name)?, kind)
    })
}

fn command(def: &CommandDef) -> Result<CommandSchema, InvalidName> {
    let mut command = CommandSchema::new(CommandName::parse(def.name)?);
    def.label.clone_into(&mut command.label);
    command.parameters = def.parameters.iter().map(field).collect::<Result<_, _>>()?;
    for (field, choices) in def.when {
        let value = |choice: &Option<&str>| choice.map_or(Value::Null, |code| Value::Choice(code.to_owned()));
        let allowed = choices.iter().map(value).collect();
        command.when.insert(FieldName::parse(field)?, allowed);
    }
    for effect in def.effects {
        command.effects.push(match effect {
            EffectDef::Set(field, to) => Effect::Set {
                field: FieldName::parse(field)?,
                to: value(to)?,
            },
            EffectDef::Make {
                slot,
                entity,
                only_if,
                fields,
            } => Effect::Make {
                slot: FieldName::parse(slot)?,
                entity: EntityName::parse(entity)?,
                fields: fields
                    .iter()
                    .map(|(name, from)| Ok((FieldName::parse(name)?, value(from)?)))
                    .collect::<Result<_, _>>()?,
                only_if: only_if
                    .iter()
                    .map(|name| FieldName::parse(name))
                    .collect::<Result<_, _>>()?,
            },
        });
    }
    Ok(command)
}

fn value(from: &From) -> Result<EffectValue, InvalidName> {
    Ok(match *from {
        From::Bool(value) => EffectValue::Constant(Value::Bool(value)),
        From::Int(value) => EffectValue::Constant(Value::Int(value)),
        From::Choice(code) => EffectValue::Constant(Value::Choice(code.to_owned())),
        From::Parameter(name) => EffectValue::Parameter(FieldName::parse(name)?),
        From::Field(name) => EffectValue::Field(FieldName::parse(name)?),
        From::Record => EffectValue::Record,
        From::Made(slot) => EffectValue::Made(FieldName::parse(slot)?),
        From::Now => EffectValue::Now,
    })
}

/// Adds the collection that a lookup makes up to its target. Activities of several kinds share a collection's name,
/// so theirs is named after the set, such as `tasks`.
fn add_collection(
    entities: &mut [EntitySchema],
    def: &EntityDef,
    field: &FieldDef,
) -> Result<(), InvalidName> {
    let (Some((name, on_delete)), Holds::Lookup(targets)) = (field.collection, field.holds) else {
        return Ok(());
    };
    let name = if def.kind.is_activity() {
        snake(def.set)
    } else {
        name.to_owned()
    };
    let collection = Collection {
        entity: EntityName::parse(def.name)?,
        via: FieldName::parse(field.name)?,
        cascade_delete: on_delete == OnDelete::Cascade,
    };
    let name = CollectionName::parse(&name)?;
    for entity in entities.iter_mut().filter(|e| targets.contains(&e.name.as_str())) {
        entity.collections.insert(name.clone(), collection.clone());
    }
    Ok(())
}

/// Turns `PhoneCalls` into `phone_calls`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (index, c) in name.char_indices() {
        if c.is_ascii_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}
