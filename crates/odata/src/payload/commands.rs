//! What a command is given, and what it answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_record::value::Lookup;
use driftless_record::{
    CommandSchema, EntityName, EntitySchema, FieldKind, FieldName, FieldSchema, RecordId, Row, Schema, Value,
};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::error::PayloadError;
use super::layout::Layout;
use super::read::{read_body, read_record};
use super::write::{Numbers, write_record};

impl Layout {
    /// Makes the layout of what a command of an entity is given: one column for each parameter.
    #[must_use]
    pub fn of_parameters(schema: &Schema, entity: &EntityName, command: &CommandSchema) -> Self {
        let mut given = EntitySchema::new(entity.clone());
        for parameter in &command.parameters {
            given.add(parameter.clone());
        }
        Self::new(schema, &Arc::new(given), &[], None)
    }
}

/// The results of a command: the keys of the records that it has made, as members of its answer.
#[derive(Debug, Clone)]
pub struct Results {
    /// One column for each result.
    members: Layout,
    /// How the key of each is read where the answer lists the records themselves.
    records: BTreeMap<FieldName, Layout>,
}

impl Results {
    /// Makes the reader and writer of the results of a command of an entity: records of these entities, by the names
    /// of the results.
    #[must_use]
    pub fn new<'a>(
        schema: &Schema,
        entity: &EntityName,
        slots: impl IntoIterator<Item = (&'a FieldName, &'a EntityName)>,
    ) -> Self {
        let mut members = EntitySchema::new(entity.clone());
        let mut records = BTreeMap::new();
        for (slot, made) in slots {
            let targets = vec![made.clone()];
            members.add(FieldSchema::new(slot.clone(), FieldKind::Lookup { targets }));
            if let Some(entity) = schema.entity(made.as_str()) {
                records.insert(slot.clone(), Layout::new(schema, entity, &entity.key, None));
            }
        }
        Self {
            members: Layout::new(schema, &Arc::new(members), &[], None),
            records,
        }
    }

    /// Reads the ids that an answer tells, by the name of the result: as members of these names, or as the keys of the
    /// records in a list `value`, each of which names its type. What it tells in another way is not found.
    ///
    /// # Errors
    /// [`PayloadError::NotJson`] if the answer is cut short or no JSON at all: what it was about is not proved then.
    pub fn read(&self, bytes: &[u8]) -> Result<BTreeMap<FieldName, RecordId>, PayloadError> {
        serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| PayloadError::NotJson {
            line: error.line(),
            column: error.column(),
        })?;
        let members = read_body(bytes, &self.members).unwrap_or_default();
        let id = |(slot, value)| match value {
            Value::Lookup(made) => {
                let entity = &self.records.get(&slot)?.entity;
                Some((slot, RecordId::parse(entity, made.id.as_str()).ok()?))
            }
            _ => None,
        };
        let found: BTreeMap<_, _> = members.fields.into_iter().filter_map(id).collect();
        if found.is_empty() {
            return Ok(self.listed(bytes));
        }
        Ok(found)
    }

    fn listed(&self, bytes: &[u8]) -> BTreeMap<FieldName, RecordId> {
        #[derive(serde::Deserialize)]
        struct List<'a> {
            #[serde(borrow)]
            value: Vec<&'a RawValue>,
        }
        #[derive(serde::Deserialize)]
        struct Typed {
            #[serde(rename = "@odata.type", alias = "@type")]
            type_name: String,
        }
        let mut found = BTreeMap::new();
        let list: Result<List<'_>, _> = serde_json::from_slice(bytes);
        for record in list.into_iter().flat_map(|list| list.value) {
            let Ok(typed) = serde_json::from_str::<Typed>(record.get()) else {
                continue;
            };
            let simple = typed.type_name.rsplit(['.', '#']).next().unwrap_or_default();
            let slot = self
                .records
                .iter()
                .find(|(slot, layout)| !found.contains_key(*slot) && layout.entity.name.as_str() == simple);
            if let Some((slot, layout)) = slot
                && let Ok(read) = read_record(record.get().as_bytes(), layout)
            {
                found.insert(slot.clone(), read.record.id);
            }
        }
        found
    }

    /// Writes an answer: every result, those that were not made as null.
    #[must_use]
    pub fn write(&self, context: &str, made: &BTreeMap<FieldName, RecordId>, numbers: Numbers) -> Vec<u8> {
        let value = |slot: &FieldName| {
            let to = Lookup {
                entity: self.records.get(slot)?.entity.name.clone(),
                id: made.get(slot)?.clone(),
                name: None,
            };
            Some(Value::Lookup(to))
        };
        let row = Row {
            id: RecordId::from_canonical(""),
            revision: None,
            values: self
                .members
                .columns()
                .iter()
                .map(|slot| value(slot).unwrap_or_default())
                .collect(),
        };
        write_record(&self.members, &row, Some(context), &BTreeMap::new(), numbers)
    }
}

#[cfg(test)]
mod tests;
