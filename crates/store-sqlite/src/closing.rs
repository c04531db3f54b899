//! Closing a store for good: from one moment on nobody's edit is taken, in whichever process.

use driftless_store::StoreError;
use rusqlite::TransactionBehavior;

use crate::connection::open_writer;
use crate::error::{Result, of_database};
use crate::read::COUNT_PENDING;
use crate::{SqliteStore, StoreOptions};

/// Refuses every new entry. The schema of the database is read anew by every connection, so it holds for those too that
/// were open before.
const CLOSE: &str = "
    CREATE TRIGGER IF NOT EXISTS closed BEFORE INSERT ON entry
    BEGIN SELECT raise(ABORT, 'this account is being signed out'); END";

/// What is to become of a store with pending operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pending {
    /// It stays open.
    Keep,
    /// It is closed all the same.
    Close,
}

/// Closes a store and returns how many operations are pending, as of the same moment: an edit comes before and is
/// counted, or after and is refused.
pub(crate) fn close(options: &StoreOptions, pending: Pending) -> Result<u64> {
    let mut connection = open_writer(options)?;
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(of_database)?;
    let operations: i64 = transaction
        .query_row(COUNT_PENDING, [], |row| row.get(0))
        .map_err(of_database)?;
    if operations == 0 || pending == Pending::Close {
        transaction.execute_batch(CLOSE).map_err(of_database)?;
        transaction.commit().map_err(of_database)?;
    }
    u64::try_from(operations).map_err(|_| StoreError::Damaged("the number of operations".to_owned()))
}

impl SqliteStore {
    /// Returns whether the store takes no edits any more.
    pub(crate) fn is_closed(&self) -> Result<bool> {
        self.look(|look| {
            let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name = 'closed'";
            look.connection
                .query_row(sql, [], |row| row.get(0))
                .map_err(of_database)
        })
    }
}

/// Takes edits again.
pub(crate) fn reopen(options: &StoreOptions) -> Result<()> {
    open_writer(options)?
        .execute_batch("DROP TRIGGER IF EXISTS closed")
        .map_err(of_database)
}
