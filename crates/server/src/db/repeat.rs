//! Replies kept for repeated requests, so that a request has its effect once however often it is sent.

use driftless_record::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

/// How long replies are kept: 90 days.
pub(crate) const KEPT_MILLIS: i64 = 90 * 86_400_000;

/// A kept reply.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// The hash of the request.
    pub(crate) fingerprint: Vec<u8>,
    /// The replies as JSON: one, or those of the members of an atomicity group.
    pub(crate) replies: String,
}

/// Returns the reply to a request that was executed before.
pub(crate) fn find(
    connection: &Connection,
    principal: &str,
    request: &str,
) -> rusqlite::Result<Option<Kept>> {
    connection
        .prepare_cached("SELECT fingerprint, replies FROM repeat$ WHERE principal = ? AND request = ?")?
        .query_row([principal, request], |row| {
            Ok(Kept {
                fingerprint: row.get(0)?,
                replies: row.get(1)?,
            })
        })
        .optional()
}

/// Keeps the reply to a request, in the transaction of its effect.
pub(crate) fn keep(
    connection: &Connection,
    principal: &str,
    request: &str,
    kept: &Kept,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO repeat$ (principal, request, fingerprint, replies, made) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![principal, request, kept.fingerprint, kept.replies, now.0])?;
    Ok(())
}

/// Forgets replies that are older than they are kept.
pub(crate) fn sweep(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM repeat$ WHERE made < ?")?
        .execute([now.0 - KEPT_MILLIS])?;
    Ok(())
}
