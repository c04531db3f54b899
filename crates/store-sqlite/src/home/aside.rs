//! Setting aside the data of an account that are damaged or gone: into the vault, whole; nothing is deleted.
//!
//! The steps, each of which a crash may be the last of; the next repair goes on from there:
//! 1. the folder is marked, and moved to the vault at one stroke. The account has no folder then, which is told;
//! 2. what can be read of its operations is written beside them;
//! 3. a new folder comes at one stroke. Its `had-store` names the place in the vault, so it has no store yet, either;
//! 4. the host's small files move over, and `had-store` goes: only now an empty store may be made.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use driftless_record::Operation;
use driftless_store::StoreError;

use super::account::{ACCOUNT, FILES, HAD_STORE, STORE};
use super::{Account, Home, HomeError};
use crate::closing::{self, Pending};
use crate::damage::readable;
use crate::payload::operation_json;
use crate::{Health, Key, SqliteStore, StoreOptions, folder};

/// Lies in data that are on their way to the vault, until the account has a folder again.
const ON_THE_WAY: &str = "being-set-aside";
/// The file in the vault with the operations that could be read.
const SALVAGED: &str = "unsent.json";

/// What was set aside.
#[derive(Debug)]
pub struct SetAside {
    /// The folder in the vault; `None` if nothing was left of the account.
    pub path: Option<PathBuf>,
    /// The pending operations that could be read, in sequence. They are in the folder's `unsent.json`, too.
    pub operations: Vec<Operation>,
    /// Whether that may be fewer than there were.
    pub incomplete: bool,
}

impl Account {
    /// Looks for damage in the account's data, reading all of them.
    ///
    /// # Errors
    /// Those that say nothing about damage: a wrong key, a newer format, a busy store, the file system's.
    pub fn examine(&self, key: Option<Key>) -> Result<Health, HomeError> {
        if let Err(missing) = self.whole() {
            return match missing {
                HomeError::StoreMissing { .. } => Ok(Health::Damaged("it is not there any more".to_owned())),
                other => Err(other),
            };
        }
        Ok(SqliteStore::examine(self.options(key))?)
    }
}

impl Home {
    /// Moves the data of an account to the vault, reads from there what operations it can, and makes room for a fresh
    /// store. The account stays, with the small files that its host keeps beside the store.
    ///
    /// Where it was cut, or failed half way, the account has no store, and calling it again goes on from there.
    ///
    /// # Errors
    /// [`HomeError::InUse`] if another process drives the account; nothing was changed then. Those of the file
    /// system.
    pub fn set_aside(&self, id: &str, key: Option<Key>) -> Result<SetAside, HomeError> {
        let account = self.account(id)?;
        let Some(_lease) = account.lease()? else {
            return Err(HomeError::InUse(id.to_owned()));
        };
        let vault = match self.begun(&account)? {
            Some(begun) => begun,
            None if account.path().try_exists()? => self.give_up(&account, key.clone())?,
            None => {
                account.make()?;
                return Ok(SetAside {
                    path: None,
                    operations: Vec::new(),
                    incomplete: true,
                });
            }
        };
        let (operations, incomplete) = readable(&StoreOptions {
            path: vault.join(STORE),
            key,
        });
        write(&vault.join(SALVAGED), &operations)?;
        begin_anew(&account, &vault)?;
        Ok(SetAside {
            path: Some(vault),
            operations,
            incomplete,
        })
    }

    /// Returns where the data of an account are in the vault, if setting them aside was cut.
    fn begun(&self, account: &Account) -> Result<Option<PathBuf>, HomeError> {
        let has_folder = account.path().try_exists()?;
        if account.has_store()? {
            return Ok(None);
        }
        let named = match fs::read_to_string(account.path().join(HAD_STORE)) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            named => named?,
        };
        for entry in fs::read_dir(self.vault()?)? {
            let entry = entry?;
            let name = entry.file_name();
            if !name.to_string_lossy().starts_with(&vault_name(account)) {
                continue;
            }
            let is_it = if has_folder {
                name == *named
            } else {
                entry.path().join(ON_THE_WAY).try_exists()?
            };
            if is_it {
                return Ok(Some(entry.path()));
            }
        }
        Ok(None)
    }

    /// Moves the folder of an account to the vault.
    fn give_up(&self, account: &Account, key: Option<Key>) -> Result<PathBuf, HomeError> {
        fs::File::create(account.path().join(ON_THE_WAY))?.sync_all()?;
        folder::sync(account.path())?;
        if account.has_store()? {
            // As far as it can still be done: what another process has open takes no edits any more.
            if let Err(busy @ StoreError::Busy) = closing::close(&account.options(key), Pending::Close) {
                return Err(busy.into());
            }
        }
        let vault = self.vault_place(&vault_name(account))?;
        folder::move_to(account.path(), &vault)?;
        Ok(vault)
    }
}

/// Returns how the place of an account's damaged data in the vault begins.
fn vault_name(account: &Account) -> String {
    format!("damaged-{}", account.id)
}

/// Gives an account whose data are in the vault a folder again, with the small files of its host.
fn begin_anew(account: &Account, vault: &Path) -> Result<(), HomeError> {
    if !account.path().try_exists()? {
        let fresh = Account {
            path: account.path().with_extension("fresh"),
            ..account.clone()
        };
        folder::delete(fresh.path())?;
        fresh.make()?;
        let mark = fresh.path().join(HAD_STORE);
        let name = vault.file_name().unwrap_or_default();
        fs::write(&mark, name.as_encoded_bytes())?;
        fs::File::open(&mark)?.sync_all()?;
        folder::sync(fresh.path())?;
        folder::move_to(fresh.path(), account.path())?;
    }
    folder::delete_file(&vault.join(ON_THE_WAY))?;
    for entry in fs::read_dir(vault)? {
        let entry = entry?;
        let name = entry.file_name();
        let stays = name.to_string_lossy().starts_with(STORE)
            || [FILES, ACCOUNT, HAD_STORE, SALVAGED]
                .iter()
                .any(|own| name == *own);
        if !stays {
            folder::move_to(&entry.path(), &account.path().join(&name))?;
        }
    }
    folder::delete_file(&account.path().join(HAD_STORE))?;
    Ok(folder::sync(account.path())?)
}

/// Writes operations in their stored form, as a JSON array with one a line.
fn write(path: &Path, operations: &[Operation]) -> Result<(), HomeError> {
    let lines: Result<Vec<_>, _> = operations.iter().map(operation_json).collect();
    let lines = lines.map_err(|_| StoreError::Damaged("an operation cannot be written".to_owned()))?;
    fs::write(path, format!("[\n{}\n]\n", lines.join(",\n")))?;
    Ok(fs::File::open(path)?.sync_all()?)
}
