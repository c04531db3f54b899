//! Formats of database files, and the way from one to the next.

use driftless_store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Result, of_database};

/// The formats of one kind of database file.
pub(crate) struct Formats {
    /// The steps: the first makes format 1 of an empty file, each further one makes the next format of the one before.
    steps: &'static [&'static str],
    /// What marks a file as one of this kind.
    application: i64,
}

/// The store of an account; marked `dfls` in ASCII.
pub(crate) const STORE: Formats = Formats {
    steps: &[
        include_str!("../migrations/0001_first.sql"),
        include_str!("../migrations/0002_one_row_for_an_edit.sql"),
        include_str!("../migrations/0003_commands_and_handling.sql"),
    ],
    application: 0x6466_6c73,
};

/// The database of a home; marked `dflh` in ASCII.
pub(crate) const HOME: Formats = Formats {
    steps: &[include_str!("../migrations/device/0001_first.sql")],
    application: 0x6466_6c68,
};

impl Formats {
    /// Returns the format that this version writes, and the newest one that it reads.
    fn newest(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    /// Says whether this version can read a file. Changes nothing.
    pub(crate) fn check(&self, connection: &Connection) -> Result<()> {
        let found = format(connection)?;
        let application: i64 = read(connection, "PRAGMA application_id")?;
        let objects: i64 = read(connection, "SELECT count(*) FROM sqlite_schema")?;
        let fresh = found == 0 && objects == 0;
        if !fresh && application != self.application {
            return Err(StoreError::Damaged(
                "the file is a database of another program".to_owned(),
            ));
        }
        if found > self.newest() {
            let supported = self.newest();
            return Err(StoreError::NewerFormat { found, supported });
        }
        Ok(())
    }

    /// Brings a file to the newest format, all steps or none.
    pub(crate) fn run(&self, connection: &mut Connection) -> Result<()> {
        if format(connection)? == self.newest() {
            return Ok(());
        }
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(of_database)?;
        // Another process may have been faster.
        let found = format(&transaction)?;
        for step in self
            .steps
            .iter()
            .skip(usize::try_from(found).unwrap_or(usize::MAX))
        {
            transaction.execute_batch(step).map_err(of_database)?;
        }
        let (application, newest) = (self.application, self.newest().max(found));
        let marks = format!("PRAGMA application_id = {application}; PRAGMA user_version = {newest}");
        transaction.execute_batch(&marks).map_err(of_database)?;
        transaction.commit().map_err(of_database)
    }
}

fn format(connection: &Connection) -> Result<u32> {
    read(connection, "PRAGMA user_version")
}

fn read<T: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> Result<T> {
    connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(of_database)
}
