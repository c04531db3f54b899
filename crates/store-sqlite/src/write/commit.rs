//! One commit, from its beginning to its end.

use std::cell::Cell;
use std::sync::Arc;

use driftless_store::{CommitNumber, StoreError, Write};
use rusqlite::Connection;

use crate::catalogue::Catalogue;
use crate::error::{Result, of_database};
use crate::store::{commit_number, execute, read_position};

/// A commit under way. Dropped before [`Commit::finish`], it leaves nothing behind.
pub(crate) struct Commit<'a> {
    pub(super) connection: &'a Connection,
    pub(super) catalogue: Arc<Catalogue>,
    /// The number of this commit.
    pub(super) number: i64,
    generation: i64,
    /// The key of the last entry before this commit.
    last_entry: i64,
    /// Whether the last entry is now one of this commit, and has its number.
    pub(super) appended: Cell<bool>,
}

impl<'a> Commit<'a> {
    /// Takes the writer's turn and the next number.
    pub(crate) fn begin(connection: &'a Connection, known: Arc<Catalogue>) -> Result<Self> {
        execute(connection, "BEGIN IMMEDIATE")?;
        let mut commit = Self {
            connection,
            generation: known.generation,
            catalogue: known,
            number: 0,
            last_entry: 0,
            appended: Cell::new(false),
        };
        let position = read_position(connection)?;
        commit.number = position.number + 1;
        commit.last_entry = position.last_entry;
        if position.generation != commit.generation {
            commit.catalogue = Arc::new(Catalogue::load(connection, position.generation)?);
            commit.generation = position.generation;
        }
        Ok(commit)
    }

    /// Checks that nothing was committed since the number that the batch was based on.
    pub(crate) fn expect(&self, expected: Option<CommitNumber>) -> Result<()> {
        let found = commit_number(self.number - 1)?;
        match expected {
            Some(expected) if expected != found => Err(StoreError::Stale { expected, found }),
            _ => Ok(()),
        }
    }

    /// Carries out one change.
    pub(crate) fn write(&mut self, write: &Write) -> Result<()> {
        match write {
            Write::PutRows(rows) => self.put_rows(rows),
            Write::RemoveRows(entity, ids) => self.remove_rows(entity, ids),
            Write::PutImage(image) => self.put_image(image),
            Write::DropImage(entity, id) => self.drop_image(entity, id),
            Write::PutOperation(operation) => self.put_operation(operation),
            Write::PutSending(sending) => self.put_sending(sending),
            Write::DropSending(id) => self.drop_sending(*id),
            Write::PutLog(entry) => self.put_log(entry),
            Write::PutNote(name, value) => self.put_note(name, value.as_deref()),
            Write::PutSchema(schema) => self.put_schema(schema),
            Write::BeginLoad(entity) => self.begin_load(entity),
            Write::EndLoad(entity) => self.end_load(entity),
            Write::PutFile(file) => self.put_file(file),
            Write::DropFile(content) => self.drop_file(content),
        }
    }

    /// Makes everything durable and returns the number of the commit, and the catalogue as it is now.
    pub(crate) fn finish(self) -> Result<(CommitNumber, Arc<Catalogue>)> {
        if self.catalogue.generation != self.generation {
            self.connection
                .execute(
                    "UPDATE position SET catalogue = ?1 WHERE one = 1",
                    [self.catalogue.generation],
                )
                .map_err(of_database)?;
        }
        if !self.appended.get() {
            self.run("UPDATE position SET number = ?1 WHERE one = 1", [self.number])?;
        }
        execute(self.connection, "COMMIT")?;
        Ok((commit_number(self.number)?, Arc::clone(&self.catalogue)))
    }

    /// Notes that an entry was put that has the number of this commit.
    pub(super) fn has_put_entry(&self, key: i64) {
        if key > self.last_entry {
            self.appended.set(true);
        }
    }

    /// Returns the generation that a changed catalogue gets.
    pub(super) fn next_generation(&self) -> i64 {
        self.generation + 1
    }

    /// Runs a statement that changes something.
    pub(super) fn run(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params))
            .map_err(of_database)
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        if !self.connection.is_autocommit() {
            // Nothing can be done about an error here; the next BEGIN would show it.
            let _ = execute(self.connection, "ROLLBACK");
        }
    }
}
