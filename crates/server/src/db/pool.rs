//! Connections: one that writes, several that read.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::state;

/// How many idle readers are kept open.
const MOST_IDLE: usize = 8;

/// The connections of a database.
#[derive(Debug)]
pub(crate) struct Pool {
    path: PathBuf,
    writer: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(crate) fn new(path: &Path, writer: Connection) -> Self {
        Self {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Returns the one connection that writes, waiting for it.
    pub(crate) fn writer(&self) -> MutexGuard<'_, Connection> {
        // A panic while it was held left a transaction that the next begin finds and ends.
        let guard = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if !guard.is_autocommit() {
            let _ = guard.execute_batch("ROLLBACK");
        }
        guard
    }

    /// Runs reads that all see the same state of the database.
    pub(crate) fn read<T, E: From<rusqlite::Error>>(
        &self,
        run: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => open(&self.path)?,
        };
        let result = {
            let transaction = connection.transaction()?;
            run(&transaction)
        };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push(connection);
        }
        result
    }
}

/// Opens a connection to the database file.
pub(crate) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    state::prepare(&connection)?;
    Ok(connection)
}
