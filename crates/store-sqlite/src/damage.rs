//! Damaged databases: moved aside, never deleted.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::{fs, io};

use driftless_record::{EntityName, Operation};
use driftless_store::{JournalReader as _, LogSelection, OperationSelection, StoreError, ViewReader as _};
use rusqlite::{Connection, OpenFlags, Statement};

use crate::connection::open_with;
use crate::error::{Result, of_database, of_file};
use crate::payload::decode_operation;
use crate::{SqliteStore, StoreOptions, folder, key};

/// A database that was moved aside, and what could still be read of it.
#[derive(Debug)]
pub struct Quarantined {
    /// Where the database file is now.
    pub path: PathBuf,
    /// The pending operations that are readable, in sequence.
    pub operations: Vec<Operation>,
    /// Whether that may be fewer than there were.
    pub incomplete: bool,
}

/// How a store was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Everything in it can be read.
    Sound,
    /// Something cannot, and what.
    Damaged(String),
}

impl SqliteStore {
    /// Reads a whole database to find damage that opening it does not show. Takes seconds for a large one.
    ///
    /// # Errors
    /// Those that say nothing about damage: a wrong key, a newer format, a busy store.
    pub fn examine(options: impl Into<StoreOptions>) -> Result<Health> {
        let examined = Self::open(options).and_then(|store| {
            store.look(|look| intact(look.connection, "1"))?;
            store.operations(&OperationSelection::Pending(usize::MAX))?;
            store.log(&LogSelection::Latest(usize::MAX))?;
            store.schema()?.entities.keys().try_for_each(|entity| {
                for id in store.unsettled(entity)? {
                    store.image(entity, &id)?;
                }
                read_records(&store, entity)
            })
        });
        match examined {
            Ok(_) => Ok(Health::Sound),
            Err(StoreError::Damaged(what)) => Ok(Health::Damaged(what)),
            Err(error) => Err(error),
        }
    }

    /// Moves a database that cannot be opened aside, with everything that belongs to it, under a name with a number;
    /// then reads from it what operations it can. A fresh store can be made in its place.
    ///
    /// Nobody may have the store open. After a crash in between, the database is where it was or where it goes, with
    /// its log beside it.
    ///
    /// # Errors
    /// Those of the file system; the database is where it was then.
    pub fn quarantine(options: impl Into<StoreOptions>) -> Result<Quarantined> {
        let options = options.into();
        let aside = free_name(&options.path)?;
        move_aside(&options.path, &aside).map_err(of_file)?;
        let moved = StoreOptions {
            path: aside.clone(),
            key: options.key,
        };
        let (operations, incomplete) = readable(&moved);
        Ok(Quarantined {
            path: aside,
            operations,
            incomplete,
        })
    }
}

/// Reads every record of an entity.
fn read_records(store: &SqliteStore, entity: &EntityName) -> Result<()> {
    let mut after = None;
    loop {
        let ids = store.ids(entity, after.as_ref(), 1_000)?;
        let Some((last, _)) = ids.last() else {
            return Ok(());
        };
        after = Some(last.clone());
        for (id, _) in &ids {
            store.get(entity, id)?;
        }
    }
}

/// What a database cannot be read without: its log with the last commits, and the record of its key.
const COMPANIONS: [&str; 2] = ["-wal", ".key"];

/// Reads the pending operations that can be read, in sequence; the second answer says that there may be more.
pub(crate) fn readable(options: &StoreOptions) -> (Vec<Operation>, bool) {
    let mut operations = Vec::new();
    let incomplete = salvage(options, &mut operations).is_err();
    operations.sort_by_key(|operation| operation.sequence);
    (operations, incomplete)
}

/// Checks what is named: a table with its indexes, or with a number everything, told up to so many problems.
fn intact(connection: &Connection, what: &str) -> Result<()> {
    let told: String = connection
        .query_row(&format!("PRAGMA integrity_check({what})"), [], |row| row.get(0))
        .map_err(of_database)?;
    if told == "ok" {
        Ok(())
    } else {
        Err(StoreError::Damaged(told))
    }
}

