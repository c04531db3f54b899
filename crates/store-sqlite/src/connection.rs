//! Connections: how they are opened and set.

use std::time::Duration;

use driftless_store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Result, of_database};
use crate::key::KeyCheck;
use crate::migrate::STORE;
use crate::{StoreOptions, key};

/// How long a connection waits for another process before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 256;

/// Opens the one connection that writes, after bringing the database to the current format.
pub(crate) fn open_writer(options: &StoreOptions) -> Result<Connection> {
    let check = key::check(options)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut connection = open_with(options, flags)?;
    STORE.check(&connection)?;
    if check == KeyCheck::Unproved {
        key::remember(&connection, options)?;
    }
    make_durable(&connection)?;
    everyday(&connection)?;
    STORE.run(&mut connection)?;
    Ok(connection)
}

/// Sets a connection so that a commit that returned survives the loss of power.
pub(crate) fn make_durable(connection: &Connection) -> Result<()> {
    if switch_to_log(connection).map_err(of_database)? != "wal" {
        let why = "the file system has no shared memory for the write-ahead log";
        return Err(StoreError::Backend(why.into()));
    }
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
             PRAGMA journal_size_limit = 8388608;",
        )
        .map_err(of_database)
}

/// Asks for the write-ahead log and returns the mode that the database has then. The answer comes before the change is
/// carried out, so the statement is run to its end: else a disk that fails at that moment leaves a store behind that
/// says it is durable and is not.
fn switch_to_log(connection: &Connection) -> rusqlite::Result<String> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    let mut mode = String::new();
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    Ok(mode)
}

/// Opens a connection that only reads.
pub(crate) fn open_reader(options: &StoreOptions) -> Result<Connection> {
    let connection = open_with(options, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection
        .execute_batch("PRAGMA query_only = ON")
        .map_err(of_database)?;
    Ok(connection)
}

/// Opens a connection with its key and its safeguards.
pub(crate) fn open_with(options: &StoreOptions, flags: OpenFlags) -> Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags).map_err(of_database)?;
    key::apply(&connection, options)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(of_database)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    for (switch, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        // Otherwise a statement with a limit as parameter is compiled anew each time it runs.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
    ] {
        connection.set_db_config(switch, on).map_err(of_database)?;
    }
    Ok(connection)
}

/// Sets the writer up for a bulk load: a larger cache, and checkpoints only every 64 MiB.
pub(crate) fn bulk(connection: &Connection) -> Result<()> {
    connection
        .execute_batch("PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 16384")
        .map_err(of_database)
}

/// Sets the writer up for small commits.
pub(crate) fn everyday(connection: &Connection) -> Result<()> {
    connection
        .execute_batch("PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 1000")
        .map_err(of_database)
}
