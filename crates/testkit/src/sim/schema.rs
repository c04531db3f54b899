//! The data that worlds are about: accounts, and contacts that refer to them.

#![expect(
    clippy::unwrap_used,
    reason = "the names are written here; a wrong one should fail at once"
)]

use driftless_record::{
    ChoiceOption, Collection, EntityName, EntitySchema, FieldKind, FieldName, FieldSchema, Fields, Lookup,
    RecordId, Schema, Value,
};

/// The entities of a world.
pub(super) const ENTITIES: [&str; 2] = ["Account", "Contact"];

/// The values of a status, each of whose transitions matters.
pub(super) const STATUSES: [&str; 3] = ["open", "won", "lost"];

pub(super) fn field(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

pub(super) fn entity(text: &str) -> EntityName {
    EntityName::parse(text).unwrap()
}

pub(super) fn fields(given: &[(&str, Value)]) -> Fields {
    given
        .iter()
        .map(|(name, value)| (field(name), value.clone()))
        .collect()
}

pub(super) fn lookup(to: &RecordId) -> Value {
    Value::Lookup(Lookup {
        entity: entity("Account"),
        id: to.clone(),
        name: None,
    })
}

/// Returns the schema.
pub(super) fn schema() -> Schema {
    let text = FieldKind::Text { max_chars: Some(40) };
    let required = |name: &str, kind: FieldKind| FieldSchema {
        required: true,
        ..FieldSchema::new(field(name), kind)
    };
    let mut account = EntitySchema::new(entity("Account"));
    account.key.push(field("id"));
    account.add(required("id", FieldKind::Guid));
    account.add(required("name", text.clone()));
    account.add(FieldSchema::new(field("city"), text.clone()));
    let options = STATUSES.map(|code| ChoiceOption {
        code: code.to_owned(),
        number: None,
        label: code.to_owned(),
    });
    account.add(FieldSchema {
        each_transition_matters: true,
        ..FieldSchema::new(
            field("status"),
            FieldKind::Choice {
                options: options.to_vec(),
            },
        )
    });
    account.display_field = Some(field("name"));
    let contacts = Collection {
        entity: entity("Contact"),
        via: field("account"),
        cascade_delete: false,
    };
    account
        .collections
        .insert("contacts".try_into().unwrap(), contacts);
    let mut contact = EntitySchema::new(entity("Contact"));
    contact.key.push(field("id"));
    contact.add(required("id", FieldKind::Guid));
    contact.add(required("name", text));
    let targets = vec![entity("Account")];
    contact.add(FieldSchema::new(field("account"), FieldKind::Lookup { targets }));
    contact.display_field = Some(field("name"));
    let mut schema = Schema {
        version: "1".to_owned(),
        ..Schema::default()
    };
    schema.add(account);
    schema.add(contact);
    schema
}
