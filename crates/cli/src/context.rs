//! What commands stand on: the home, the account and its engine, opened when a command needs them.

use std::path::PathBuf;
use std::sync::Arc;

use driftless_engine::{Engine, Host, Parts};
use driftless_mode::{Administrator, Mode, State};
use driftless_record::settings::OperationMode;
use driftless_record::{EntitySchema, Schema};
use driftless_transport::Transport;

use crate::account::Account;
use crate::error::CliError;
use crate::home::Home;
use crate::host::{SystemClock, SystemRandom};
use crate::wire::{Way, connect};

/// What was given on the command line for every command.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// The home folder, if one was named.
    pub(crate) home: Option<PathBuf>,
    /// The account, if one was named.
    pub(crate) account: Option<String>,
    /// Whether the answer is JSON.
    pub(crate) json: bool,
    /// Whether the wire is traced.
    pub(crate) trace: bool,
}

impl Context {
    /// Opens the home, making it if it is not there.
    pub(crate) fn home(&self) -> Result<Home, CliError> {
        Home::open(self.home_path()?)
    }

    /// Returns the home folder.
    pub(crate) fn home_path(&self) -> Result<PathBuf, CliError> {
        match &self.home {
            Some(path) => Ok(path.clone()),
            None => default_home(),
        }
    }

    /// Finds the account that is meant: the one named, else the one signed in last.
    pub(crate) fn account(&self) -> Result<Account, CliError> {
        self.home()?.choose(self.account.as_deref())
    }

    /// Opens the account's store and engine.
    pub(crate) fn desk(&self) -> Result<Desk, CliError> {
        let account = self.account()?;
        let parts = Parts::new(account.store()?, host(), account.identity());
        Ok(Desk {
            engine: Engine::open(parts)?,
            account,
            trace: self.trace,
        })
    }
}

/// Makes the device around an engine.
pub(crate) fn host() -> Host {
    Host {
        clock: Arc::new(SystemClock::new(SystemRandom.uuid())),
        random: Arc::new(SystemRandom),
    }
}

fn default_home() -> Result<PathBuf, CliError> {
    use etcetera::BaseStrategy as _;
    let strategy = etcetera::base_strategy::choose_native_strategy().map_err(|_| {
        CliError::failed("no-home", "this system names no folder for data")
            .hint("name one with --home DIR or the variable DRIFTLESS_HOME")
    })?;
    Ok(strategy.data_dir().join("driftless"))
}

/// An account with its engine: where a person works.
pub(crate) struct Desk {
    pub(crate) engine: Engine,
    pub(crate) account: Account,
    trace: bool,
}

impl Desk {
    pub(crate) fn schema(&self) -> Result<Arc<Schema>, CliError> {
        Ok(self.engine.schema()?)
    }

    /// Finds an entity by its name or its set's.
    pub(crate) fn entity(&self, name: &str) -> Result<Arc<EntitySchema>, CliError> {
        Ok(self.engine.entity(name)?)
    }

    /// Returns who decided how this account works.
    pub(crate) fn state(&self) -> Result<State, CliError> {
        let administrator = match self.engine.settings()?.mode {
            OperationMode::Online => Administrator::Online,
            OperationMode::Hybrid => Administrator::Auto,
            OperationMode::Offline => Administrator::Offline,
        };
        Ok(State {
            administrator,
            user: self.account.choice()?,
        })
    }

    pub(crate) fn mode(&self) -> Result<Mode, CliError> {
        Ok(self.state()?.mode())
    }

    /// Makes the way to the account's back end. Nothing is sent.
    pub(crate) fn transport(&self) -> Result<Box<dyn Transport>, CliError> {
        let sign_in = self.account.sign_in()?;
        let credentials = self.account.credentials()?.ok_or_else(|| {
            CliError::failed("sign-in", "you are signed out of this account").hint(format!(
                "sign in again: driftless login {} --user {}",
                sign_in.url, sign_in.user
            ))
        })?;
        let way = Way {
            connector: sign_in.connector,
            root: driftless_transport_http::ServiceRoot::parse(&sign_in.url)?,
            credentials: Some(credentials),
            ca_pem: self.account.ca()?,
            profile: self.account.profile()?,
            trace: self.trace,
        };
        Ok(connect(way)?)
    }
}
