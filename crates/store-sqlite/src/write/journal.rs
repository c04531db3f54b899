//! The journal: operations, sendings, images, log entries, notes and file rows.

use driftless_record::{EntityName, LogEntry, Operation, RecordId, RequestId, Sending};
use driftless_store::{FileRow, Image, StoreError};

use super::Commit;
use crate::error::{Result, too_large, unreadable};
use crate::payload::{encode_image, encode_log, encode_operation, encode_sending};

/// Puts a new operation together with the image of its record; changes nothing if either is there already: without a
/// number the row is ignored. (A `SELECT` with a condition instead of `VALUES` would go through a temporary table.)
const PUT_EDIT: &str = "
    INSERT OR IGNORE INTO entry (key, id, entity, record, state, pending, payload, number, image)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
        iif(EXISTS (SELECT 1 FROM entry WHERE entity = ?3 AND record = ?4 AND image IS NOT NULL), NULL, ?8), ?9)";

const PUT_NEW: &str = "
    INSERT OR IGNORE INTO entry (key, id, entity, record, state, pending, payload, number)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const PUT_KNOWN: &str = "
    UPDATE entry SET state = ?5, pending = ?6, payload = ?7
    WHERE key = ?1 AND id = ?2 AND entity = ?3 AND record = ?4";

/// Puts an operation that has another place now: another sequence number, or another record.
const PUT_MOVED: &str = "
    UPDATE OR IGNORE entry
    SET key = ?1, entity = ?3, record = ?4, state = ?5, pending = ?6, payload = ?7, number = ?8, image = NULL
    WHERE id = ?2";

/// Gives the image that an operation was made with a row of its own, for it stays with the record.
const DETACH_IMAGE: &str = "
    INSERT INTO entry (key, entity, record, pending, image, number)
    SELECT (SELECT max(key) + 1 + max(key) % 2 FROM entry), entity, record, 0, image, ?2
    FROM entry WHERE id = ?1 AND image IS NOT NULL";

const PUT_IMAGE: &str = "
    UPDATE entry SET image = ?3 WHERE entity = ?1 AND record = ?2 AND image IS NOT NULL";

/// Puts an image that has no operation under the next odd number.
const PUT_LONE_IMAGE: &str = "
    INSERT INTO entry (key, entity, record, pending, image, number)
    VALUES ((SELECT coalesce(max(key) + 1 + max(key) % 2, 1) FROM entry), ?1, ?2, 0, ?3, ?4)";

const DROP_LONE_IMAGE: &str = "
    DELETE FROM entry WHERE entity = ?1 AND record = ?2 AND image IS NOT NULL AND id IS NULL";

const DROP_IMAGE: &str = "
    UPDATE entry SET image = NULL WHERE entity = ?1 AND record = ?2 AND image IS NOT NULL";