/// Moves a database. What it cannot be read without is there before it comes, and stays here until it has gone.
fn move_aside(from: &Path, to: &Path) -> io::Result<()> {
    for suffix in COMPANIONS {
        match fs::copy(with_suffix(from, suffix), with_suffix(to, suffix)) {
            Ok(_) => fs::File::open(with_suffix(to, suffix))?.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    folder::move_to(from, to)?;
    for suffix in ["-wal", "-shm", ".key"] {
        folder::delete_file(&with_suffix(from, suffix))?;
    }
    Ok(())
}

/// Reads operations from wherever the database gives any; an error says that there may be more.
fn salvage(options: &StoreOptions, operations: &mut Vec<Operation>) -> Result<()> {
    key::check(options)?;
    let connection = open_with(options, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut found = Found::default();
    let read = found.read_on(&connection);
    operations.extend(found.operations.into_values());
    read?;
    if found.damaged {
        return Err(crate::error::unreadable("an operation"));
    }
    // Damage may have taken rows away without a trace among the others.
    intact(&connection, "entry")
}

/// How often the table is entered anew behind damage, at most.
const ENTRIES: usize = 4096;

/// How far behind damage that goes on to the end it is tried.
const NEAR: i64 = 1 << 16;

/// What was read of the table of operations, which is in the order of its keys.
#[derive(Default)]
struct Found {
    operations: BTreeMap<i64, Operation>,
    damaged: bool,
}

impl Found {
    /// Reads forward; behind each damage, enters the table at larger and larger distances until it reads on; and then
    /// halves the gaps that are left. Fails if the table cannot be read at all.
    fn read_on(&mut self, connection: &Connection) -> Result<()> {
        let mut statement = connection
            .prepare(
                "SELECT key, id, payload FROM entry NOT INDEXED WHERE key BETWEEN ?1 AND ?2 ORDER BY key",
            )
            .map_err(of_database)?;
        let mut gaps = VecDeque::new();
        let mut reached = self
            .read(&mut statement, i64::MIN, i64::MAX)
            .map(|key| key.unwrap_or(0));
        while let Err(last) = reached {
            self.damaged = true;
            let last = last.unwrap_or(0);
            // The first place behind the damage, and how far it reads from there.
            let behind = (0..i64::BITS - 2).find_map(|power| {
                let from = last.checked_add(1_i64 << power)?;
                match self.read(&mut statement, from, i64::MAX) {
                    Err(None) => None,
                    read => Some((from, read)),
                }
            });
            let Some((from, read)) = behind else {
                gaps.push_back((last.saturating_add(1), last.saturating_add(NEAR)));
                break;
            };
            gaps.push_back((last.saturating_add(1), from.saturating_sub(1)));
            reached = read.map(|key| key.unwrap_or(from));
        }
        let mut entries = 0;
        while let Some((from, to)) = gaps.pop_front().filter(|_| entries < ENTRIES) {
            if from > to {
                continue;
            }
            entries += 1;
            let middle = i64::midpoint(from, to);
            gaps.push_back((from, middle.saturating_sub(1)));
            // What is behind the damage again is read up to the end of the gap.
            if let Err(last) = self.read(&mut statement, middle, to) {
                gaps.push_back((last.unwrap_or(middle).saturating_add(1), to));
            }
        }
        Ok(())
    }

    /// Reads a stretch and returns its last key; an error has the last key before the damage.
    fn read(
        &mut self,
        statement: &mut Statement<'_>,
        from: i64,
        to: i64,
    ) -> Result<Option<i64>, Option<i64>> {
        let mut last = None;
        let mut rows = statement.query([from, to]).map_err(|_| None)?;
        while let Some(row) = rows.next().map_err(|_| last)? {
            let key: i64 = row.get(0).map_err(|_| last)?;
            // Keys that do not grow are damage, too, and would be read for ever.
            if key < from || last.is_some_and(|last| key <= last) {
                return Err(last);
            }
            last = Some(key);
            if row.get_ref(1).is_ok_and(|id| id.as_blob().is_err()) {
                continue;
            }
            let payload = row.get_ref(2).ok();
            let operation = payload.and_then(|payload| decode_operation(payload.as_bytes().ok()?).ok());
            match operation {
                Some(operation) if operation.state.is_final() => {}
                Some(operation) => drop(self.operations.insert(key, operation)),
                None => self.damaged = true,
            }
        }
        Ok(last)
    }
}

fn free_name(path: &Path) -> Result<PathBuf> {
    for number in 1_u32.. {
        let name = with_suffix(path, &format!(".damaged-{number}"));
        if !name.try_exists().map_err(of_file)? {
            return Ok(name);
        }
    }
    Err(of_file(std::io::ErrorKind::AlreadyExists.into()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
