//! Commands: actions of a back end beyond create, update and delete, declared as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::{CommandName, EntityName, FieldName};
use crate::record::Fields;
use crate::schema::FieldSchema;
use crate::time::{DateTime, Timestamp};
use crate::value::{Lookup, Value};
use crate::{FieldKind, RecordId};

/// A command of an entity: what it takes, when it is allowed and what it is expected to do.
///
/// A device shows the effect at once and sends the command later; a server that is built on the same schema carries
/// the same effect out. A back end that only names its actions has commands without an effect: they wait in the outbox
/// and nothing is shown of them before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandSchema {
    /// The name, as the back end calls the action.
    pub name: CommandName,
    /// The name that people read.
    pub label: String,
    /// What it takes, in order.
    #[serde(default)]
    pub parameters: Vec<FieldSchema>,
    /// The values that fields of the record must have; anything is allowed in fields without an entry.
    #[serde(default)]
    pub when: BTreeMap<FieldName, Vec<Value>>,
    /// What it does, in order.
    #[serde(default)]
    pub effects: Vec<Effect>,
}

/// One thing that a command does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Sets a field of the record that the command runs on; not from a parameter for which nothing was given.
    Set {
        /// The field.
        field: FieldName,
        /// Its new value.
        to: EffectValue,
    },
    /// Makes a record. The back end chooses its key and tells it as the member of its answer that the slot names.
    Make {
        /// The name of the result, by which other effects refer to the record.
        slot: FieldName,
        /// The entity.
        entity: EntityName,
        /// The fields.
        fields: BTreeMap<FieldName, EffectValue>,
        /// Parameters that can make it needless: the record is made unless one of them is false or, for any other kind
        /// of value, is given.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        only_if: Vec<FieldName>,
    },
}

/// Where an effect takes a value from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectValue {
    /// This value.
    Constant(Value),
    /// What was given for a parameter; null if nothing was.
    Parameter(FieldName),
    /// The record's value of a field, as it was before the command.
    Field(FieldName),
    /// A reference to the record.
    Record,
    /// A reference to what a slot holds: the record made there or, if none was made, the value of the parameter that
    /// made it needless.
    Made(FieldName),
    /// The moment at which the command runs.
    Now,
}

/// A command as somebody ran it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandCall {
    /// The command.
    pub name: CommandName,
    /// What was given for its parameters.
    pub parameters: Fields,
    /// The entities of the records that it is expected to make, by slot.
    pub makes: BTreeMap<FieldName, EntityName>,
}

/// What a command is expected to do, worked out for one record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expected {
    /// New values of the record.
    pub fields: Fields,
    /// Records to be made, in order.
    pub made: Vec<MadeRecord>,
}

/// A record that a command makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeRecord {
    /// The name of the result.
    pub slot: FieldName,
    /// The entity.
    pub entity: EntityName,
    /// The id.
    pub id: RecordId,
    /// The fields, without the key.
    pub fields: Fields,
}

/// What a command runs on.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The entity of the record.
    pub entity: &'a EntityName,
    /// The record.
    pub id: &'a RecordId,
    /// Its fields before the command.
    pub fields: &'a Fields,
    /// The display name of the record, for references to it.
    pub name: Option<&'a str>,
    /// The moment.
    pub now: Timestamp,
}

impl CommandSchema {
    /// Makes a command without parameters and effects, allowed always, whose label is its name.
    #[must_use]
    pub fn new(name: CommandName) -> Self {
        Self {
            label: name.to_string(),
            name,
            parameters: Vec::new(),
            when: BTreeMap::new(),
            effects: Vec::new(),
        }
    }