impl Commit<'_> {
    /// Puts an image and the operation that was made with it, in one row if both are new.
    pub(crate) fn put_edit(&self, image: &Image, operation: &Operation) -> Result<()> {
        if image.entity == operation.entity && image.id == operation.record {
            let row = OperationRow::new(operation)?;
            let (key, id, entity, record, state, pending, payload) = row.values();
            let image = encoded(image)?;
            let values = (
                key,
                id,
                entity,
                record,
                state,
                pending,
                payload,
                self.number,
                &image,
            );
            if self.run(PUT_EDIT, values)? > 0 {
                self.has_put_entry(key);
                return Ok(());
            }
        }
        self.put_image(image)?;
        self.put_operation(operation)
    }

    pub(super) fn put_operation(&self, operation: &Operation) -> Result<()> {
        let row = OperationRow::new(operation)?;
        let (key, id, entity, record, state, pending, payload) = row.values();
        if self.run(PUT_KNOWN, row.values())? > 0 {
            return Ok(());
        }
        let new = (key, id, entity, record, state, pending, payload, self.number);
        if self.run(PUT_NEW, new)? > 0 {
            self.has_put_entry(key);
            return Ok(());
        }
        self.run(DETACH_IMAGE, (id, self.number))?;
        if self.run(PUT_MOVED, new)? == 0 {
            let why = format!("operation {}: another has its sequence number", operation.id);
            return Err(StoreError::Unfit(why));
        }
        // It may have been the last entry, and be it no more.
        self.appended.set(false);
        self.has_put_entry(key);
        Ok(())
    }

    pub(super) fn put_sending(&self, sending: &Sending) -> Result<()> {
        let payload = encode_sending(sending).map_err(|_| unreadable("a sending"))?;
        self.run(
            "INSERT INTO sending (id, payload) VALUES (?1, ?2)
             ON CONFLICT (id) DO UPDATE SET payload = excluded.payload",
            (sending.id.0.as_bytes(), &payload),
        )?;
        Ok(())
    }

    pub(super) fn drop_sending(&self, id: RequestId) -> Result<()> {
        self.run("DELETE FROM sending WHERE id = ?1", [id.0.as_bytes()])?;
        Ok(())
    }

    pub(super) fn put_image(&self, image: &Image) -> Result<()> {
        let payload = encoded(image)?;
        let (entity, record) = (image.entity.as_str(), image.id.as_str());
        if self.run(PUT_IMAGE, (entity, record, &payload))? == 0 {
            self.run(PUT_LONE_IMAGE, (entity, record, &payload, self.number))?;
        }
        Ok(())
    }

    pub(super) fn drop_image(&self, entity: &EntityName, id: &RecordId) -> Result<()> {
        let place = (entity.as_str(), id.as_str());
        if self.run(DROP_LONE_IMAGE, place)? == 0 {
            self.run(DROP_IMAGE, place)?;
        }
        Ok(())
    }

    pub(super) fn put_log(&self, entry: &LogEntry) -> Result<()> {
        let id = i64::try_from(entry.id.0).map_err(|_| too_large("the number of a log entry"))?;
        let payload = encode_log(entry).map_err(|_| unreadable("a log entry"))?;
        self.run(
            "INSERT INTO log (id, open, payload) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET open = excluded.open, payload = excluded.payload",
            (id, entry.is_open(), &payload),
        )?;
        Ok(())
    }

    pub(super) fn put_note(&self, name: &str, value: Option<&[u8]>) -> Result<()> {
        match value {
            Some(value) => self.run(
                "INSERT INTO note (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value),
            )?,
            None => self.run("DELETE FROM note WHERE name = ?1", [name])?,
        };
        Ok(())
    }

    pub(super) fn put_file(&self, file: &FileRow) -> Result<()> {
        let size = i64::try_from(file.size).map_err(|_| too_large("the size of a file"))?;
        self.run(
            "INSERT INTO file (content, entity, record, field, size, sent) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (content) DO UPDATE SET entity = excluded.entity, record = excluded.record,
             field = excluded.field, size = excluded.size, sent = excluded.sent",
            (
                &file.content,
                file.entity.as_str(),
                file.id.as_str(),
                file.field.as_str(),
                size,
                file.sent,
            ),
        )?;
        Ok(())
    }

    pub(super) fn drop_file(&self, content: &str) -> Result<()> {
        self.run("DELETE FROM file WHERE content = ?1", [content])?;
        Ok(())
    }
}

/// The columns of an operation.
struct OperationRow<'a> {
    operation: &'a Operation,
    key: i64,
    payload: Vec<u8>,
}

impl<'a> OperationRow<'a> {
    fn new(operation: &'a Operation) -> Result<Self> {
        // Twice the sequence number must leave room for the odd number of an image.
        let key = i64::try_from(operation.sequence)
            .ok()
            .and_then(|sequence| sequence.checked_mul(2).filter(|key| *key < i64::MAX - 2));
        Ok(Self {
            operation,
            key: key.ok_or_else(|| too_large("the sequence number"))?,
            payload: encode_operation(operation).map_err(|_| unreadable("an operation"))?,
        })
    }

    fn values(&self) -> (i64, &[u8; 16], &str, &str, &str, bool, &[u8]) {
        let operation = self.operation;
        (
            self.key,
            operation.id.0.as_bytes(),
            operation.entity.as_str(),
            operation.record.as_str(),
            operation.state.word(),
            !operation.state.is_final(),
            &self.payload,
        )
    }
}

/// Checks that an image is of its record, and encodes it.
fn encoded(image: &Image) -> Result<Vec<u8>> {
    if let Some(server) = &image.server
        && (server.record.entity != image.entity || server.record.id != image.id)
    {
        return Err(StoreError::Unfit(format!(
            "the image of {} is of another record",
            image.entity
        )));
    }
    encode_image(image.server.as_ref(), image.gone).map_err(|_| unreadable("an image"))
}
