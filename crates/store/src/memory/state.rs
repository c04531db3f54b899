//! What a memory store holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_record::{
    EntityName, EntitySchema, LogEntry, LogId, Operation, OperationId, Record, RecordId, RequestId, Schema,
    Sending,
};

use crate::{CommitNumber, FileRow, Image, StoreError};

/// A record's place: entity and id.
pub(super) type Place = (EntityName, RecordId);

/// Everything that a store holds.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) number: CommitNumber,
    pub(super) schema: Arc<Schema>,
    /// The rows by entity, also of entities that are gone but have rows that must stay.
    pub(super) tables: BTreeMap<EntityName, Table>,
    /// The operations by sequence.
    pub(super) operations: BTreeMap<u64, Operation>,
    /// The sequence of each operation.
    pub(super) sequences: BTreeMap<OperationId, u64>,
    /// The sequences of pending operations by record.
    pub(super) pending: BTreeMap<Place, BTreeSet<u64>>,
    pub(super) sendings: BTreeMap<RequestId, Sending>,
    pub(super) images: BTreeMap<Place, Image>,
    pub(super) log: BTreeMap<LogId, LogEntry>,
    pub(super) notes: BTreeMap<String, Vec<u8>>,
    pub(super) files: BTreeMap<String, FileRow>,
}

/// The rows of an entity.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) entity: Arc<EntitySchema>,
    pub(super) loading: bool,
    pub(super) rows: BTreeMap<RecordId, Record>,
}

impl State {
    /// Returns the table of an entity of the schema.
    pub(super) fn table(&self, entity: &EntityName) -> Result<&Table, StoreError> {
        let known = self.schema.entities.contains_key(entity);
        let table = self.tables.get(entity).filter(|_| known);
        table.ok_or_else(|| StoreError::UnknownEntity(entity.to_string()))
    }

    /// Returns the table of an entity of the schema, to change it.
    pub(super) fn table_mut(&mut self, entity: &EntityName) -> Result<&mut Table, StoreError> {
        let known = self.schema.entities.contains_key(entity);
        let table = self.tables.get_mut(entity).filter(|_| known);
        table.ok_or_else(|| StoreError::UnknownEntity(entity.to_string()))
    }

    /// Returns the pending operations in sequence.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Operation> {
        self.operations
            .values()
            .filter(|operation| !operation.state.is_final())
    }
}
