//! Records, and rows of records as they come in pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Stamp;
use crate::id::{RecordId, Revision};
use crate::name::{EntityName, FieldName};
use crate::value::Value;

/// The values of a record by field.
pub type Fields = BTreeMap<FieldName, Value>;

/// A record: an entity's fields at one time. Fields that are not on the device are absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The entity.
    pub entity: EntityName,
    /// The id.
    pub id: RecordId,
    /// The revision of the server data behind it; `None` if the server has never had it or gives none.
    pub revision: Option<Revision>,
    /// The values.
    pub fields: Fields,
}

impl Record {
    /// Returns a field's value; absent fields are null.
    #[must_use]
    pub fn value(&self, field: &FieldName) -> &Value {
        self.fields.get(field).unwrap_or(&Value::Null)
    }
}

/// A server record with the stamps of its fields, as far as the server keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRecord {
    /// The record.
    pub record: Record,
    /// Per field, when it was last edited; empty where the back end keeps no stamps.
    pub stamps: BTreeMap<FieldName, Stamp>,
}

/// A row of a [`RowSet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The id.
    pub id: RecordId,
    /// The revision, if the server gives one.
    pub revision: Option<Revision>,
    /// The values, in the order of the set's columns.
    pub values: Vec<Value>,
}

/// Many rows of one entity, all with the same columns: what a page holds and what a store loads in bulk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSet {
    /// The entity.
    pub entity: EntityName,
    /// The fields that each row has values for, key fields included.
    pub columns: Arc<[FieldName]>,
    /// The rows.
    pub rows: Vec<Row>,
}

impl RowSet {
    /// Returns one row as a record.
    #[must_use]
    pub fn record(&self, row: &Row) -> Record {
        Record {
            entity: self.entity.clone(),
            id: row.id.clone(),
            revision: row.revision.clone(),
            fields: self
                .columns
                .iter()
                .cloned()
                .zip(row.values.iter().cloned())
                .collect(),
        }
    }
}
