//! Removing an account. What was not sent goes only by the user's word, or into the vault.

use std::fs;
use std::path::{Path, PathBuf};

use driftless_store::JournalReader as _;

use super::{Home, HomeError};
use crate::{Key, random};

/// What becomes of operations that were not sent, when an account is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsent {
    /// The account stays as long as it has any.
    Refuse,
    /// The user said that they may be lost.
    Discard,
    /// The whole account is moved to the vault.
    ToVault,
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The operations that were not sent; `None` if the store could not be read.
    pub unsent: Option<u64>,
    /// Where the account is now, if it was moved to the vault.
    pub vault: Option<PathBuf>,
}

/// How folders are called that were given up but are not deleted yet.
const GIVEN_UP: &str = "removed-";

impl Home {
    /// Removes an account. `key` is needed to count the unsent operations of an encrypted store.
    ///
    /// # Errors
    /// [`HomeError::Unsent`] if there are any and [`Unsent::Refuse`] was said; [`HomeError::InUse`] if another process
    /// drives the account. The account stays then.
    pub fn remove(&self, id: &str, unsent: Unsent, key: Option<Key>) -> Result<Removed, HomeError> {
        let account = self.account(id)?;
        let Some(guard) = account.try_drive()? else {
            return Err(HomeError::InUse(id.to_owned()));
        };
        let counted = account.store(key).and_then(|store| store.pending());
        let operations = match (counted, unsent) {
            (Ok(operations), _) => Some(operations),
            (Err(error), Unsent::Refuse) => return Err(error.into()),
            (Err(_), Unsent::Discard | Unsent::ToVault) => None,
        };
        let vault = match (unsent, operations) {
            (Unsent::Refuse, Some(operations)) if operations > 0 => {
                return Err(HomeError::Unsent {
                    account: id.to_owned(),
                    operations,
                });
            }
            (Unsent::ToVault, Some(0)) | (Unsent::Refuse | Unsent::Discard, _) => None,
            (Unsent::ToVault, _) => Some(self.vault_place(id)?),
        };
        let given_up = self.path().join("accounts").join(format!("{GIVEN_UP}{id}"));
        // Windows moves no folder with an open file in it.
        drop(guard);
        fs::rename(account.path(), vault.as_ref().unwrap_or(&given_up))?;
        self.execute("DELETE FROM account WHERE id = ?1", [id])?;
        finish_removals(self.path())?;
        Ok(Removed {
            unsent: operations,
            vault,
        })
    }

    fn vault_place(&self, id: &str) -> Result<PathBuf, HomeError> {
        let vault = self.path().join("vault");
        fs::create_dir_all(&vault)?;
        let place = vault.join(id);
        Ok(if place.try_exists()? {
            vault.join(format!("{id}-{}", random::name()))
        } else {
            place
        })
    }
}

/// Deletes the folders of accounts that were given up.
pub(super) fn finish_removals(home: &Path) -> Result<(), HomeError> {
    for entry in fs::read_dir(home.join("accounts"))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(GIVEN_UP) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
