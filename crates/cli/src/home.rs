//! The home: one installation, with an account for everyone who signed in.

use std::path::PathBuf;

use driftless_record::DeviceId;
use driftless_store_sqlite::home::{self, Removed, SetAside, Unsent};
use driftless_transport::Contact;

use crate::account::{Account, SignIn, identity};
use crate::error::CliError;

/// A home folder.
pub(crate) struct Home {
    inner: home::Home,
}

impl Home {
    /// Opens a home, making it if it is not there.
    pub(crate) fn open(path: impl Into<PathBuf>) -> Result<Self, CliError> {
        let path = path.into();
        let inner = home::Home::open(&path).map_err(|error| match error {
            told @ home::HomeError::Copied(_) => told.into(),
            other => CliError::from(other).in_front(&format!("{}: ", path.display())),
        })?;
        Ok(Self { inner })
    }

    /// Opens a home that was copied, as a new device that looks on the server for what it was to send.
    pub(crate) fn reclaim(path: impl Into<PathBuf>) -> Result<Self, CliError> {
        let inner = home::Home::reclaim(path, |_| None)?;
        Ok(Self { inner })
    }

    fn device(&self) -> DeviceId {
        self.inner.device()
    }

    /// Returns every account, in the order of their ids.
    pub(crate) fn accounts(&self) -> Result<Vec<Account>, CliError> {
        let all = self.inner.accounts()?;
        Ok(all
            .into_iter()
            .map(|account| Account::new(account, self.device()))
            .collect())
    }

    /// Returns the account that a text names (its id, its user, or user@host), or the one that signed in last.
    pub(crate) fn choose(&self, named: Option<&str>) -> Result<Account, CliError> {
        let Some(named) = named else {
            let current = match self.inner.current()? {
                Some(current) => Some(Account::new(current, self.device())),
                None => self.accounts()?.pop(),
            };
            return current.ok_or_else(|| {
                CliError::failed("no-account", "nobody has signed in on this device yet")
                    .hint("sign in first: driftless login URL --user U")
            });
        };
        let mut matching: Vec<_> = self
            .accounts()?
            .into_iter()
            .filter(|account| account.is(named))
            .collect();
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

    /// Returns the account of a signed-in user, made if it is new, with the sign-in noted, and makes it the current one.
    pub(crate) fn sign_in(&self, contact: &Contact, sign_in: SignIn) -> Result<Account, CliError> {
        let account = self.inner.add(&identity(contact, &sign_in.url))?;
        self.inner.set_current(account.id())?;
        let account = Account::new(account, self.device());
        account.note_sign_in(&SignIn {
            at: crate::context::host().clock.now(),
            ..sign_in
        })?;
        Ok(account)
    }

    /// Moves the data of an account to the vault and makes room for fresh ones.
    pub(crate) fn set_aside(&self, account: &Account) -> Result<SetAside, CliError> {
        Ok(self.inner.set_aside(account.id(), None)?)
    }

    /// Removes an account; what was not sent goes only by the user's word.
    pub(crate) fn remove(&self, account: &Account, unsent: Unsent) -> Result<Removed, CliError> {
        Ok(self.inner.remove(account.id(), unsent, None)?)
    }
}
