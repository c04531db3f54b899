//! Accounts: one user at one organisation of one service.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use driftless_store::StoreError;

use super::{Files, HomeError};
use crate::{Key, SqliteStore, StoreOptions};

/// Whose account it is. Data of two identities never mix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The service root, such as `https://crm.example/odata`.
    pub service: String,
    /// The organisation behind it; empty where a service has only one.
    pub organisation: String,
    /// The signed-in user, as the service names him.
    pub user: String,
}

/// An account of a home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub(super) id: String,
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
}

/// The right to drive an account, held by one process at a time; given back when it is dropped or the process ends.
#[derive(Debug)]
pub struct DriveGuard {
    _lock: File,
}

impl Account {
    /// Returns the id: a random name, also of its folder.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns whose account it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the store of the account.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn store(&self, key: Option<Key>) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(self.options(key))
    }

    /// Opens the place for the bytes of files.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn files(&self) -> Result<Files, HomeError> {
        Files::open(self.path.join("files"))
    }

    /// Takes the right to drive the account; `None` if another process has it. Others may still read and commit.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn try_drive(&self) -> Result<Option<DriveGuard>, HomeError> {
        let lock = File::create(self.path.join("drive.lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(DriveGuard { _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    pub(super) fn options(&self, key: Option<Key>) -> StoreOptions {
        StoreOptions {
            path: self.path.join("store.db"),
            key,
        }
    }

    /// Makes the folders of a new account.
    pub(super) fn make(&self) -> Result<(), HomeError> {
        fs::create_dir_all(self.path.join("files"))?;
        let Identity {
            service,
            organisation,
            user,
        } = &self.identity;
        let text = format!("service: {service}\norganisation: {organisation}\nuser: {user}\n");
        Ok(fs::write(self.path.join("account.txt"), text)?)
    }
}
