//! The change feed: which records changed, in the order of commits.
//!
//! SQLite has one writer at a time, so the numbers that its transactions take rise in the order in which they commit:
//! who has read up to a number has missed nothing before it.

use rusqlite::{Connection, params};

use super::table::Table;

/// A change: its number and the record's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) seq: i64,
    pub(crate) id: String,
}

/// Appends a change, in the transaction that makes it.
pub(crate) fn append(connection: &Connection, table: &Table, seq: i64, id: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO feed$ (entity, seq, id) VALUES (?, ?, ?)")?
        .execute(params![table.number, seq, id])?;
    Ok(())
}

/// Returns changes of an entity after one number and up to another, oldest first, at most so many.
pub(crate) fn entries(
    connection: &Connection,
    table: &Table,
    after: i64,
    up_to: i64,
    most: usize,
) -> rusqlite::Result<Vec<Entry>> {
    connection
        .prepare_cached(
            "SELECT seq, id FROM feed$ WHERE entity = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
        )?
        .query_map(
            params![
                table.number,
                after,
                up_to,
                i64::try_from(most).unwrap_or(i64::MAX)
            ],
            |row| {
                Ok(Entry {
                    seq: row.get(0)?,
                    id: row.get(1)?,
                })
            },
        )?
        .collect()
}

/// Forgets changes so that at most about `kept` numbers remain; tokens from before are then too old.
pub(crate) fn prune(connection: &Connection, seq: i64, kept: i64) -> rusqlite::Result<()> {
    let floor = seq - kept;
    let old: i64 = connection.query_row("SELECT floor FROM state$", [], |row| row.get(0))?;
    // Each time a tenth is gone, so that a write rarely pays for it.
    if floor <= old + kept / 10 {
        return Ok(());
    }
    connection.execute("UPDATE state$ SET floor = ?", [floor])?;
    let mut numbers = connection.prepare_cached("SELECT number FROM entity$")?;
    for number in numbers.query_map([], |row| row.get::<_, i64>(0))? {
        connection.execute(
            "DELETE FROM feed$ WHERE entity = ? AND seq <= ?",
            params![number?, floor],
        )?;
    }
    Ok(())
}
