//! An account: its folder, and the small files beside its store.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use driftless_engine as engine;
use driftless_mode::Choice;
use driftless_record::{DeviceId, Settings, TenantId, Timestamp, UserId};
use driftless_store::RecordStore;
use driftless_store_sqlite::{SqliteStore, StoreOptions};
use driftless_transport::{Credentials, TokenStore as _};
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::host::{TokenFile, file};
use crate::wire::Connector;

/// Whose an account is: fixed for its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
}

/// How the user signed in last. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignIn {
    /// The address of the service.
    pub(crate) url: String,
    /// The name that the user signs in with.
    pub(crate) user: String,
    /// The name that people read.
    pub(crate) display_name: String,
    /// The back end's name and version.
    pub(crate) server: String,
    pub(crate) connector: Connector,
    /// When.
    pub(crate) at: Timestamp,
}

/// The right to drive an account: held by one process at a time, given back when it ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lease {
    _file: File,
}

/// An account of a home.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    path: PathBuf,
    device: DeviceId,
    identity: Identity,
}

impl Account {
    /// Opens the account in a folder; `None` if the folder holds none.
    pub(crate) fn open(path: &Path, device: DeviceId) -> Result<Option<Self>, CliError> {
        let identity: Option<Identity> = read(&path.join("account.json"))?;
        Ok(identity.map(|identity| Self {
            path: path.to_path_buf(),
            device,
            identity,
        }))
    }

    /// Makes an account in a folder that is there, or notes another sign-in.
    pub(crate) fn make(
        path: &Path,
        device: DeviceId,
        identity: &Identity,
        sign_in: &SignIn,
    ) -> Result<Self, CliError> {
        write(&path.join("sign-in.json"), sign_in)?;
        write(&path.join("account.json"), identity)?;
        Ok(Self {
            path: path.to_path_buf(),
            device,
            identity: identity.clone(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the id, by which `--account` finds it.
    pub(crate) fn id(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    pub(crate) fn belongs_to(&self, identity: &Identity) -> bool {
        self.identity == *identity
    }

    /// Returns whether a text names this account: its id or the begin of it, its user, or user@host.
    pub(crate) fn is(&self, text: &str) -> bool {
        let id = self.id();
        let by_id = text.len() >= 4 && id.starts_with(text);
        by_id
            || self.sign_in().is_ok_and(|sign_in| {
                let host = sign_in.url.split("//").nth(1).unwrap_or_default();
                let host = host.split('/').next().unwrap_or_default();
                text == sign_in.user || text == format!("{}@{host}", sign_in.user)
            })
    }

    /// Returns whose work the engine keeps here.
    pub(crate) fn identity(&self) -> engine::Account {
        engine::Account {
            user: self.identity.user.clone(),
            tenant: self.identity.tenant.clone(),
            device: self.device,
        }
    }

    /// Opens the store, making it if it is not there.
    pub(crate) fn store(&self) -> Result<Arc<dyn RecordStore>, CliError> {
        let options = StoreOptions::new(self.path.join("store.db"));
        Ok(Arc::new(SqliteStore::open(options)?))
    }

    /// Takes the right to drive the account, unless another process has it.
    pub(crate) fn try_drive(&self) -> Result<Option<Lease>, CliError> {
        let path = self.path.join("drive.lock");
        let failed = |error| CliError::file(&path, &error);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lease { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Returns how the user signed in last.
    pub(crate) fn sign_in(&self) -> Result<SignIn, CliError> {
        let path = self.path.join("sign-in.json");
        read(&path)?.ok_or_else(|| {
            CliError::failed("damaged", format!("{} is missing", path.display()))
                .hint("sign in again: driftless login URL --user U")
        })
    }

    fn tokens(&self) -> TokenFile {
        TokenFile::new(self.path.join("credentials.json"))
    }

    pub(crate) fn credentials(&self) -> Result<Option<Credentials>, CliError> {
        Ok(self.tokens().load()?)
    }

    /// Keeps the credentials, or forgets them.
    pub(crate) fn keep_credentials(&self, credentials: Option<&Credentials>) -> Result<(), CliError> {
        Ok(self.tokens().save(credentials)?)
    }

    /// Returns the certificates of the authority that the user named.
    pub(crate) fn ca(&self) -> Result<Option<Vec<u8>>, CliError> {
        let path = self.path.join("ca.pem");
        match fs::read(&path) {
            Ok(pem) => Ok(Some(pem)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CliError::file(&path, &error)),
        }
    }

    /// Keeps the certificates of an authority, or forgets them.
    pub(crate) fn keep_ca(&self, pem: Option<&[u8]>) -> Result<(), CliError> {
        let path = self.path.join("ca.pem");
        let kept = match pem {
            Some(pem) => file::write(&path, pem),
            None => file::remove(&path),
        };
        kept.map_err(|error| CliError::file(&path, &error))
    }

    /// Returns the settings for a back end that serves none.
    pub(crate) fn profile(&self) -> Result<Option<Settings>, CliError> {
        read(&self.path.join("profile.json"))
    }

    pub(crate) fn keep_profile(&self, profile: &Settings) -> Result<(), CliError> {
        write(&self.path.join("profile.json"), profile)
    }

    /// Returns how the user chose to work.
    pub(crate) fn choice(&self) -> Result<Choice, CliError> {
        let offline: Option<bool> = read(&self.path.join("offline.json"))?;
        Ok(match offline {
            Some(true) => Choice::Offline,
            Some(false) | None => Choice::Auto,
        })
    }

    pub(crate) fn choose(&self, choice: Choice) -> Result<(), CliError> {
        write(&self.path.join("offline.json"), &(choice == Choice::Offline))
    }

    /// Deletes the account's folder with everything in it.
    pub(crate) fn erase(&self) -> Result<(), CliError> {
        fs::remove_dir_all(&self.path).map_err(|error| CliError::file(&self.path, &error))
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, CliError> {
    file::read_json(path).map_err(|error| CliError::file(path, &error))
}

fn write<T: Serialize>(path: &Path, data: &T) -> Result<(), CliError> {
    file::write_json(path, data).map_err(|error| CliError::file(path, &error))
}
