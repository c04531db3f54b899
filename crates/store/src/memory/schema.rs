//! Schema changes and bulk loads.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_record::{EntityName, EntitySchema, RecordId, Schema, Value};

use super::apply::Undo;
use super::state::{State, Table};
use crate::{StoreError, check_schema, convert, former_name};

impl State {
    pub(super) fn put_schema(&mut self, schema: Arc<Schema>, undo: &mut Vec<Undo>) -> Result<(), StoreError> {
        check_schema(&schema)?;
        let (before, tables) = (Arc::clone(&self.schema), self.tables.clone());
        undo.push(Box::new(move |state| {
            state.schema = before;
            state.tables = tables;
        }));
        for (name, entity) in &schema.entities {
            let table = match self.tables.remove(name) {
                Some(mut table) => {
                    if !self.schema.entities.contains_key(name) {
                        // What has settled while the entity was gone is not brought back.
                        table.rows.retain(|id, _| self.is_unsettled(name, id));
                    }
                    self.changed(table, entity)
                }
                None => Table {
                    entity: Arc::clone(entity),
                    loading: false,
                    rows: BTreeMap::new(),
                },
            };
            self.tables.insert(name.clone(), table);
        }
        for (name, mut table) in std::mem::take(&mut self.tables) {
            if !schema.entities.contains_key(&name) {
                table.loading = false;
                table.rows.retain(|id, _| self.is_unsettled(&name, id));
            }
            if schema.entities.contains_key(&name) || !table.rows.is_empty() {
                self.tables.insert(name, table);
            }
        }
        self.schema = schema;
        Ok(())
    }

    /// Brings a table after the new schema of its entity.
    fn changed(&self, mut table: Table, entity: &Arc<EntitySchema>) -> Table {
        if table.entity.key != entity.key {
            table.rows.retain(|id, _| self.is_unsettled(&entity.name, id));
        }
        for record in table.rows.values_mut() {
            let old = std::mem::take(&mut record.fields);
            for field in &entity.fields {
                let value = old.get(former_name(entity, field, |name| old.contains_key(name)));
                let value = value.and_then(|value| convert(value, &field.kind));
                record
                    .fields
                    .insert(field.name.clone(), value.unwrap_or(Value::Null));
            }
        }
        table.entity = Arc::clone(entity);
        table
    }

    /// Returns whether a record has a pending operation or an image.
    fn is_unsettled(&self, entity: &EntityName, id: &RecordId) -> bool {
        let place = (entity.clone(), id.clone());
        self.pending.contains_key(&place) || self.images.contains_key(&place)
    }

    pub(super) fn set_loading(
        &mut self,
        entity: &EntityName,
        loading: bool,
        undo: &mut Vec<Undo>,
    ) -> Result<(), StoreError> {
        let table = self.table_mut(entity)?;
        let before = std::mem::replace(&mut table.loading, loading);
        let entity = entity.clone();
        undo.push(Box::new(move |state| {
            if let Some(table) = state.tables.get_mut(&entity) {
                table.loading = before;
            }
        }));
        Ok(())
    }
}
