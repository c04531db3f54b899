//! Formats of the database file, and the way from one to the next.

use driftless_store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Result, of_database};

/// The steps: the first makes format 1 of an empty file, each further one makes the next format of the one before.
const STEPS: &[&str] = &[include_str!("../migrations/0001_first.sql")];

/// The format that this version writes, and the newest one that it reads.
pub(crate) const FORMAT: u32 = 1;
const _: () = assert!(STEPS.len() == FORMAT as usize);

/// What marks a file as one of ours: `dfls` in ASCII.
const APPLICATION: i64 = 0x6466_6c73;

/// Says whether this version can read the file. Changes nothing.
pub(crate) fn check(connection: &Connection) -> Result<()> {
    let found = format(connection)?;
    if found > FORMAT {
        return Err(StoreError::NewerFormat {
            found,
            supported: FORMAT,
        });
    }
    let application: i64 = read(connection, "PRAGMA application_id")?;
    let objects: i64 = read(connection, "SELECT count(*) FROM sqlite_schema")?;
    let fresh = found == 0 && objects == 0;
    if !fresh && application != APPLICATION {
        return Err(StoreError::Damaged(
            "the file is a database of another program".to_owned(),
        ));
    }
    Ok(())
}

/// Brings the file to the current format, all steps or none.
pub(crate) fn run(connection: &mut Connection) -> Result<()> {
    if format(connection)? == FORMAT {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(of_database)?;
    // Another process may have been faster.
    let found = format(&transaction)?;
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        transaction.execute_batch(step).map_err(of_database)?;
    }
    transaction
        .execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {}",
            FORMAT.max(found)
        ))
        .map_err(of_database)?;
    transaction.commit().map_err(of_database)
}

fn format(connection: &Connection) -> Result<u32> {
    read(connection, "PRAGMA user_version")
}

fn read<T: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> Result<T> {
    connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(of_database)
}
