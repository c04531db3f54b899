//! Records as the user sees them.

use std::sync::Arc;

use driftless_record::{EntityName, Query, Record, RecordId, Revision, Schema, Timestamp};
use driftless_store::{Image, ViewReader};
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension as _, Params, Row};

use super::row::{identity, image, record};
use crate::SqliteStore;
use crate::catalogue::{State, Table};
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
                .query_row([id.as_str()], |row| Ok(record(entity, table.by_name(), row)))
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
        self.row_at_hand(
            entity,
            |table| &table.select_one,
            [id.as_str()],
            |table, row, _| record(entity, table.by_name(), row),
        )
    }

    /// Returns a record and its image in one statement, if the record is there.
    pub(crate) fn with_image_at_hand(
        &self,
        entity: &EntityName,
        id: &RecordId,
    ) -> Result<Option<(Record, Option<Image>)>> {
        self.row_at_hand(
            entity,
            |table| &table.select_with_image,
            [id.as_str(), entity.as_str()],
            |table, row, last| {
                let record = record(entity, table.by_name(), row)?;
                let image = match row.get_ref(last - 1).map_err(of_database)? {
                    ValueRef::Blob(payload) => Some(image(entity, id, payload)?),
                    _ => None,
                };
                Ok((record, image))
            },
        )
    }

    /// Reads one row in one statement, whose last column is the generation of the catalogue.
    fn row_at_hand<T>(
        &self,
        entity: &EntityName,
        sql: fn(&Table) -> &str,
        params: impl Params,
        read: impl Fn(&Table, &Row<'_>, usize) -> Result<T>,
    ) -> Result<Option<T>> {
        let catalogue = self.catalogue();
        let Ok(table) = catalogue.table(entity) else {
            return Ok(None);
        };
        self.look(|look| {
            let Ok(mut statement) = look.connection.prepare_cached(sql(table)) else {
                return Ok(None);
            };
            let last = statement.column_count().saturating_sub(1);
            let mut rows = statement.query(params).map_err(of_database)?;
            let Some(row) = rows.next().map_err(of_database)? else {
                return Ok(None);
            };
            let generation: i64 = row.get(last).map_err(of_database)?;
            if generation != catalogue.generation {
                return Ok(None);
            }
            read(table, row, last).map(Some)
        })
    }
}
