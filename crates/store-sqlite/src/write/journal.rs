//! The journal: operations, sendings, images, log entries, notes and file rows.

use driftless_record::{EntityName, LogEntry, Operation, RecordId, RequestId, Sending};
use driftless_store::{FileRow, Image, StoreError};
use rusqlite::{ErrorCode, OptionalExtension as _};

use super::Commit;
use crate::error::{Result, of_database, too_large, unreadable};
use crate::payload::{encode_image, encode_log, encode_operation, encode_sending};

const TAKE_MARK: &str = "DELETE FROM unsettled WHERE entity = ?1 AND record = ?2 AND key = ?3";
const PUT_MARK: &str = "INSERT INTO unsettled (entity, record, key) VALUES (?1, ?2, ?3)";

impl Commit<'_> {
    pub(super) fn put_operation(&self, operation: &Operation) -> Result<()> {
        let id = operation.id.0.as_bytes();
        let sequence = i64::try_from(operation.sequence).ok();
        // Twice the sequence number must leave room for the odd number of an image.
        let key = sequence.and_then(|sequence| sequence.checked_mul(2).filter(|key| *key < i64::MAX - 2));
        let (Some(sequence), Some(key)) = (sequence, key) else {
            return Err(too_large("the sequence number"));
        };
        let place = (operation.entity.as_str(), operation.record.as_str(), key);
        let payload = encode_operation(operation).map_err(|_| unreadable("an operation"))?;
        let word = operation.state.word();
        let pending = !operation.state.is_final();
        let known = self.pending_place(id)?;
        if pending
            && known
                .as_ref()
                .is_some_and(|known| place == (&known.0, &known.1, known.2))
        {
            let update = "UPDATE entry SET state = ?2, payload = ?3 WHERE key = ?1";
            return self.run(update, (key, word, &payload)).map(|_| ());
        }
        if let Some(known) = known {
            self.run("DELETE FROM entry WHERE key = ?1", [known.2])?;
            self.run(TAKE_MARK, known)?;
        }
        self.run("DELETE FROM history WHERE id = ?1", [id])?;
        let inserted = if pending {
            let insert =
                "INSERT INTO entry (key, id, entity, record, state, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            self.run(insert, (key, id, place.0, place.1, word, &payload))
        } else {
            let insert = "INSERT INTO history (sequence, id, entity, record, state, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            self.run(insert, (sequence, id, place.0, place.1, word, &payload))
        };
        inserted.map_err(|error| match &error {
            StoreError::Backend(source) if is_constraint(source.as_ref()) => StoreError::Unfit(format!(
                "operation {}: another has its sequence number",
                operation.id
            )),
            _ => error,
        })?;
        if pending {
            self.run(PUT_MARK, place)?;
        }
        Ok(())
    }

    /// Returns entity, record and key of a pending operation.
    fn pending_place(&self, id: &[u8; 16]) -> Result<Option<(String, String, i64)>> {
        self.connection
            .prepare_cached("SELECT entity, record, key FROM entry WHERE id = ?1")
            .and_then(|mut statement| {
                let place = statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
                place.optional()
            })
            .map_err(of_database)
    }

    /// Returns the key of the image of a record.
    fn image_key(&self, entity: &EntityName, id: &RecordId) -> Result<Option<i64>> {
        self.connection
            .prepare_cached("SELECT key FROM unsettled WHERE entity = ?1 AND record = ?2 AND key % 2 = 1")
            .and_then(|mut statement| {
                let key = statement.query_row((entity.as_str(), id.as_str()), |row| row.get(0));
                key.optional()
            })
            .map_err(of_database)
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
        if let Some(key) = self.image_key(&image.entity, &image.id)? {
            self.run("UPDATE entry SET payload = ?2 WHERE key = ?1", (key, &payload))?;
            return Ok(());
        }
        let key: i64 = self
            .connection
            .prepare_cached(
                "INSERT INTO entry (key, payload)
                 VALUES ((SELECT coalesce(max(key) + 1 + max(key) % 2, 1) FROM entry), ?1) RETURNING key",
            )
            .and_then(|mut statement| statement.query_row([&payload], |row| row.get(0)))
            .map_err(of_database)?;
        self.run(PUT_MARK, (image.entity.as_str(), image.id.as_str(), key))?;
        Ok(())
    }

    pub(super) fn drop_image(&self, entity: &EntityName, id: &RecordId) -> Result<()> {
        if let Some(key) = self.image_key(entity, id)? {
            self.run("DELETE FROM entry WHERE key = ?1", [key])?;
            self.run(TAKE_MARK, (entity.as_str(), id.as_str(), key))?;
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

fn is_constraint(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error
        .downcast_ref::<rusqlite::Error>()
        .and_then(rusqlite::Error::sqlite_error_code)
        .is_some_and(|code| code == ErrorCode::ConstraintViolation)
}
