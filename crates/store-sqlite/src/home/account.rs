//! Accounts: one user at one organisation of one service.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Files, HomeError};
use crate::{Key, SqliteStore, StoreOptions, closing, folder};

/// Says that the account has had a store: one that is gone is told, not replaced by an empty one.
pub(super) const HAD_STORE: &str = "had-store";
/// The database; files that belong to it begin with the same name.
pub(super) const STORE: &str = "store.db";
/// The folder with the bytes of files.
pub(super) const FILES: &str = "files";
/// Whose account it is, for people.
pub(super) const ACCOUNT: &str = "account.txt";

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

    /// Opens the store of the account, and makes it the first time.
    ///
    /// # Errors
    /// As [`SqliteStore::open`]; [`HomeError::StoreMissing`] if the account had a store that is gone;
    /// [`HomeError::Leaving`] if another process is removing the account.
    pub fn store(&self, key: Option<Key>) -> Result<SqliteStore, HomeError> {
        let store = self.open(key.clone())?;
        if store.is_closed()? {
            // Whoever closed it holds the lease as long as he lives.
            let Some(_lease) = self.lease()? else {
                return Err(HomeError::Leaving(self.id.clone()));
            };
            closing::reopen(&self.options(key))?;
        }
        Ok(store)
    }

    /// Opens the store for whoever holds the lease.
    pub(super) fn store_of_driver(
        &self,
        key: Option<Key>,
        _lease: &DriveGuard,
    ) -> Result<SqliteStore, HomeError> {
        let store = self.open(key.clone())?;
        if store.is_closed()? {
            closing::reopen(&self.options(key))?;
        }
        Ok(store)
    }

    /// Opens the store, be it closed or not.
    fn open(&self, key: Option<Key>) -> Result<SqliteStore, HomeError> {
        self.whole()?;
        let store = SqliteStore::open(self.options(key))?;
        let mark = self.path.join(HAD_STORE);
        if !mark.try_exists()? {
            File::create(&mark)?.sync_all()?;
            folder::sync(&self.path)?;
        }
        Ok(store)
    }

    /// Fails if the account had a store that is not there any more.
    pub(super) fn whole(&self) -> Result<(), HomeError> {
        if self.path.is_dir() && (self.has_store()? || !self.path.join(HAD_STORE).try_exists()?) {
            return Ok(());
        }
        Err(HomeError::StoreMissing {
            account: self.id.clone(),
            path: self.options(None).path,
        })
    }

    /// Returns whether there is a store: an empty file is none.
    pub(super) fn has_store(&self) -> Result<bool, HomeError> {
        match fs::metadata(self.options(None).path) {
            Ok(file) => Ok(file.len() > 0),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the place for the bytes of files.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn files(&self) -> Result<Files, HomeError> {
        Files::open(self.path.join(FILES))
    }

    /// Takes the right to drive the account; `None` if another process has it. Others may still read and commit.
    ///
    /// # Errors
    /// [`HomeError::NoAccount`] if it was removed meanwhile, and those of the file system.
    pub fn try_drive(&self) -> Result<Option<DriveGuard>, HomeError> {
        if !self.path.is_dir() {
            return Err(HomeError::NoAccount(self.id.clone()));
        }
        self.lease()
    }

    /// Takes the lease, whatever is left of the account.
    pub(super) fn lease(&self) -> Result<Option<DriveGuard>, HomeError> {
        let lock = File::create(self.lease_path())?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(DriveGuard { _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Returns the path of the lease. It is beside the folder, which can be moved while the lease is held.
    pub(super) fn lease_path(&self) -> PathBuf {
        self.path.with_extension("lock")
    }

    pub(super) fn options(&self, key: Option<Key>) -> StoreOptions {
        StoreOptions {
            path: self.path.join(STORE),
            key,
        }
    }

    /// Makes the folders of a new account.
    pub(super) fn make(&self) -> Result<(), HomeError> {
        fs::create_dir_all(self.path.join(FILES))?;
        let Identity {
            service,
            organisation,
            user,
        } = &self.identity;
        let text = format!("service: {service}\norganisation: {organisation}\nuser: {user}\n");
        Ok(fs::write(self.path.join(ACCOUNT), text)?)
    }
}
