//! Damaged databases: moved aside, never deleted.

use std::fs;
use std::path::{Path, PathBuf};

use driftless_record::Operation;
use rusqlite::OpenFlags;

use crate::connection::open_with;
use crate::error::{Result, of_database, of_file};
use crate::payload::decode_operation;
use crate::{SqliteStore, StoreOptions, key};

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

impl SqliteStore {
    /// Moves a database that cannot be opened aside, with everything that belongs to it, under a name with a number;
    /// then reads from it what operations it can. A fresh store can be made in its place.
    ///
    /// Nobody may have the store open.
    ///
    /// # Errors
    /// Those of the file system; the database is where it was then.
    pub fn quarantine(options: impl Into<StoreOptions>) -> Result<Quarantined> {
        let options = options.into();
        let aside = free_name(&options.path)?;
        fs::rename(&options.path, &aside).map_err(of_file)?;
        for suffix in ["-wal", "-shm", ".key"] {
            match fs::rename(with_suffix(&options.path, suffix), with_suffix(&aside, suffix)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(of_file(error)),
                _ => {}
            }
        }
        let moved = StoreOptions {
            path: aside.clone(),
            key: options.key,
        };
        let mut operations = Vec::new();
        let incomplete = salvage(&moved, &mut operations).is_err();
        operations.sort_by_key(|operation| operation.sequence);
        Ok(Quarantined {
            path: aside,
            operations,
            incomplete,
        })
    }
}

/// Reads operations for as long as the database gives any; an error says that there may be more.
fn salvage(options: &StoreOptions, operations: &mut Vec<Operation>) -> Result<()> {
    key::check(options)?;
    let connection = open_with(options, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut statement = connection
        .prepare("SELECT payload FROM entry NOT INDEXED WHERE id IS NOT NULL")
        .map_err(of_database)?;
    let mut rows = statement.query([]).map_err(of_database)?;
    let mut damaged = Ok(());
    while let Some(row) = rows.next().map_err(of_database)? {
        let payload = row.get_ref(0).map_err(of_database)?;
        let operation = payload.as_str().ok().and_then(|text| decode_operation(text).ok());
        match operation {
            Some(operation) => operations.push(operation),
            None => damaged = Err(crate::error::unreadable("an operation")),
        }
    }
    damaged
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
