//! Entity schemas: what records look like and what is allowed on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::CommandSchema;
use crate::name::{CollectionName, CommandName, EntityName, FieldName};

/// The schema of a tenant: every entity that a device may hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Schema {
    /// The version, as the back end names it or as a hash of the entities; operations remember it.
    pub version: String,
    /// The entities by name.
    pub entities: BTreeMap<EntityName, Arc<EntitySchema>>,
}

impl Schema {
    /// Returns an entity by its name.
    #[must_use]
    pub fn entity(&self, name: &str) -> Option<&Arc<EntitySchema>> {
        self.entities.get(name)
    }

    /// Returns an entity by its name or by the name of its set, ignoring ASCII case if nothing matches exactly.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<&Arc<EntitySchema>> {
        let same = |a: &str, b: &str, exact: bool| if exact { a == b } else { a.eq_ignore_ascii_case(b) };
        [true, false].into_iter().find_map(|exact| {
            self.entities
                .values()
                .find(|e| same(e.name.as_str(), text, exact) || same(&e.set, text, exact))
        })
    }

    /// Adds or replaces an entity.
    pub fn add(&mut self, entity: EntitySchema) {
        self.entities.insert(entity.name.clone(), Arc::new(entity));
    }
}

/// The schema of an entity. Fields of base entities are repeated in it, so that one entity tells the whole story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntitySchema {
    /// The name.
    pub name: EntityName,
    /// The name of the collection on the wire, such as `Accounts`.
    pub set: String,
    /// The name that people read.
    pub label: String,
    /// The base entity, such as the activity pointer of a task.
    pub base: Option<EntityName>,
    /// Whether records exist only as one of the entities that have this one as base.
    pub is_abstract: bool,
    /// The key fields in order; at least one.
    pub key: Vec<FieldName>,
    /// The entities whose records a key field names, as in a line whose key has the number of its order.
    #[serde(default)]
    pub key_targets: BTreeMap<FieldName, Vec<EntityName>>,
    /// The alternate keys: fields whose values together no two records have. A record with none for one of them is not
    /// held against others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternate_keys: Vec<Vec<FieldName>>,
    /// The fields in the order of declaration.
    pub fields: Vec<FieldSchema>,
    /// Collections of child records, by name: the other ends of lookups.
    pub collections: BTreeMap<CollectionName, Collection>,
    /// What can be done with a record beyond create, update and delete.
    #[serde(default)]
    pub commands: BTreeMap<CommandName, CommandSchema>,
    /// The text field that serves as display name.
    pub display_field: Option<FieldName>,
    /// The date-time field that the server sets at each change of a record.
    pub modified_field: Option<FieldName>,
    /// What may be done with records.
    pub access: Access,
    /// Records are only ever added (messages, history): no update, no delete.
    pub append_only: bool,
    /// Records never leave the device.
    pub local_only: bool,
}

/// What may be done with the records of an entity, as the back end declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Records may be created.
    pub create: bool,
    /// Records may be updated.
    pub update: bool,
    /// Records may be deleted.
    pub delete: bool,
}

impl Access {
    /// Everything is allowed.
    pub const ALL: Self = Self {
        create: true,
        update: true,
        delete: true,
    };
    /// Records can only be read.
    pub const READ_ONLY: Self = Self {
        create: false,
        update: false,
        delete: false,
    };
}

/// The records of another entity that point here by a lookup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// The entity of the child records.
    pub entity: EntityName,
    /// The lookup field of the child that points here.
    pub via: FieldName,
    /// Whether the server deletes the children with their parent.
    pub cascade_delete: bool,
}

impl EntitySchema {
    /// Makes an entity without key and fields; the set is the name with an `s`, the label is the name.
    #[must_use]
    pub fn new(name: EntityName) -> Self {
        Self {
            set: format!("{name}s"),
            label: name.to_string(),
            name,
            base: None,
            is_abstract: false,
            key: Vec::new(),
            key_targets: BTreeMap::new(),
            alternate_keys: Vec::new(),
            fields: Vec::new(),
            collections: BTreeMap::new(),
            commands: BTreeMap::new(),
            display_field: None,
            modified_field: None,
            access: Access::ALL,
            append_only: false,
            local_only: false,
        }
    }

    /// Adds a field, or replaces the one of the same name in its place.
    pub fn add(&mut self, field: FieldSchema) {
        match self.fields.iter_mut().find(|known| known.name == field.name) {
            Some(known) => *known = field,
            None => self.fields.push(field),
        }
    }

