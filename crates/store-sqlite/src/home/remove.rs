//! Removing an account. What was not sent goes only by the user's word, or into the vault.
//!
//! The steps, each of which a crash may be the last of:
//! 1. the lease is taken: nobody else removes, drives or reopens the account;
//! 2. the store is closed in the transaction that counts what is unsent. Ends it here, the next to open the store
//!    opens it for edits again;
//! 3. the folder is moved, at one stroke, to where it is deleted or to the vault: this decides;
//! 4. the account's row and what is left are deleted; whoever opens the home next does so too.

use std::fs;
use std::path::{Path, PathBuf};

use driftless_store::StoreError;

use super::installation::ALL;
use super::{Account, Home, HomeError};
use crate::closing::{self, Pending};
use crate::{Key, folder, random};

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
    /// An edit that another process makes meanwhile is counted, or refused with
    /// [`driftless_store::StoreError::Closed`]; it is never lost.
    ///
    /// # Errors
    /// [`HomeError::Unsent`] if there are any and [`Unsent::Refuse`] was said; [`HomeError::InUse`] if another process
    /// drives the account; those of a store that can be read and not be closed. The account stays then: what cannot
    /// be deleted any more after it was decided is no failure, and done at the next start; no list has the account then.
    pub fn remove(&self, id: &str, unsent: Unsent, key: Option<Key>) -> Result<Removed, HomeError> {
        let account = self.account(id)?;
        let Some(_lease) = account.lease()? else {
            return Err(HomeError::InUse(id.to_owned()));
        };
        let options = account.options(key);
        let pending = match unsent {
            Unsent::Refuse => Pending::Keep,
            Unsent::Discard | Unsent::ToVault => Pending::Close,
        };
        let closed = account
            .whole()
            .and_then(|()| Ok(closing::close(&options, pending)?));
        let operations = match (closed, unsent) {
            (Ok(operations), Unsent::Refuse) if operations > 0 => {
                return Err(HomeError::Unsent {
                    account: id.to_owned(),
                    operations,
                });
            }
            (Ok(operations), _) => Some(operations),
            // What cannot be opened any more. Of a store that can, others might go on to save edits.
            (
                Err(
                    HomeError::StoreMissing { .. }
                    | HomeError::Store(StoreError::Damaged(_) | StoreError::WrongKey),
                ),
                Unsent::Discard | Unsent::ToVault,
            ) => None,
            (Err(error), _) => return Err(error),
        };
        let vault = match (unsent, operations) {
            (Unsent::ToVault, Some(0)) | (Unsent::Refuse | Unsent::Discard, _) => None,
            (Unsent::ToVault, _) => Some(self.vault_place(id)?),
        };
        let given_up = given_up(self.path(), id);
        let moved = account.path().try_exists()?;
        if moved && let Err(error) = folder::move_to(account.path(), vault.as_ref().unwrap_or(&given_up)) {
            // Moved all the same, it is decided; only that the names are durable is not sure.
            if account.path().try_exists()? {
                // It stays. Should this fail too, the next to open the store opens it for edits again.
                let _ = closing::reopen(&options);
                return Err(error.into());
            }
        }
        match self.execute("DELETE FROM account WHERE id = ?1", [id]) {
            Err(error) if !moved => return Err(error),
            // It is decided: what cannot be done now is done at the next start. Until the row is gone the folder says
            // so, and nobody is shown the row.
            Err(_) => {}
            Ok(()) => {
                let _ = folder::delete(&given_up);
                let _ = folder::delete_file(&account.lease_path());
            }
        }
        Ok(Removed {
            unsent: operations,
            vault: vault.filter(|place| place.is_dir()),
        })
    }

    /// Returns the folder where nothing is ever deleted.
    pub(super) fn vault(&self) -> Result<PathBuf, HomeError> {
        let vault = self.path().join("vault");
        fs::create_dir_all(&vault)?;
        Ok(vault)
    }

    /// Returns a place in the vault whose name begins like this.
    pub(super) fn vault_place(&self, name: &str) -> Result<PathBuf, HomeError> {
        let vault = self.vault()?;
        let place = vault.join(name);
        Ok(if place.try_exists()? {
            vault.join(format!("{name}-{}", random::name()))
        } else {
            place
        })
    }

    /// Ends removals that were cut after they were decided.
    pub(super) fn finish_removals(&self) -> Result<(), HomeError> {
        self.forget_removed()?;
        for entry in fs::read_dir(self.path().join("accounts"))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(GIVEN_UP) {
                // What cannot be deleted now is tried again at the next start.
                let _ = folder::delete(&entry.path());
            }
        }
        Ok(())
    }

    /// Deletes the rows that are left of accounts that were given up.
    pub(super) fn forget_removed(&self) -> Result<(), HomeError> {
        for account in self.rows(ALL, [])? {
            if self.was_removed(&account)? {
                self.execute("DELETE FROM account WHERE id = ?1", [account.id()])?;
            }
        }
        Ok(())
    }

    /// Returns whether an account was given up: its folder is where only a removal puts it.
    pub(super) fn was_removed(&self, account: &Account) -> Result<bool, HomeError> {
        if account.path().try_exists()? {
            return Ok(false);
        }
        let in_vault = self.path().join("vault").join(account.id());
        Ok(given_up(self.path(), account.id()).try_exists()? || in_vault.try_exists()?)
    }
}

fn given_up(home: &Path, id: &str) -> PathBuf {
    home.join("accounts").join(format!("{GIVEN_UP}{id}"))
}
