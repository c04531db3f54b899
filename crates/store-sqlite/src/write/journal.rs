//! The journal: operations, sendings, images, log entries, notes and file rows.

use driftless_record::{EntityName, LogEntry, Operation, RecordId, RequestId, Sending};
use driftless_store::{FileRow, Image, StoreError};
use rusqlite::ErrorCode;

use super::Commit;
use crate::error::{Result, too_large, unreadable};
use crate::payload::{encode_image, encode_log, encode_operation, encode_sending};

/// Puts a pending operation; changes nothing if its place is taken by another, or its id has another place.
const PUT_PENDING: &str = "
    INSERT INTO entry (key, id, entity, record, state, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (key) DO UPDATE SET state = excluded.state, payload = excluded.payload
    WHERE id = excluded.id AND entity = excluded.entity AND record = excluded.record";

const PUT_FINAL: &str = "
    INSERT INTO history (sequence, id, entity, record, state, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, entity = excluded.entity, record = excluded.record,
    state = excluded.state, payload = excluded.payload";

/// Puts an image in the place that the record's image has, or under the next odd number.
const PUT_IMAGE: &str = "
    INSERT INTO entry (key, entity, record, payload) VALUES (coalesce(
        (SELECT key FROM unsettled WHERE entity = ?1 AND record = ?2 AND key % 2 = 1),
        (SELECT max(key) + 1 + max(key) % 2 FROM entry),
        1
    ), ?1, ?2, ?3)
    ON CONFLICT (key) DO UPDATE SET payload = excluded.payload";

const DROP_IMAGE: &str = "
    DELETE FROM entry WHERE key = (SELECT key FROM unsettled WHERE entity = ?1 AND record = ?2 AND key % 2 = 1)";

impl Commit<'_> {
    pub(super) fn put_operation(&self, operation: &Operation) -> Result<()> {
        let id = operation.id.0.as_bytes();
        let sequence = i64::try_from(operation.sequence).ok();
        // Twice the sequence number must leave room for the odd number of an image.
        let key = sequence.and_then(|sequence| sequence.checked_mul(2).filter(|key| *key < i64::MAX - 2));
        let (Some(sequence), Some(key)) = (sequence, key) else {
            return Err(too_large("the sequence number"));
        };
        let payload = encode_operation(operation).map_err(|_| unreadable("an operation"))?;
        let (entity, record) = (operation.entity.as_str(), operation.record.as_str());
        let word = operation.state.word();
        let put = |sql, place: i64| match self.run(sql, (place, id, entity, record, word, &payload)) {
            Err(StoreError::Backend(source)) if is_constraint(source.as_ref()) => Ok(0),
            result => result,
        };
        let drop_pending = || self.run("DELETE FROM entry WHERE id = ?1", [id]);
        let mut done;
        if operation.state.is_final() {
            drop_pending()?;
            done = put(PUT_FINAL, sequence)?;
        } else {
            done = put(PUT_PENDING, key)?;
            if done == 0 && drop_pending()? > 0 {
                // It had another place.
                done = put(PUT_PENDING, key)?;
            }
        }
        if done == 0 {
            let why = format!("operation {}: another has its sequence number", operation.id);
            return Err(StoreError::Unfit(why));
        }
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
        if let Some(server) = &image.server
            && (server.record.entity != image.entity || server.record.id != image.id)
        {
            return Err(StoreError::Unfit(format!(
                "the image of {} is of another record",
                image.entity
            )));
        }
        let payload = encode_image(image.server.as_ref(), image.gone).map_err(|_| unreadable("an image"))?;
        let place = (image.entity.as_str(), image.id.as_str());
        self.run(PUT_IMAGE, (place.0, place.1, &payload))?;
        Ok(())
    }

    pub(super) fn drop_image(&self, entity: &EntityName, id: &RecordId) -> Result<()> {
        self.run(DROP_IMAGE, (entity.as_str(), id.as_str()))?;
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

fn is_constraint(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error
        .downcast_ref::<rusqlite::Error>()
        .and_then(rusqlite::Error::sqlite_error_code)
        .is_some_and(|code| code == ErrorCode::ConstraintViolation)
}
