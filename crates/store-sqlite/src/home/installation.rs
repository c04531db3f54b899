//! The home itself: `device.db`.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use driftless_record::DeviceId;
use driftless_store::StoreError;
use rusqlite::{Connection, OpenFlags, Row};
use uuid::Uuid;

use super::{Account, HomeError, Identity, place};
use crate::connection::{make_durable, open_with};
use crate::error::of_database;
use crate::migrate::HOME;
use crate::{StoreOptions, folder, random};

/// Selects the rows of all accounts.
pub(super) const ALL: &str = "SELECT id, service, organisation, user FROM account ORDER BY id";

/// One installation: a device id, and the accounts of everyone who signed in.
///
/// Several processes may have one home open at once.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    device: DeviceId,
    install: Uuid,
    database: Mutex<Connection>,
}

impl Home {
    /// Opens a home, and makes it if the folder is not there or empty.
    ///
    /// # Errors
    /// [`HomeError::NewerFormat`] if a newer version wrote it, and [`HomeError::Copied`] if it is a copy of another:
    /// see [`Home::reclaim`]. Nothing is changed then.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, HomeError> {
        let home = Self::open_anywhere(path.into())?;
        place::check(&home.path)?;
        home.finish_removals()?;
        Ok(home)
    }

    /// Opens a home, be it a copy or not.
    pub(super) fn open_anywhere(path: PathBuf) -> Result<Self, HomeError> {
        let is_new = !path.exists();
        fs::create_dir_all(&path)?;
        if is_new {
            for_its_owner(&path)?;
        }
        let options = StoreOptions::new(path.join("device.db"));
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut database = open_with(&options, flags)?;
        HOME.check(&database).map_err(|error| match error {
            StoreError::NewerFormat { found, supported } => HomeError::NewerFormat { found, supported },
            other => HomeError::Store(other),
        })?;
        make_durable(&database)?;
        HOME.run(&mut database)?;
        database
            .execute(
                "INSERT INTO installation (one, device, install) VALUES (1, ?1, ?2) ON CONFLICT DO NOTHING",
                (random::id().to_string(), random::id().to_string()),
            )
            .map_err(of_database)?;
        let (device, install): (String, String) = database
            .query_row("SELECT device, install FROM installation", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .map_err(of_database)?;
        let id = |text: &str| {
            text.parse::<Uuid>()
                .map_err(|_| StoreError::Damaged("the device id cannot be read".to_owned()))
        };
        fs::create_dir_all(path.join("accounts"))?;
        Ok(Self {
            device: DeviceId(id(&device)?),
            install: id(&install)?,
            database: Mutex::new(database),
            path,
        })
    }

    /// Gives the home new ids: it is another device from now on.
    pub(super) fn renew(&mut self) -> Result<(), HomeError> {
        let (device, install) = (random::id(), random::id());
        self.execute(
            "UPDATE installation SET device = ?1, install = ?2",
            (device.to_string(), install.to_string()),
        )?;
        (self.device, self.install) = (DeviceId(device), install);
        Ok(())
    }

    /// Returns the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the id of this device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// Returns the id of this installation. A host that keeps it elsewhere too can tell that a home was copied or
    /// restored.
    #[must_use]
    pub fn install(&self) -> Uuid {
        self.install
    }

    /// Returns every account, in the order of their ids.
    ///
    /// # Errors
    /// The database's.
    pub fn accounts(&self) -> Result<Vec<Account>, HomeError> {
        self.select(ALL, [])
    }

    /// Returns an account.
    ///
    /// # Errors
    /// [`HomeError::NoAccount`] if there is none of this id.
    pub fn account(&self, id: &str) -> Result<Account, HomeError> {
        let sql = "SELECT id, service, organisation, user FROM account WHERE id = ?1";
        let found = self.select(sql, [id])?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| HomeError::NoAccount(id.to_owned()))
    }

    /// Returns the account of an identity, made if it is new.
    ///
    /// # Errors
    /// The database's, or those of the file system; [`HomeError::StoreMissing`] if it had a store that is gone.
    pub fn add(&self, identity: &Identity) -> Result<Account, HomeError> {
        if let Some(known) = self.account_of(identity)? {
            known.whole()?;
            return Ok(known);
        }
        // A row that is left of an account that was given up must not be in the way.
        self.forget_removed()?;
        let id = random::name();
        let account = self.account_at(id.clone(), identity.clone());
        account.make()?;
        self.execute(
            "INSERT INTO account (id, service, organisation, user) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            (&id, &identity.service, &identity.organisation, &identity.user),
        )?;
        match self.account_of(identity)? {
            Some(faster) if faster.id != id => {
                folder::delete(&account.path)?;
                Ok(faster)
            }
            _ => Ok(account),
        }
    }

    fn account_of(&self, identity: &Identity) -> Result<Option<Account>, HomeError> {
        let sql = "SELECT id, service, organisation, user FROM account
                   WHERE service = ?1 AND organisation = ?2 AND user = ?3";
        let key = (&identity.service, &identity.organisation, &identity.user);
        Ok(self.select(sql, key)?.pop())
    }

    /// Returns the current account: the one that was chosen last.
    ///
    /// # Errors
    /// The database's.
    pub fn current(&self) -> Result<Option<Account>, HomeError> {
        let sql = "SELECT id, service, organisation, user FROM account WHERE current = 1";
        Ok(self.select(sql, [])?.pop())
    }

    /// Makes an account the current one.
    ///
    /// # Errors
    /// [`HomeError::NoAccount`] if there is none of this id.
    pub fn set_current(&self, id: &str) -> Result<(), HomeError> {
        self.account(id)?;
        self.execute("UPDATE account SET current = (id = ?1)", [id])
    }

    pub(super) fn database(&self) -> MutexGuard<'_, Connection> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<(), HomeError> {
        let done = self.database().execute(sql, params);
        done.map_err(of_database)?;
        Ok(())
    }

    fn account_at(&self, id: String, identity: Identity) -> Account {
        let path = self.path.join("accounts").join(&id);
        Account { id, path, identity }
    }

    /// Returns the accounts that a query finds, but for those that were given up.
    fn select(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<Account>, HomeError> {
        let mut there = Vec::new();
        for account in self.rows(sql, params)? {
            if !self.was_removed(&account)? {
                there.push(account);
            }
        }
        Ok(there)
    }

    /// Returns what a query finds, be it there or not.
    pub(super) fn rows(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<Account>, HomeError> {
        let read = |row: &Row<'_>| {
            let identity = Identity {
                service: row.get(1)?,
                organisation: row.get(2)?,
                user: row.get(3)?,
            };
            Ok(self.account_at(row.get(0)?, identity))
        };
        let database = self.database();
        let mut statement = database.prepare(sql).map_err(of_database)?;
        let rows = statement.query_map(params, read).map_err(of_database)?;
        Ok(rows.collect::<rusqlite::Result<_>>().map_err(of_database)?)
    }
}

/// Closes a new folder to everybody but its owner, where the system knows owners.
#[cfg(unix)]
fn for_its_owner(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn for_its_owner(_path: &Path) -> io::Result<()> {
    Ok(())
}
