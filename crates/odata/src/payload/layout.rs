//! A layout: which fields a body has and how their values are written.

use std::collections::HashMap;
use std::sync::Arc;

use driftless_record::{EntityName, EntitySchema, FieldKind, FieldName, Schema};

use crate::csdl::{EntityFacts, WireType, navigation_name};

/// Limits on bodies from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most rows of a page, removed records included.
    pub rows: usize,
    /// The most names in one object, unknown ones included.
    pub names: usize,
    /// The deepest nesting.
    pub depth: u8,
}

impl Default for Limits {
    /// 100,000 rows, 5,000 names, depth 64.
    fn default() -> Self {
        Self {
            rows: 100_000,
            names: 5_000,
            depth: 64,
        }
    }
}

/// What to do with names that the entity does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// Pass over them: what a client does.
    #[default]
    Skip,
    /// Refuse the body: what a server does.
    Refuse,
}

/// Which fields of an entity a body has, in which order rows keep them, and how values are written.
///
/// Make one per entity and column list, and keep it: it holds everything that reading a row needs.
#[derive(Debug, Clone)]
pub struct Layout {
    pub(super) entity: Arc<EntitySchema>,
    pub(super) columns: Arc<[FieldName]>,
    pub(super) slots: Vec<Slot>,
    /// The places of the key fields, in the order of the key.
    pub(super) key: Vec<usize>,
    names: HashMap<Box<str>, Meaning>,
    /// What to do with unknown names.
    pub unknown: Unknown,
    /// Limits on what is read.
    pub limits: Limits,
}

/// One column.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) name: FieldName,
    pub(super) kind: SlotKind,
}

#[derive(Debug, Clone)]
pub(super) enum SlotKind {
    Bool,
    Int { least: i64, most: i64 },
    Decimal,
    Double,
    Text,
    Date,
    Time,
    DateTime,
    Duration,
    Guid,
    Binary,
    Choice { numbers: Vec<(i64, String)> },
    Choices { joined: bool },
    Lookup { targets: Vec<Target> },
    File,
}

/// An entity that a lookup may point to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) entity: EntityName,
    pub(super) schema: Option<Arc<EntitySchema>>,
    pub(super) key: TargetKey,
    pub(super) navigation: String,
}

/// How the key of a lookup's target is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetKey {
    Guid,
    Int,
    Text,
}

/// What a name in a body means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The value of a column.
    Value(usize),
    /// The entity that a lookup points to.
    Target(usize),
    /// The display name behind a lookup.
    Name(usize),
    /// What is known of a file.
    File(usize),
    /// A link that sets a lookup: column and target.
    Bind(usize, usize),
}

impl Layout {
    /// Makes a layout for some fields of an entity (empty: all), the key fields always included.
    ///
    /// `facts` are what the service's metadata says of the entity, if they are known.
    #[must_use]
    pub fn new(
        schema: &Schema,
        entity: &Arc<EntitySchema>,
        fields: &[FieldName],
        facts: Option<&EntityFacts>,
    ) -> Self {
        let wanted = |name: &FieldName| fields.is_empty() || fields.contains(name) || entity.is_key(name);
        let chosen: Vec<_> = entity.fields.iter().filter(|field| wanted(&field.name)).collect();
        let columns: Arc<[FieldName]> = chosen.iter().map(|field| field.name.clone()).collect();
        let slots: Vec<Slot> = chosen
            .iter()
            .map(|field| Slot {
                name: field.name.clone(),
                kind: slot_kind(schema, &field.name, &field.kind, facts),
            })
            .collect();
        let place = |name: &FieldName| columns.iter().position(|column| column == name);
        let key = entity.key.iter().filter_map(place).collect();
        let names = names(&slots);
        Self {
            entity: entity.clone(),
            columns,
            slots,
            key,
            names,
            unknown: Unknown::default(),
            limits: Limits::default(),
        }
    }

    /// Returns the layout with another treatment of unknown names.
    #[must_use]
    pub fn unknown(self, unknown: Unknown) -> Self {
        Self { unknown, ..self }
    }

    /// Returns the fields that rows have values for, in their order.
    #[must_use]
    pub fn columns(&self) -> &Arc<[FieldName]> {
        &self.columns
    }

    /// Returns the entity.
    #[must_use]
    pub fn entity(&self) -> &Arc<EntitySchema> {
        &self.entity
    }

