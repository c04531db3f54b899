//! A device: a home of its own, a user who signs in, an engine.

use std::path::Path;
use std::sync::Arc;

use driftless_engine::{
    Engine, EngineError, Parts, ProgressSink, SyncOptions, SyncReport, TakeOver, Written,
};
use driftless_record::{Fields, LogEntry, Record, RecordId, Timestamp};
use driftless_store::LogSelection;
use driftless_transport::{Credentials, Transport as _};
use driftless_transport_http::ServiceRoot;

use super::made::{Deed, Fate, Made};
use super::witness::Witness;
use crate::account::{Lease, SignIn};
use crate::context::host;
use crate::error::CliError;
use crate::home::Home;
use crate::wire::{Connector, Way, connect};

/// The password of the users of the built-in data set.
const PASSWORD: &str = "driftless";

/// Someone who works.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    /// The name to sign in with.
    pub(super) user: &'static str,
    /// What he is called in the story.
    pub(super) name: &'static str,
    /// What he does.
    pub(super) role: &'static str,
}

/// A signed-in device.
pub(super) struct Device {
    pub(super) person: Person,
    pub(super) engine: Engine,
    pub(super) wire: Witness,
    /// What was made on it, in order.
    pub(super) made: Vec<Made>,
    /// The reports of its synchronizations after the first one.
    pub(super) reports: Vec<SyncReport>,
    /// The right to drive the account, for as long as the device is there.
    _lease: Lease,
}

/// Makes the way to the server for a user of the data set.
pub(super) fn way(url: &str, user: &str) -> Result<Way, CliError> {
    Ok(Way {
        connector: Connector::Odata,
        root: ServiceRoot::parse(url)?,
        credentials: Some(Credentials::Password {
            user: user.to_owned(),
            password: PASSWORD.to_owned(),
        }),
        ca_pem: None,
        profile: None,
        trace: false,
    })
}

impl Device {
    /// Signs a person in on a new device whose home is `home`.
    pub(super) async fn sign_in(person: Person, url: &str, home: &Path) -> Result<Self, CliError> {
        let wire = Witness::new(connect(way(url, person.user)?)?);
        let contact = wire.contact().await?;
        let sign_in = SignIn {
            url: url.to_owned(),
            user: person.user.to_owned(),
            display_name: contact.display_name.clone(),
            server: contact.server.clone(),
            connector: Connector::Odata,
            at: Timestamp::default(),
        };
        let account = Home::open(home.to_owned())?.sign_in(&contact, sign_in)?;
        let lease = account
            .try_drive()?
            .ok_or_else(|| CliError::failed("demo", "a new account is driven by someone else"))?;
        let parts = Parts::new(account.store()?, host(), account.identity());
        Ok(Self {
            person,
            engine: Engine::open(parts)?,
            wire,
            made: Vec::new(),
            reports: Vec::new(),
            _lease: lease,
        })
    }

    /// Synchronizes and returns what happened.
    pub(super) async fn sync(&self, progress: Arc<dyn ProgressSink>) -> Result<SyncReport, CliError> {
        let options = SyncOptions {
            progress,
            take_over: TakeOver::Any,
            ..SyncOptions::default()
        };
        Ok(self.engine.sync(&self.wire, options).await?)
    }

    /// Makes a record.
    pub(super) fn create(&mut self, entity: &str, fields: Fields) -> Result<RecordId, CliError> {
        let written = self.engine.create(entity, fields.clone())?;
        self.keep(entity, written, Deed::Create(fields), Fate::Applied)
    }

    /// Changes a record.
    pub(super) fn update(&mut self, record: &Record, fields: Fields, fate: Fate) -> Result<(), CliError> {
        let (entity, id) = (record.entity.as_str(), record.id.as_str());
        let written = self.engine.update(entity, id, fields.clone())?;
        self.keep(entity, written, Deed::Update(fields), fate).map(|_| ())
    }

    /// Deletes a record.
    pub(super) fn delete(&mut self, entity: &str, id: &RecordId) -> Result<(), CliError> {
        let written = self.engine.delete(entity, id.as_str())?;
        self.keep(entity, written, Deed::Delete, Fate::Applied)
            .map(|_| ())
    }

    /// Makes a record and throws it away again.
    pub(super) fn try_out(&mut self, entity: &str, fields: Fields) -> Result<(), CliError> {
        let id = self.create(entity, fields)?;
        self.delete(entity, &id)?;
        for made in self.made.iter_mut().filter(|made| made.record == id) {
            made.fate = Fate::Stays;
        }
        Ok(())
    }

    fn keep(&mut self, entity: &str, written: Written, deed: Deed, fate: Fate) -> Result<RecordId, CliError> {
        let operation = written
            .operation
            .ok_or_else(|| CliError::failed("demo", format!("nothing to change in {entity}")))?;
        self.made.push(Made {
            operation,
            entity: super::crm::entity(entity)?,
            record: written.record.clone(),
            deed,
            fate,
        });
        Ok(written.record)
    }

    /// Returns the whole sync log.
    pub(super) fn log(&self) -> Result<Vec<LogEntry>, EngineError> {
        self.engine.log(&LogSelection::Latest(10_000))
    }
}
