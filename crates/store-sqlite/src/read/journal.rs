//! The journal: operations, sendings, images, log entries, notes and file rows.

use std::collections::BTreeSet;

use driftless_record::{EntityName, FieldName, LogEntry, Operation, RecordId, RequestId, Sending};
use driftless_store::{FileRow, Image, JournalReader, LogSelection, OperationSelection, StoreError};
use rusqlite::types::FromSql;
use rusqlite::{OptionalExtension as _, Params, Row};

use super::row::image;
use crate::SqliteStore;
use crate::error::{Result, of_database, unreadable};
use crate::payload::{decode_log, decode_operation, decode_sending};
use crate::store::Look;

/// Finds the pending operations in the index of open entries, without a look at those that are final.
const PENDING: &str = "
    SELECT payload FROM entry
    WHERE key IN (SELECT key FROM entry INDEXED BY entry_open WHERE pending = 1) ORDER BY key LIMIT ?1";

/// Counts the pending operations.
pub(crate) const COUNT_PENDING: &str = "SELECT count(*) FROM entry WHERE pending = 1";

impl JournalReader for SqliteStore {
    fn operations(&self, selection: &OperationSelection) -> Result<Vec<Operation>> {
        self.look(|look| match selection {
            OperationSelection::Pending(limit) => look.operations(PENDING, [bound(*limit)]),
            OperationSelection::PendingOf(entity, id) => look.operations(
                "SELECT payload FROM entry WHERE entity = ?1 AND record = ?2 AND pending = 1 ORDER BY key",
                (entity.as_str(), id.as_str()),
            ),
            OperationSelection::One(id) => {
                look.operations("SELECT payload FROM entry WHERE id = ?1", [id.0.as_bytes()])
            }
            OperationSelection::Latest(limit) => look.operations(
                "SELECT payload FROM (SELECT key, payload FROM entry NOT INDEXED WHERE id IS NOT NULL
                                      ORDER BY key DESC LIMIT ?1) ORDER BY key",
                [bound(*limit)],
            ),
        })
    }

    fn pending(&self) -> Result<u64> {
        let count: Option<i64> = self.look(|look| look.one(COUNT_PENDING, []))?;
        Ok(count.map_or(0, i64::cast_unsigned))
    }

    fn sending(&self, id: RequestId) -> Result<Option<Sending>> {
        let payload: Option<String> =
            self.look(|look| look.one("SELECT payload FROM sending WHERE id = ?1", [id.0.as_bytes()]))?;
        payload
            .map(|text| decode_sending(&text).map_err(|_| unreadable("a sending")))
            .transpose()
    }

    fn image(&self, entity: &EntityName, id: &RecordId) -> Result<Option<Image>> {
        let payload: Option<Vec<u8>> = self.look(|look| {
            look.one(
                "SELECT image FROM entry WHERE entity = ?1 AND record = ?2 AND image IS NOT NULL",
                (entity.as_str(), id.as_str()),
            )
        })?;
        payload.map(|bytes| image(entity, id, &bytes)).transpose()
    }

    fn unsettled(&self, entity: &EntityName) -> Result<Vec<RecordId>> {
        let ids = self.look(|look| {
            look.texts(
                "SELECT record FROM entry WHERE entity = ?1 AND image IS NOT NULL ORDER BY record",
                [entity.as_str()],
            )
        })?;
        Ok(ids.iter().map(|id| RecordId::from_canonical(id)).collect())
    }

    fn log(&self, selection: &LogSelection) -> Result<Vec<LogEntry>> {
        let payloads = self.look(|look| match selection {
            LogSelection::Open => look.texts("SELECT payload FROM log WHERE open = 1 ORDER BY id", []),
            LogSelection::One(id) => {
                // A number that cannot be stored is the number of no entry.
                let id = i64::try_from(id.0).unwrap_or(-1);
                look.texts("SELECT payload FROM log WHERE id = ?1", [id])
            }
            LogSelection::Latest(limit) => look.texts(
                "SELECT payload FROM (SELECT id, payload FROM log ORDER BY id DESC LIMIT ?1) ORDER BY id",
                [bound(*limit)],
            ),
        })?;
        decoded(&payloads, |text| {
            decode_log(text).map_err(|_| unreadable("a log entry"))
        })
    }

    fn note(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.look(|look| look.one("SELECT value FROM note WHERE name = ?1", [name]))
    }

    fn files(&self, entity: &EntityName, id: &RecordId) -> Result<Vec<FileRow>> {
        self.look(|look| {
            let mut statement = look
                .connection
                .prepare_cached(
                    "SELECT content, field, size, sent FROM file WHERE entity = ?1 AND record = ?2 ORDER BY content",
                )
                .map_err(of_database)?;
            let mut rows = statement
                .query((entity.as_str(), id.as_str()))
                .map_err(of_database)?;
            let mut files = Vec::new();
            while let Some(row) = rows.next().map_err(of_database)? {
                files.push(file(entity, id, row)?);
            }
            Ok(files)
        })
    }
}

impl SqliteStore {
    /// Returns the content id of every file row.
    pub(crate) fn file_contents(&self) -> Result<BTreeSet<String>> {
        let contents = self.look(|look| look.texts("SELECT content FROM file", []))?;
        Ok(contents.into_iter().collect())
    }

    /// Returns whether the server has the bytes of a content id.
    pub(crate) fn is_sent(&self, content: &str) -> Result<bool> {
        let sent = self.look(|look| look.one("SELECT sent FROM file WHERE content = ?1", [content]))?;
        Ok(sent.unwrap_or(false))
    }
}

fn file(entity: &EntityName, id: &RecordId, row: &Row<'_>) -> Result<FileRow> {
    let field: String = row.get(1).map_err(of_database)?;
    let size: i64 = row.get(2).map_err(of_database)?;
    Ok(FileRow {
        content: row.get(0).map_err(of_database)?,
        entity: entity.clone(),
        id: id.clone(),
        field: FieldName::parse(&field).map_err(|_| unreadable("a file row"))?,
        size: size.cast_unsigned(),
        sent: row.get(3).map_err(of_database)?,
    })
}

impl Look<'_> {
    /// Returns the operations whose payloads are in the first column.
    fn operations(&self, sql: &str, params: impl Params) -> Result<Vec<Operation>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(of_database)?;
        let mut rows = statement.query(params).map_err(of_database)?;
        let mut operations = Vec::new();
        while let Some(row) = rows.next().map_err(of_database)? {
            let payload = row.get_ref(0).map_err(of_database)?.as_bytes();
            let operation = payload.ok().and_then(|payload| decode_operation(payload).ok());
            operations.push(operation.ok_or_else(|| unreadable("an operation"))?);
        }
        Ok(operations)
    }

    /// Returns the first column of every row.
    fn texts(&self, sql: &str, params: impl Params) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(of_database)?;
        let rows = statement
            .query_map(params, |row| row.get(0))
            .map_err(of_database)?;
        rows.collect::<rusqlite::Result<_>>().map_err(of_database)
    }

    /// Returns the first column of the first row.
    fn one<T: FromSql>(&self, sql: &str, params: impl Params) -> Result<Option<T>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(of_database)?;
        statement
            .query_row(params, |row| row.get(0))
            .optional()
            .map_err(of_database)
    }
}

fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn decoded<T>(payloads: &[String], decode: impl Fn(&str) -> Result<T>) -> Result<Vec<T>, StoreError> {
    payloads.iter().map(|payload| decode(payload)).collect()
}
