//! Setting aside the data of an account that are damaged or gone: into the vault, whole; nothing is deleted.

use std::fs;
use std::path::{Path, PathBuf};

use driftless_record::Operation;
use driftless_store::StoreError;

use super::account::{ACCOUNT, FILES, HAD_STORE, STORE};
use super::{Account, Home, HomeError};
use crate::closing::{self, Pending};
use crate::damage::readable;
use crate::payload::operation_json;
use crate::{Health, Key, SqliteStore, StoreOptions, folder};

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
    /// # Errors
    /// [`HomeError::InUse`] if another process drives the account; nothing was changed then. Those of the file
    /// system.
    pub fn set_aside(&self, id: &str, key: Option<Key>) -> Result<SetAside, HomeError> {
        let account = self.account(id)?;
        let Some(_lease) = account.lease()? else {
            return Err(HomeError::InUse(id.to_owned()));
        };
        if !account.path().try_exists()? {
            account.make()?;
            return Ok(SetAside {
                path: None,
                operations: Vec::new(),
                incomplete: true,
            });
        }
        // As far as it can still be done: what another process has open takes no edits any more.
        let is_there = account.options(None).path.try_exists()?;
        if is_there {
            let _ = closing::close(&account.options(key.clone()), Pending::Close);
        }
        let vault = self.vault_place(&format!("damaged-{id}"))?;
        folder::move_to(account.path(), &vault)?;
        account.make()?;
        for entry in fs::read_dir(&vault)? {
            let entry = entry?;
            let name = entry.file_name();
            let stays = name.to_string_lossy().starts_with(STORE)
                || [FILES, ACCOUNT, HAD_STORE].iter().any(|own| name == *own);
            if !stays {
                folder::move_to(&entry.path(), &account.path().join(&name))?;
            }
        }
        let (operations, incomplete) = readable(&StoreOptions {
            path: vault.join(STORE),
            key,
        });
        write(&vault.join(SALVAGED), &operations)?;
        Ok(SetAside {
            path: Some(vault),
            operations,
            incomplete,
        })
    }
}

/// Writes operations in their stored form, as a JSON array with one a line.
fn write(path: &Path, operations: &[Operation]) -> Result<(), HomeError> {
    let lines: Result<Vec<_>, _> = operations.iter().map(operation_json).collect();
    let lines = lines.map_err(|_| StoreError::Damaged("an operation cannot be written".to_owned()))?;
    fs::write(path, format!("[\n{}\n]\n", lines.join(",\n")))?;
    Ok(fs::File::open(path)?.sync_all()?)
}
