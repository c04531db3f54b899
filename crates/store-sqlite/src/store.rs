//! The store: one connection that writes, and some that read.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use driftless_record::{EntityName, Record, RecordId, Schema};
use driftless_store::{
    CommitNumber, Image, JournalReader as _, RecordStore, ViewReader as _, Write, WriteBatch,
};
use rusqlite::Connection;

use crate::StoreOptions;
use crate::catalogue::{Catalogue, State};
use crate::connection::{bulk, everyday, open_reader, open_writer};
use crate::error::{Result, of_database, unreadable};
use crate::write::Commit;

/// How many idle readers are kept for the next call.
const IDLE_READERS: usize = 4;

/// A store in an SQLite database, with a table for each entity.
///
/// Several threads and several processes may use one database at once: readers never wait, writers take turns.
#[derive(Debug)]
pub struct SqliteStore {
    options: StoreOptions,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
    catalogue: RwLock<Arc<Catalogue>>,
}

#[derive(Debug)]
struct Writer {
    connection: Connection,
    bulk: bool,
}

impl SqliteStore {
    /// Opens a store, and makes it if it is not there.
    ///
    /// # Errors
    /// [`driftless_store::StoreError::NewerFormat`] if a newer version wrote it and
    /// [`driftless_store::StoreError::Damaged`] if it is not readable; the file is not touched then.
    pub fn open(options: impl Into<StoreOptions>) -> Result<Self> {
        let options = options.into();
        let connection = open_writer(&options)?;
        let store = Self {
            options,
            writer: Mutex::new(Writer {
                connection,
                bulk: false,
            }),
            readers: Mutex::default(),
            catalogue: RwLock::default(),
        };
        let loading = store.read(|reader| {
            Ok(reader
                .catalogue
                .tables
                .values()
                .any(|t| t.state == State::Loading))
        })?;
        store.writer().set_bulk(loading)?;
        Ok(store)
    }

    /// Returns the path of the database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.options.path
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.catalogue.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, catalogue: &Arc<Catalogue>) {
        let mut shared = self.catalogue.write().unwrap_or_else(PoisonError::into_inner);
        if shared.generation < catalogue.generation {
            *shared = Arc::clone(catalogue);
        }
    }

    /// Reads as of one moment.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Reader<'_>) -> Result<T>) -> Result<T> {
        self.with_reader(|connection| self.read_with(connection, work))
    }

    /// Runs one statement, which sees one moment by itself, and needs no catalogue.
    pub(crate) fn look<T>(&self, work: impl FnOnce(&Look<'_>) -> Result<T>) -> Result<T> {
        self.at_hand(|connection| work(&Look { connection }))
    }

    /// Runs reads on the writer if it is free: its cache has what it wrote, while a reader's is void after each commit.
    fn at_hand<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        match self.writer.try_lock() {
            Ok(writer) if writer.connection.is_autocommit() => work(&writer.connection),
            _ => self.with_reader(work),
        }
    }

    fn with_reader<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.options)?,
        };
        let result = work(&connection);
        let ended = connection.is_autocommit() || execute(&connection, "ROLLBACK").is_ok();
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if ended && readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        result
    }

    /// Returns the schema as of now.
    pub(crate) fn current_schema(&self) -> Result<Arc<Schema>> {
        let generation = self.look(|look| Ok(read_position(look.connection)?.generation))?;
        let known = self.catalogue();
        if known.generation == generation {
            return Ok(Arc::clone(&known.schema));
        }
        self.read(|reader| Ok(Arc::clone(&reader.catalogue.schema)))
    }

    fn read_with<T>(
        &self,
        connection: &Connection,
        work: impl FnOnce(&Reader<'_>) -> Result<T>,
    ) -> Result<T> {
        execute(connection, "BEGIN")?;
        let position = read_position(connection)?;
        let mut catalogue = self.catalogue();
        if catalogue.generation != position.generation {
            catalogue = Arc::new(Catalogue::load(connection, position.generation)?);
            self.publish(&catalogue);
        }
        work(&Reader {
            connection,
            catalogue,
        })
    }
}

/// A connection within a reading transaction, and the catalogue as of that moment.
pub(crate) struct Reader<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) catalogue: Arc<Catalogue>,
}

/// A connection for one statement.
pub(crate) struct Look<'a> {
    pub(crate) connection: &'a Connection,
}

/// Where a store stands.
pub(crate) struct Position {
    /// The number of the last commit.
    pub(crate) number: i64,
    /// The generation of the catalogue.
    pub(crate) generation: i64,
    /// The key of the last entry.
    pub(crate) last_entry: i64,
}

/// Reads where a store stands.
pub(crate) fn read_position(connection: &Connection) -> Result<Position> {
    connection
        .prepare_cached(
            "SELECT max(position.number, coalesce(last.number, 0)), position.catalogue, coalesce(last.key, 0)
             FROM position LEFT JOIN entry AS last ON last.key = (SELECT max(key) FROM entry)
             WHERE position.one = 1",
        )
        .and_then(|mut statement| {
            statement.query_row([], |row| {
                Ok(Position {
                    number: row.get(0)?,
                    generation: row.get(1)?,
                    last_entry: row.get(2)?,
                })
            })
        })
        .map_err(of_database)
}

/// Turns a stored commit number into the port's.
pub(crate) fn commit_number(number: i64) -> Result<CommitNumber> {
    u64::try_from(number)
        .map(CommitNumber)
        .map_err(|_| unreadable("the commit number"))
}

/// Runs a statement without parameters and results.
pub(crate) fn execute(connection: &Connection, sql: &str) -> Result<()> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(|_| ())
        .map_err(of_database)
}

impl Writer {
    /// Sets the connection up for loading or for everyday work.
    fn set_bulk(&mut self, on: bool) -> Result<()> {
        if self.bulk != on {
            if on {
                bulk(&self.connection)?;
            } else {
                everyday(&self.connection)?;
            }
            self.bulk = on;
        }
        Ok(())
    }
}

impl RecordStore for SqliteStore {
    fn commit(&self, batch: WriteBatch) -> Result<CommitNumber> {
        let mut writer = self.writer();
        let mut commit = Commit::begin(&writer.connection, self.catalogue())?;
        commit.expect(batch.expect)?;
        let mut writes = batch.writes.iter().peekable();
        while let Some(write) = writes.next() {
            match (write, writes.peek()) {
                (Write::PutImage(image), Some(Write::PutOperation(operation))) => {
                    commit.put_edit(image, operation)?;
                    writes.next();
                }
                _ => commit.write(write)?,
            }
        }
        let (number, catalogue) = commit.finish()?;
        let loading = catalogue.tables.values().any(|t| t.state == State::Loading);
        self.publish(&catalogue);
        // The commit is done; a cache of another size would change nothing about that.
        let _ = writer.set_bulk(loading);
        Ok(number)
    }

    fn record_and_image(
        &self,
        entity: &EntityName,
        id: &RecordId,
    ) -> Result<(Option<Record>, Option<Image>)> {
        if let Some((record, image)) = self.with_image_at_hand(entity, id)? {
            return Ok((Some(record), image));
        }
        Ok((self.get(entity, id)?, self.image(entity, id)?))
    }

    fn position(&self) -> Result<CommitNumber> {
        self.look(|look| commit_number(read_position(look.connection)?.number))
    }
}