    /// Returns a field by its name.
    #[must_use]
    pub fn field(&self, name: impl AsRef<str>) -> Option<&FieldSchema> {
        self.fields
            .iter()
            .find(|field| field.name.as_str() == name.as_ref())
    }

    /// Returns a command by its name, ignoring ASCII case if none matches exactly.
    #[must_use]
    pub fn command(&self, name: &str) -> Option<&CommandSchema> {
        let close = |known: &&CommandSchema| known.name.as_str().eq_ignore_ascii_case(name);
        self.commands
            .get(name)
            .or_else(|| self.commands.values().find(close))
    }

    /// Returns whether a field is part of the key.
    #[must_use]
    pub fn is_key(&self, name: &FieldName) -> bool {
        self.key.contains(name)
    }

    /// Returns the key field if it is a single guid, which a device can make up by itself.
    #[must_use]
    pub fn guid_key(&self) -> Option<&FieldName> {
        match self.key.as_slice() {
            [one]
                if self
                    .field(one)
                    .is_some_and(|f| f.kind == FieldKind::Guid && !f.server_made) =>
            {
                Some(one)
            }
            _ => None,
        }
    }

    /// Returns whether the server makes the key, or a part of it: what a device calls a new record until then is
    /// temporary.
    #[must_use]
    pub fn server_makes_key(&self) -> bool {
        self.key
            .iter()
            .any(|name| self.field(name).is_some_and(|field| field.server_made))
    }
}

impl AsRef<str> for FieldName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// The schema of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldSchema {
    /// The name.
    pub name: FieldName,
    /// The name that people read.
    pub label: String,
    /// What values it holds.
    pub kind: FieldKind,
    /// A create without a value for it is an error.
    pub required: bool,
    /// Null is a value of it. A field may be optional at create (the server has a default) and still not nullable.
    pub nullable: bool,
    /// Users cannot change it.
    pub read_only: bool,
    /// The server sets it (case number, totals, modification date); what a device shows until then is provisional.
    pub server_made: bool,
    /// Each change is an event of its own: changes are never merged on their way to the server.
    pub each_transition_matters: bool,
    /// Full-text search looks into it.
    pub searchable: bool,
    /// The names that the field had before, latest first: what waits under one of them goes on under this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_names: Vec<FieldName>,
}

impl FieldSchema {
    /// Makes an optional, writable field whose label is its name.
    #[must_use]
    pub fn new(name: FieldName, kind: FieldKind) -> Self {
        Self {
            label: name.to_string(),
            name,
            kind,
            required: false,
            nullable: true,
            read_only: false,
            server_made: false,
            each_transition_matters: false,
            searchable: false,
            former_names: Vec::new(),
        }
    }
}

/// What values a field holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FieldKind {
    /// True or false.
    Bool,
    /// A whole number.
    Int {
        /// 8, 16, 32 or 64 (signed), as the wire declares; the value must fit.
        bits: u8,
    },
    /// An exact decimal number.
    Decimal {
        /// The most digits altogether, if limited.
        precision: Option<u8>,
        /// The digits after the point; `None` if they vary.
        scale: Option<u8>,
    },
    /// An amount of money: a decimal, with the field that tells its currency.
    Money {
        /// The digits after the point.
        scale: u8,
        /// The field of the same record that tells the currency, if there is one.
        currency: Option<FieldName>,
    },
    /// A binary floating point number.
    Double,
    /// Text.
    Text {
        /// The most characters, if limited.
        max_chars: Option<u32>,
    },
    /// A date without time.
    Date,
    /// A time of day.
    Time,
    /// A date-time with offset.
    DateTime,
    /// A span of time.
    Duration,
    /// A globally unique id.
    Guid,
    /// Bytes, within the record.
    Binary {
        /// The most bytes, if limited.
        max_bytes: Option<u32>,
    },
    /// One of several options.
    Choice {
        /// The options in the order people see them.
        options: Vec<ChoiceOption>,
    },
    /// Any number of several options.
    Choices {
        /// The options in the order people see them.
        options: Vec<ChoiceOption>,
    },
    /// A reference to a record of one of some entities.
    Lookup {
        /// The entities that a value may point to; at least one.
        targets: Vec<EntityName>,
    },
    /// A file beside the record.
    File,
}

/// An option of a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceOption {
    /// The code that values hold.
    pub code: String,
    /// The number that the back end gives it, if it has one.
    pub number: Option<i64>,
    /// The name that people read.
    pub label: String,
}
