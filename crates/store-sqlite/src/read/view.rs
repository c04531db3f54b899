//! Records as the user sees them.

use std::sync::Arc;

use driftless_record::{EntityName, Query, Record, RecordId, Revision, Schema, Timestamp};
use driftless_store::ViewReader;
use rusqlite::OptionalExtension as _;

use super::row::{identity, record};
use crate::SqliteStore;
use crate::catalogue::State;
use crate::error::{Result, of_database};

impl ViewReader for SqliteStore {
    fn schema(&self) -> Result<Arc<Schema>> {
        self.current_schema()
    }

    fn get(&self, entity: &EntityName, id: &RecordId) -> Result<Option<Record>> {
        if let Some(record) = self.get_at_hand(entity, id)? {
            return Ok(Some(record));
        }
        self.read(|reader| {
            let table = reader.catalogue.table(entity)?;
            let mut statement = reader
                .connection
                .prepare_cached(&table.select_one)
                .map_err(of_database)?;
            statement
                .query_row([id.as_str()], |row| Ok(record(entity, table.fields.iter(), row)))
                .optional()
                .map_err(of_database)?
                .transpose()
        })
    }

    fn query(&self, query: &Query, now: Timestamp) -> Result<Vec<Record>> {
        self.read(|reader| reader.query(query, now))
    }

    fn count(&self, query: &Query, now: Timestamp) -> Result<u64> {
        self.read(|reader| reader.count(query, now))
    }

    fn ids(
        &self,
        entity: &EntityName,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, Option<Revision>)>> {
        self.read(|reader| {
            let table = reader.catalogue.table(entity)?;
            // No id is empty, so the empty text is before every one.
            let after = after.map_or("", RecordId::as_str);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = reader
                .connection
                .prepare_cached(&table.select_ids)
                .map_err(of_database)?;
            let mut rows = statement.query((after, limit)).map_err(of_database)?;
            let mut ids = Vec::new();
            while let Some(row) = rows.next().map_err(of_database)? {
                ids.push(identity(row)?);
            }
            Ok(ids)
        })
    }

    fn loading(&self) -> Result<Vec<EntityName>> {
        self.read(|reader| {
            let loading =
                |(_, table): &(&EntityName, &Arc<crate::catalogue::Table>)| table.state == State::Loading;
            let tables = reader.catalogue.tables.iter().filter(loading);
            Ok(tables.map(|(name, _)| name.clone()).collect())
        })
    }
}

impl SqliteStore {
    /// Returns a record in one statement; `None` also if the catalogue has changed.
    fn get_at_hand(&self, entity: &EntityName, id: &RecordId) -> Result<Option<Record>> {
        let catalogue = self.catalogue();
        let Ok(table) = catalogue.table(entity) else {
            return Ok(None);
        };
        self.look(|look| {
            let Ok(mut statement) = look.connection.prepare_cached(&table.select_one) else {
                return Ok(None);
            };
            let last = statement.column_count().saturating_sub(1);
            let mut rows = statement.query([id.as_str()]).map_err(of_database)?;
            let Some(row) = rows.next().map_err(of_database)? else {
                return Ok(None);
            };
            let generation: i64 = row.get(last).map_err(of_database)?;
            if generation != catalogue.generation {
                return Ok(None);
            }
            record(entity, table.fields.iter(), row).map(Some)
        })
    }
}
