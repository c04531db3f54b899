//! The home: one installation, with an account for everyone who signed in.

use std::fs;
use std::path::{Path, PathBuf};

use driftless_record::DeviceId;
use driftless_transport::Contact;
use serde::{Deserialize, Serialize};

use crate::account::{Account, Identity, SignIn};
use crate::error::CliError;
use crate::host::{SystemRandom, file};

/// The format of the home that this version reads and writes.
const FORMAT: u32 = 1;

/// A home folder.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    path: PathBuf,
    device: DeviceId,
}

/// What `device.json` holds.
#[derive(Serialize, Deserialize)]
struct Device {
    format: u32,
    device: DeviceId,
}

impl Home {
    /// Opens a home, making it if it is not there.
    pub(crate) fn open(path: PathBuf) -> Result<Self, CliError> {
        fs::create_dir_all(path.join("accounts")).map_err(|error| CliError::file(&path, &error))?;
        let named = path.join("device.json");
        let read = || file::read_json::<Device>(&named).map_err(|error| CliError::file(&named, &error));
        let device = match read()? {
            Some(device) => device,
            None => {
                let device = Device {
                    format: FORMAT,
                    device: DeviceId(SystemRandom.uuid()),
                };
                file::write_json(&named, &device).map_err(|error| CliError::file(&named, &error))?;
                device
            }
        };
        if device.format != FORMAT {
            return Err(CliError::failed(
                "other-version",
                format!(
                    "{} has format {}, this version knows format {FORMAT}; nothing was changed",
                    path.display(),
                    device.format
                ),
            )
            .hint("use the version that wrote it, or another folder with --home"));
        }
        Ok(Self {
            path,
            device: device.device,
        })
    }

    fn folder(&self) -> PathBuf {
        self.path.join("accounts")
    }

    /// Returns every account, in the order of their ids.
    pub(crate) fn accounts(&self) -> Result<Vec<Account>, CliError> {
        let folder = self.folder();
        let failed = |error| CliError::file(&folder, &error);
        let mut paths = fs::read_dir(&folder)
            .map_err(failed)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        paths.sort();
        let mut accounts = Vec::new();
        for path in paths {
            accounts.extend(Account::open(&path, self.device)?);
        }
        Ok(accounts)
    }

    /// Returns the account that a text names (its id, its user, or user@host), or the one that signed in last.
    pub(crate) fn choose(&self, named: Option<&str>) -> Result<Account, CliError> {
        let accounts = self.accounts()?;
        let Some(named) = named else {
            let mut signed_in: Vec<_> = accounts.into_iter().collect();
            signed_in.sort_by_key(|account| account.sign_in().map(|sign_in| sign_in.at).ok());
            return signed_in.pop().ok_or_else(|| {
                CliError::failed("no-account", "nobody has signed in on this device yet")
                    .hint("sign in first: driftless login URL --user U")
            });
        };
        let mut matching: Vec<_> = accounts.into_iter().filter(|account| account.is(named)).collect();
        match (matching.pop(), matching.is_empty()) {
            (Some(account), true) => Ok(account),
            (Some(_), false) => Err(CliError::failed(
                "ambiguous-account",
                format!("several accounts are called `{named}`"),
            )
            .hint("`driftless accounts` shows their ids: give one of them with --account")),
            (None, _) => Err(
                CliError::failed("no-account", format!("there is no account `{named}` here"))
                    .hint("`driftless accounts` lists them; `driftless login URL --user U` adds one"),
            ),
        }
    }

    /// Returns the account of a signed-in user, made if it is new, with the sign-in noted.
    pub(crate) fn sign_in(&self, contact: &Contact, sign_in: SignIn) -> Result<Account, CliError> {
        let identity = Identity {
            tenant: contact.tenant.clone(),
            user: contact.user.clone(),
        };
        let known = self
            .accounts()?
            .into_iter()
            .find(|account| account.belongs_to(&identity));
        let path: &Path = &match &known {
            Some(account) => account.path().to_path_buf(),
            None => self.folder().join(SystemRandom.uuid().simple().to_string()),
        };
        fs::create_dir_all(path).map_err(|error| CliError::file(path, &error))?;
        let sign_in = SignIn {
            at: crate::context::host().clock.now(),
            ..sign_in
        };
        Account::make(path, self.device, &identity, &sign_in)
    }
}
