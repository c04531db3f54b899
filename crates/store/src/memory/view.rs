//! Reading records.

use std::borrow::Cow;
use std::ops::Bound;
use std::sync::Arc;

use driftless_record::query::{Context, Lookups, eval};
use driftless_record::{
    Collation, DateTime, EntityName, FieldName, Query, Record, RecordId, Revision, Schema, Timestamp, Value,
};

use super::MemoryStore;
use super::state::State;
use crate::{StoreError, ViewReader};

impl ViewReader for MemoryStore {
    fn schema(&self) -> Result<Arc<Schema>, StoreError> {
        Ok(Arc::clone(&self.state().schema))
    }

    fn get(&self, entity: &EntityName, id: &RecordId) -> Result<Option<Record>, StoreError> {
        Ok(self.state().table(entity)?.rows.get(id).cloned())
    }

    fn query(&self, query: &Query, now: Timestamp) -> Result<Vec<Record>, StoreError> {
        let state = self.state();
        state.table(&query.entity)?;
        let context = Context {
            schema: &state.schema,
            collation: Collation::Binary,
            now: DateTime::from_timestamp(now),
            lookups: &*state,
        };
        let records = state.shown(&query.entity).cloned();
        eval::run(query, records, &context).map_err(|error| StoreError::Unfit(error.to_string()))
    }

    fn count(&self, query: &Query, now: Timestamp) -> Result<u64, StoreError> {
        let unpaged = Query {
            order: Vec::new(),
            skip: 0,
            top: None,
            ..query.clone()
        };
        Ok(self.query(&unpaged, now)?.len() as u64)
    }

    fn ids(
        &self,
        entity: &EntityName,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, Option<Revision>)>, StoreError> {
        let state = self.state();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = state
            .table(entity)?
            .rows
            .range::<RecordId, _>((start, Bound::Unbounded));
        Ok(rows
            .take(limit)
            .map(|(id, record)| (id.clone(), record.revision.clone()))
            .collect())
    }

    fn loading(&self) -> Result<Vec<EntityName>, StoreError> {
        let state = self.state();
        let loading = state.tables.iter().filter(|(_, table)| table.loading);
        Ok(loading.map(|(name, _)| name.clone()).collect())
    }
}

impl State {
    /// Returns the records of an entity that queries see: none while it is loading.
    fn shown(&self, entity: &EntityName) -> impl Iterator<Item = &Record> {
        let table = self.table(entity).ok().filter(|table| !table.loading);
        table.into_iter().flat_map(|table| table.rows.values())
    }
}

impl Lookups for State {
    fn record(&self, entity: &EntityName, id: &RecordId) -> Option<Cow<'_, Record>> {
        let table = self.table(entity).ok().filter(|table| !table.loading)?;
        table.rows.get(id).map(Cow::Borrowed)
    }

    fn children(
        &self,
        child: &EntityName,
        via: &FieldName,
        parent: (&EntityName, &RecordId),
    ) -> Vec<Cow<'_, Record>> {
        let points = |record: &&Record| match record.value(via) {
            Value::Lookup(lookup) => (&lookup.entity, &lookup.id) == parent,
            _ => false,
        };
        self.shown(child).filter(points).map(Cow::Borrowed).collect()
    }
}