    /// Finds what a name means; `guess` is the column that probably comes next.
    pub(super) fn meaning(&self, name: &str, guess: usize) -> Option<Meaning> {
        if self
            .slots
            .get(guess)
            .is_some_and(|slot| slot.name.as_str() == name)
        {
            return Some(Meaning::Value(guess));
        }
        self.names.get(name).copied()
    }
}

fn slot_kind(schema: &Schema, name: &FieldName, kind: &FieldKind, facts: Option<&EntityFacts>) -> SlotKind {
    match kind {
        FieldKind::Bool => SlotKind::Bool,
        FieldKind::Int { bits } => {
            let most = i64::MAX >> 64u8.saturating_sub((*bits).clamp(8, 64));
            SlotKind::Int {
                least: -most - 1,
                most,
            }
        }
        FieldKind::Decimal { .. } | FieldKind::Money { .. } => SlotKind::Decimal,
        FieldKind::Double => SlotKind::Double,
        FieldKind::Text { .. } => SlotKind::Text,
        FieldKind::Date => SlotKind::Date,
        FieldKind::Time => SlotKind::Time,
        FieldKind::DateTime => SlotKind::DateTime,
        FieldKind::Duration => SlotKind::Duration,
        FieldKind::Guid => SlotKind::Guid,
        FieldKind::Binary { .. } => SlotKind::Binary,
        FieldKind::Choice { options } => SlotKind::Choice {
            numbers: options
                .iter()
                .filter_map(|option| Some((option.number?, option.code.clone())))
                .collect(),
        },
        FieldKind::Choices { .. } => {
            let joined = facts.and_then(|facts| facts.wire.get(name));
            SlotKind::Choices {
                joined: matches!(joined, Some(WireType::Enum(_))),
            }
        }
        FieldKind::Lookup { targets } => SlotKind::Lookup {
            targets: targets
                .iter()
                .map(|entity| target(schema, name, targets.len(), entity, facts))
                .collect(),
        },
        FieldKind::File => SlotKind::File,
    }
}

fn target(
    schema: &Schema,
    field: &FieldName,
    count: usize,
    entity: &EntityName,
    facts: Option<&EntityFacts>,
) -> Target {
    let known = schema.entity(entity.as_str()).cloned();
    let key = known.as_ref().and_then(|known| match known.key.as_slice() {
        [one] => known.field(one).map(|field| &field.kind),
        _ => None,
    });
    let key = match key {
        Some(FieldKind::Guid) => TargetKey::Guid,
        Some(FieldKind::Int { .. }) => TargetKey::Int,
        _ => TargetKey::Text,
    };
    let told = facts
        .and_then(|facts| facts.navigations.get(field))
        .and_then(|by_target| by_target.get(entity));
    let navigation = told.cloned().unwrap_or_else(|| {
        let name = navigation_name(field);
        if count > 1 {
            format!("{name}_{entity}")
        } else {
            name
        }
    });
    Target {
        entity: entity.clone(),
        schema: known,
        key,
        navigation,
    }
}

fn names(slots: &[Slot]) -> HashMap<Box<str>, Meaning> {
    let mut names = HashMap::new();
    for (index, slot) in slots.iter().enumerate() {
        let name = slot.name.as_str();
        let mut add = |name: String, meaning| names.insert(name.into_boxed_str(), meaning);
        match &slot.kind {
            SlotKind::Lookup { targets } => {
                add(format!("{name}@driftless.target"), Meaning::Target(index));
                add(
                    format!("{name}@Microsoft.Dynamics.CRM.lookuplogicalname"),
                    Meaning::Target(index),
                );
                add(format!("{name}@driftless.name"), Meaning::Name(index));
                add(
                    format!("{name}@OData.Community.Display.V1.FormattedValue"),
                    Meaning::Name(index),
                );
                for (place, target) in targets.iter().enumerate() {
                    add(
                        format!("{}@odata.bind", target.navigation),
                        Meaning::Bind(index, place),
                    );
                    add(format!("{}@bind", target.navigation), Meaning::Bind(index, place));
                }
            }
            SlotKind::File => {
                add(format!("{name}@driftless.file"), Meaning::File(index));
            }
            _ => {}
        }
        add(name.to_owned(), Meaning::Value(index));
    }
    names
}