    /// Returns a parameter by its name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&FieldSchema> {
        self.parameters.iter().find(|p| p.name.as_str() == name)
    }

    /// Returns the entities of the records that it can make, by slot.
    #[must_use]
    pub fn slots(&self) -> BTreeMap<&FieldName, &EntityName> {
        let slots = self.effects.iter().filter_map(|effect| match effect {
            Effect::Make { slot, entity, .. } => Some((slot, entity)),
            Effect::Set { .. } => None,
        });
        slots.collect()
    }

    /// Returns the fields whose values do not allow the command on a record.
    #[must_use]
    pub fn forbidden_by(&self, fields: &Fields) -> Vec<&FieldName> {
        let value = |name: &FieldName| fields.get(name).unwrap_or(&Value::Null);
        let wrong = |(name, allowed): &(&FieldName, &Vec<Value>)| !allowed.contains(value(name));
        self.when.iter().filter(wrong).map(|(name, _)| name).collect()
    }

    /// Returns whether a record on which it was run does not allow it any more: it sets a field to a value under which it
    /// may not be run.
    #[must_use]
    pub fn leaves_its_states(&self) -> bool {
        self.effects.iter().any(|effect| match effect {
            Effect::Set {
                field,
                to: EffectValue::Constant(value),
            } => self
                .when
                .get(field)
                .is_some_and(|allowed| !allowed.contains(value)),
            Effect::Set { .. } | Effect::Make { .. } => false,
        })
    }

    /// Works out what the command does to a record. `new_id` gives the id for a record that is made of an entity.
    #[must_use]
    pub fn expected(
        &self,
        subject: &Subject<'_>,
        parameters: &Fields,
        mut new_id: impl FnMut(&EntityName) -> Option<RecordId>,
    ) -> Expected {
        let mut expected = Expected::default();
        let mut slots: BTreeMap<&FieldName, Value> = BTreeMap::new();
        for effect in &self.effects {
            let value = |of: &EffectValue| value(of, subject, parameters, &slots);
            match effect {
                Effect::Set {
                    to: EffectValue::Parameter(name),
                    ..
                } if !parameters.contains_key(name) => {}
                Effect::Set { field, to } => {
                    expected.fields.insert(field.clone(), value(to));
                }
                Effect::Make {
                    slot,
                    entity,
                    fields,
                    only_if,
                } => {
                    let given = only_if.iter().filter_map(|name| parameters.get(name));
                    let mut needless = given
                        .filter(|given| !matches!(given, Value::Null | Value::Bool(true)))
                        .peekable();
                    if needless.peek().is_some() {
                        let instead = needless.find(|given| matches!(given, Value::Lookup(_)));
                        slots.insert(slot, instead.cloned().unwrap_or_default());
                        continue;
                    }
                    let fields: Fields = fields
                        .iter()
                        .map(|(name, of)| (name.clone(), value(of)))
                        .filter(|(_, value)| !value.is_null())
                        .collect();
                    let Some(id) = new_id(entity) else { continue };
                    let to = Lookup {
                        entity: entity.clone(),
                        id: id.clone(),
                        name: None,
                    };
                    slots.insert(slot, Value::Lookup(to));
                    expected.made.push(MadeRecord {
                        slot: slot.clone(),
                        entity: entity.clone(),
                        id,
                        fields,
                    });
                }
            }
        }
        expected
    }
}

fn value(
    of: &EffectValue,
    subject: &Subject<'_>,
    parameters: &Fields,
    slots: &BTreeMap<&FieldName, Value>,
) -> Value {
    match of {
        EffectValue::Constant(value) => value.clone(),
        EffectValue::Parameter(name) => parameters.get(name).cloned().unwrap_or_default(),
        EffectValue::Field(name) => subject.fields.get(name).cloned().unwrap_or_default(),
        EffectValue::Record => Value::Lookup(Lookup {
            entity: subject.entity.clone(),
            id: subject.id.clone(),
            name: subject.name.map(str::to_owned),
        }),
        EffectValue::Made(slot) => match slots.get(slot) {
            Some(Value::Lookup(to)) => Value::Lookup(to.clone()),
            _ => Value::Null,
        },
        EffectValue::Now => Value::DateTime(DateTime::from_timestamp(subject.now)),
    }
}

/// Returns whether a kind can be the kind of a parameter: everything but files.
#[must_use]
pub fn is_parameter_kind(kind: &FieldKind) -> bool {
    !matches!(kind, FieldKind::File)
}

#[cfg(test)]
mod tests;
