//! The data that worlds are about: accounts, and contacts that refer to them.

#![expect(
    clippy::unwrap_used,
    reason = "the names are written here; a wrong one should fail at once"
)]

use driftless_record::{
    ChoiceOption, Collection, EntityName, EntitySchema, FieldKind, FieldName, FieldSchema, Fields, Lookup,
    RecordId, Schema, Value,
};

use super::command::{self, Makes};
use super::random::Rng;

/// The entities of a world.
pub(super) const ENTITIES: [&str; 2] = ["Account", "Contact"];

/// What the city of accounts is called, now or at another time.
pub(super) const CITIES: [&str; 2] = ["city", "town"];

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

/// Returns the name by which people know a field, whatever it is called now.
pub(super) fn meant(name: &FieldName) -> FieldName {
    match CITIES.contains(&name.as_str()) {
        true => field(CITIES[0]),
        false => name.clone(),
    }
}

/// Returns whether two values say the same: a whole number may be written as text.
pub(super) fn says_the_same(one: &Value, other: &Value) -> bool {
    one == other || (is_kept_by_extra(one) && is_kept_by_extra(other) && one.to_string() == other.to_string())
}

fn is_kept_by_extra(value: &Value) -> bool {
    matches!(value, Value::Text(_) | Value::Int(_))
}

/// Returns fields as an account of this form shows them: by the names that they have in it, with the values that they
/// can have.
pub(super) fn shown_in(of: &EntitySchema, name: &FieldName, value: &Value) -> Option<(FieldName, Value)> {
    let now = of.fields.iter().find(|field| meant(&field.name) == meant(name))?;
    let value = match (&now.kind, value) {
        (FieldKind::Int { .. }, Value::Text(text)) => Value::Int(text.parse().ok()?),
        (FieldKind::Text { .. }, Value::Int(whole)) => Value::text(whole.to_string()),
        _ => value.clone(),
    };
    Some((now.name.clone(), value))
}

/// The form of a world's data, as far as it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// The field `extra` of accounts, if they have it.
    pub(super) extra: Option<Extra>,
    /// What the city of accounts is called.
    pub(super) city: &'static str,
    /// Whether a new account needs a city.
    pub(super) city_required: bool,
    /// Whether there are contacts.
    pub(super) contacts: bool,
    /// Whether the server makes the keys.
    pub(super) server_keys: bool,
    version: u32,
}

/// The kind of the field `extra`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extra {
    Text,
    Whole,
}

/// How the form of the data changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reshape {
    /// Accounts get the field `extra`, or lose it.
    Extra,
    /// The field `extra` takes other values.
    Retype,
    /// The city of accounts is called otherwise.
    Rename,
    /// New accounts need a city from here, or no longer.
    Require,
    /// There are no contacts any more, or there are again.
    Contacts,
}

impl Reshape {
    /// Draws a change.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        rng.pick(&[
            Self::Extra,
            Self::Extra,
            Self::Retype,
            Self::Retype,
            Self::Rename,
            Self::Rename,
            Self::Require,
            Self::Contacts,
        ])
        .unwrap_or(Self::Extra)
    }
}

impl Shape {
    /// Makes the form in which a world begins.
    pub(super) fn new(server_keys: bool) -> Self {
        Self {
            extra: None,
            city: "city",
            city_required: false,
            contacts: true,
            server_keys,
            version: 1,
        }
    }

    /// Changes it.
    pub(super) fn reshape(&mut self, how: Reshape) {
        self.version += 1;
        match how {
            Reshape::Extra => self.extra = self.extra.is_none().then_some(Extra::Text),
            Reshape::Retype => {
                self.extra = Some(match self.extra {
                    Some(Extra::Text) => Extra::Whole,
                    Some(Extra::Whole) | None => Extra::Text,
                });
            }
            Reshape::Rename => self.city = if self.city == "city" { "town" } else { "city" },
            Reshape::Require => self.city_required = !self.city_required,
            Reshape::Contacts => self.contacts = !self.contacts,
        }
    }

    /// Returns the schema.
    pub(super) fn schema(self, cascade_delete: bool) -> Schema {
        let mut schema = Schema {
            version: self.version.to_string(),
            ..Schema::default()
        };
        schema.add(self.account(cascade_delete));
        if self.contacts {
            schema.add(self.contact());
        }
        schema
    }

    fn key(self) -> FieldSchema {
        FieldSchema {
            server_made: self.server_keys,
            ..required("id", FieldKind::Guid)
        }
    }

    fn contact(self) -> EntitySchema {
        let mut contact = EntitySchema::new(entity("Contact"));
        contact.key.push(field("id"));
        contact.add(self.key());
        contact.add(required("name", text()));
        let targets = vec![entity("Account")];
        contact.add(FieldSchema::new(field("account"), FieldKind::Lookup { targets }));
        contact.display_field = Some(field("name"));
        contact
    }

    fn account(self, cascade_delete: bool) -> EntitySchema {
        let mut account = EntitySchema::new(entity("Account"));
        account.key.push(field("id"));
        account.add(self.key());
        account.add(required("name", text()));
        let former = CITIES.into_iter().filter(|name| *name != self.city);
        account.add(FieldSchema {
            required: self.city_required,
            former_names: former.map(field).collect(),
            ..FieldSchema::new(field(self.city), text())
        });
        account.add(status());
        match self.extra {
            Some(Extra::Text) => account.add(FieldSchema::new(field("extra"), text())),
            Some(Extra::Whole) => account.add(FieldSchema::new(field("extra"), FieldKind::Int { bits: 64 })),
            None => {}
        }
        command::add(
            &mut account,
            if self.contacts {
                Makes::AccountsAndContacts
            } else {
                Makes::Accounts
            },
        );
        account.display_field = Some(field("name"));
        if self.contacts {
            let contacts = Collection {
                entity: entity("Contact"),
                via: field("account"),
                cascade_delete,
            };
            account
                .collections
                .insert("contacts".try_into().unwrap(), contacts);
        }
        account
    }
}

fn text() -> FieldKind {
    FieldKind::Text { max_chars: Some(40) }
}

fn required(name: &str, kind: FieldKind) -> FieldSchema {
    FieldSchema {
        required: true,
        ..FieldSchema::new(field(name), kind)
    }
}

fn status() -> FieldSchema {
    let options = STATUSES.map(|code| ChoiceOption {
        code: code.to_owned(),
        number: None,
        label: code.to_owned(),
    });
    FieldSchema {
        each_transition_matters: true,
        ..FieldSchema::new(
            field("status"),
            FieldKind::Choice {
                options: options.to_vec(),
            },
        )
    }
}
