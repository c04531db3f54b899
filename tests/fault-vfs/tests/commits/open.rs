//! How the stores of these tests are opened: with the feature `encryption`, with a key.

use std::path::{Path, PathBuf};

use driftless_fault_vfs::{Disk, Drive, Image};
use driftless_store::StoreError;
use driftless_store_sqlite::SqliteStore;
use rusqlite::Connection;

#[cfg(not(feature = "encryption"))]
pub(crate) use plain::*;
#[cfg(feature = "encryption")]
pub(crate) use with_key::*;

/// A disk that does what it says.
pub(crate) const SOUND: Drive = Drive {
    seed: 0,
    powersafe: false,
    lies: false,
};

#[cfg(not(feature = "encryption"))]
mod plain {
    use super::*;

    /// Makes a disk for a store.
    pub(crate) fn mount(drive: Drive, image: &Image) -> Disk {
        Disk::new(drive, image)
    }

    pub(crate) fn open(path: PathBuf) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(path)
    }

    /// Opens the database of a store beside it.
    pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
        Connection::open(path)
    }
}

#[cfg(feature = "encryption")]
mod with_key {
    use std::ops::Deref;

    use driftless_store_sqlite::{Key, StoreOptions};

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    /// A disk over a folder, for the record of the key is a file of its own there.
    pub(crate) struct Mounted {
        disk: Disk,
        _folder: tempfile::TempDir,
    }

    impl Deref for Mounted {
        type Target = Disk;

        fn deref(&self) -> &Disk {
            &self.disk
        }
    }

    /// Makes a disk for a store.
    pub(crate) fn mount(drive: Drive, image: &Image) -> Mounted {
        let folder = tempfile::tempdir().unwrap();
        Mounted {
            disk: Disk::over(folder.path(), drive, image),
            _folder: folder,
        }
    }

    pub(crate) fn open(path: PathBuf) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(StoreOptions::new(path).with_key(Key::new(KEY)))
    }

    /// Opens the database of a store beside it, with the salt that is kept there.
    pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
        let record = std::fs::read_to_string(path.with_extension("db.key")).unwrap_or_default();
        let salt = record.split_whitespace().nth(3).unwrap_or_default();
        let connection = Connection::open(path)?;
        connection.execute_batch(&format!("PRAGMA key = \"x'{}{salt}'\"", "07".repeat(KEY.len())))?;
        Ok(connection)
    }
}
