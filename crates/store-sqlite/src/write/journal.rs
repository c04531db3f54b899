//! The journal: operations, sendings, images, log entries, notes and file rows.

use driftless_record::{EntityName, LogEntry, Operation, RecordId, RequestId, Sending};
use driftless_store::{FileRow, Image, StoreError};
use rusqlite::ErrorCode;

use super::Commit;
use crate::error::{Result, too_large, unreadable};
use crate::payload::{encode_image, encode_log, encode_operation, encode_sending};

macro_rules! put_operation {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (sequence, id, entity, record, state, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, entity = excluded.entity,
             record = excluded.record, state = excluded.state, payload = excluded.payload"
        )
    };
}

impl Commit<'_> {
    pub(super) fn put_operation(&self, operation: &Operation) -> Result<()> {
        let (put, drop) = if operation.state.is_final() {
            (put_operation!("history"), "DELETE FROM outbox WHERE id = ?1")
        } else {
            (put_operation!("outbox"), "DELETE FROM history WHERE id = ?1")
        };
        let sequence = i64::try_from(operation.sequence).map_err(|_| too_large("the sequence number"))?;
        let payload = encode_operation(operation).map_err(|_| unreadable("an operation"))?;
        self.run(drop, [operation.id.0.as_bytes()])?;
        let put = self.run(
            put,
            (
                sequence,
                operation.id.0.as_bytes(),
                operation.entity.as_str(),
                operation.record.as_str(),
                operation.state.word(),
                &payload,
            ),
        );
        put.map(|_| ()).map_err(|error| match &error {
            StoreError::Backend(source) if is_constraint(source.as_ref()) => StoreError::Unfit(format!(
                "operation {}: another has its sequence number",
                operation.id
            )),
            _ => error,
        })
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
        self.run(
            "INSERT INTO image (entity, record, payload) VALUES (?1, ?2, ?3)
             ON CONFLICT (entity, record) DO UPDATE SET payload = excluded.payload",
            (image.entity.as_str(), image.id.as_str(), &payload),
        )?;
        Ok(())
    }

    pub(super) fn drop_image(&self, entity: &EntityName, id: &RecordId) -> Result<()> {
        self.run(
            "DELETE FROM image WHERE entity = ?1 AND record = ?2",
            (entity.as_str(), id.as_str()),
        )?;
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
