//! The handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use driftless_record::{
    EntitySchema, Fields, Handling, LogEntry, LogId, OperationId, Query, Record, RecordId, Schema, Settings,
    Timestamp,
};
use driftless_store::{LogSelection, RecordStore};
use driftless_transport::Transport;
use uuid::Uuid;

use crate::command::{AsDeclared, CommandEffects};
use crate::driver::Driver;
use crate::edit::{self, Scene};
use crate::gate::Gate;
use crate::host::{Account, Host};
use crate::judge::{Judge, Policy};
use crate::outbox::{self, OutboxItem, Outcome};
use crate::preview::{self, Preview};
use crate::report::SyncReport;
use crate::resolve::{self, Decision, Touched};
use crate::status::{self, Status};
use crate::sync::{Session, SyncOptions};
use crate::wish::{Edit, Written};
use crate::worker::{StoreCalls, Worker};
use crate::{EngineError, NotPossible, alias, names, notes, together};

/// How long whoever awaits an outcome rests between two looks, in milliseconds.
const LOOK_MILLIS: u64 = 100;

/// What an engine is made of.
#[derive(Clone)]
pub struct Parts {
    /// The store of one account.
    pub store: Arc<dyn RecordStore>,
    /// The device around it.
    pub host: Host,
    /// Whose work it keeps.
    pub account: Account,
    /// Who wins conflicts.
    pub policy: Policy,
    /// What the app knows of its commands.
    pub effects: Arc<dyn CommandEffects>,
    /// Where the store calls of a synchronization run.
    pub store_calls: StoreCalls,
}

impl Parts {
    /// Makes parts with the policy that follows the administrator's rules.
    #[must_use]
    pub fn new(store: Arc<dyn RecordStore>, host: Host, account: Account) -> Self {
        Self {
            store,
            host,
            account,
            policy: Policy::Rules,
            effects: Arc::new(AsDeclared),
            store_calls: StoreCalls::default(),
        }
    }
}

/// The engine for one account on one device. Clones share everything.
///
/// Reading and writing are local in every mode and return when the store has answered: they may take as long as a
/// durable write takes, and never wait for the network. Only [`Engine::sync`] talks to the server.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    /// Names this engine among those that have the store open.
    id: Uuid,
    worker: Worker,
    judge: Judge,
    syncing: AtomicBool,
    gate: Arc<Gate>,
}

/// Holds the right to synchronize within this process.
struct Turn<'a>(&'a AtomicBool);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Engine {
    /// Opens an engine over its parts.
    ///
    /// # Errors
    /// [`EngineError::Stopped`] if the system gives no thread.
    pub fn open(parts: Parts) -> Result<Self, EngineError> {
        let worker = Worker::start(parts.store.clone(), parts.store_calls)?;
        Ok(Self {
            inner: Arc::new(Inner {
                id: parts.host.uuid(),
                judge: Judge::new(parts.policy.clone()),
                parts,
                worker,
                syncing: AtomicBool::new(false),
                gate: Arc::default(),
            }),
        })
    }

    fn store(&self) -> &dyn RecordStore {
        &*self.inner.parts.store
    }

    fn now(&self) -> Timestamp {
        self.inner.parts.host.clock.now()
    }

    /// Returns the schema; empty before the first synchronization.
    ///
    /// # Errors
    /// The store's.
    pub fn schema(&self) -> Result<Arc<Schema>, EngineError> {
        Ok(self.store().schema()?)
    }

    /// Finds an entity by its name or its set's.
    ///
    /// # Errors
    /// [`EngineError::UnknownEntity`], [`EngineError::NotReady`] before the first synchronization, or the store's.
    pub fn entity(&self, name: &str) -> Result<Arc<EntitySchema>, EngineError> {
        names::entity(&*self.schema()?, name)
    }

    /// Returns the administrator's settings as last read; the defaults before.
    ///
    /// # Errors
    /// The store's.
    pub fn settings(&self) -> Result<Settings, EngineError> {
        Ok(notes::settings(self.store())?)
    }

    /// Returns a record as the user sees it. The entity may be given by its name or its set's, the id in any form that
    /// [`RecordId::parse`] takes; one that the record had before, such as a temporary one, leads to it too.
    ///
    /// # Errors
    /// [`EngineError::NoRecord`], [`EngineError::UnknownEntity`], [`EngineError::InvalidId`], or the store's.
    pub fn get(&self, entity: &str, id: &str) -> Result<Record, EngineError> {
        let entity = names::entity(&*self.schema()?, entity)?;
        let id = RecordId::parse(&entity, id)?;
        let mut found = self.store().get(&entity.name, &id)?;
        if found.is_none()
            && let Some(now) = alias::now(self.store(), &entity.name, &id)?
        {
            found = self.store().get(&entity.name, &now)?;
        }
        found.ok_or_else(|| EngineError::NoRecord {
            entity: entity.name.to_string(),
            id: id.to_string(),
        })
    }

    /// Answers a query from the device.
    ///
    /// # Errors
    /// The store's.
    pub fn query(&self, query: &Query) -> Result<Vec<Record>, EngineError> {
        Ok(self.store().query(query, self.now())?)
    }

    /// Returns how many records a query without its paging has on the device.
    ///
    /// # Errors
    /// The store's.
    pub fn count(&self, query: &Query) -> Result<u64, EngineError> {
        Ok(self.store().count(query, self.now())?)
    }

    /// Makes a record. When this returns, it is durable together with its operation.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] with everything that is wrong, [`EngineError::Exists`], [`EngineError::NotAllowed`], or
    /// the store's; nothing was changed then.
    pub fn create(&self, entity: &str, fields: Fields) -> Result<Written, EngineError> {
        let entity = entity.to_owned();
        self.edit(&Edit::Create { entity, fields }, Handling::default())
    }

    /// Changes fields of a record. Fields that have these values already are left out. Changing a record of which an
    /// operation was refused mends that operation.
    ///
    /// # Errors
    /// [`EngineError::Invalid`], [`EngineError::NoRecord`], [`EngineError::NotAllowed`], or the store's; nothing was
    /// changed then.
    pub fn update(&self, entity: &str, id: &str, fields: Fields) -> Result<Written, EngineError> {
        let (entity, id) = (entity.to_owned(), id.to_owned());
        self.edit(&Edit::Update { entity, id, fields }, Handling::default())
    }

    /// Deletes a record.
    ///
    /// # Errors
    /// [`EngineError::NoRecord`], [`EngineError::NotAllowed`], or the store's; nothing was changed then.
    pub fn delete(&self, entity: &str, id: &str) -> Result<Written, EngineError> {
        let (entity, id) = (entity.to_owned(), id.to_owned());
        self.edit(&Edit::Delete { entity, id }, Handling::default())
    }

    /// Runs a command on a record: the call goes to the outbox, and what it is expected to do is seen at once.
    ///
    /// # Errors
    /// [`EngineError::NoCommand`], [`EngineError::Parameters`] with everything that is wrong,
    /// [`EngineError::CommandNotNow`], [`EngineError::NoRecord`], or the store's; nothing was changed then.
    pub fn run(
        &self,
        entity: &str,
        id: &str,
        command: &str,
        parameters: Fields,
    ) -> Result<Written, EngineError> {
        let edit = Edit::Run {
            entity: entity.to_owned(),
            id: id.to_owned(),
            command: command.to_owned(),
            parameters,
        };
        self.edit(&edit, Handling::default())
    }

    /// Makes a local write, to be handled as the app says.
    ///
    /// # Errors
    /// Those of [`Engine::create`], [`Engine::update`], [`Engine::delete`] and [`Engine::run`]; nothing was changed then.
    pub fn edit(&self, edit: &Edit, handling: Handling) -> Result<Written, EngineError> {
        edit::carry_out(self.scene(handling), edit, &self.inner.gate)
    }

    /// Makes several local writes in one commit, as one group: on the server they happen together or not at all, where
    /// it has change sets; elsewhere one after the other, each only after the one before it. Each write sees those
    /// before it.
    ///
    /// # Errors
    /// [`EngineError::InGroup`] with the write that is wrong, [`EngineError::NotOneGroup`], or the store's; nothing was
    /// changed then.
    pub fn edit_together(&self, edits: &[Edit], handling: Handling) -> Result<Vec<Written>, EngineError> {
        together::carry_out(self.scene(handling), edits, &self.inner.gate)
    }

    fn scene(&self, handling: Handling) -> Scene<'_> {
        let parts = &self.inner.parts;
        Scene {
            store: self.store(),
            host: &parts.host,
            account: &parts.account,
            effects: &*parts.effects,
            handling,
        }
    }

    /// Returns the pending operations, oldest first.
    ///
    /// # Errors
    /// The store's.
    pub fn outbox(&self) -> Result<Vec<OutboxItem>, EngineError> {
        Ok(outbox::outbox(self.store())?)
    }

    /// Returns what became of an operation, as far as the device knows.
    ///
    /// # Errors
    /// [`EngineError::NoOperation`], or the store's.
    pub fn outcome(&self, operation: OperationId) -> Result<Outcome, EngineError> {
        outbox::outcome(self.store(), operation)
    }

    /// Waits for at most so many milliseconds until the outcome of an operation is no longer [`Outcome::Pending`], and
    /// returns it as it is then. Whoever sends the operation, here, in another process or after a restart: what counts is
    /// what the store says. It sends nothing by itself.
    ///
    /// # Errors
    /// Like [`Engine::outcome`].
    pub async fn outcome_within(&self, operation: OperationId, millis: u64) -> Result<Outcome, EngineError> {
        let clock = &self.inner.parts.host.clock;
        let began = clock.monotonic();
        loop {
            let outcome = self
                .inner
                .worker
                .run(move |store| outbox::outcome(store, operation))
                .await?;
            let waited = u64::try_from(clock.monotonic().saturating_sub(began)).unwrap_or_default();
            if outcome != Outcome::Pending || waited >= millis {
                return Ok(outcome);
            }
            clock.sleep(LOOK_MILLIS.min(millis - waited)).await;
        }
    }

    /// Returns entries of the sync log, oldest first.
    ///
    /// # Errors
    /// The store's.
    pub fn log(&self, selection: &LogSelection) -> Result<Vec<LogEntry>, EngineError> {
        Ok(self.store().log(selection)?)
    }

    /// Carries out what a person decided about a log entry, and returns what it touched.
    ///
    /// # Errors
    /// [`EngineError::NoLogEntry`], [`EngineError::NotPossible`], [`EngineError::Invalid`], or the store's; nothing was
    /// changed then.
    pub fn resolve(&self, log: LogId, decision: &Decision) -> Result<Touched, EngineError> {
        let parts = &self.inner.parts;
        resolve::decide(self.store(), &parts.host, &parts.account, log, decision)
    }

    /// Says what a decision would touch, without carrying it out.
    ///
    /// # Errors
    /// Like [`Engine::resolve`].
    pub fn resolve_preview(&self, log: LogId, decision: &Decision) -> Result<Touched, EngineError> {
        let parts = &self.inner.parts;
        resolve::plan(self.store(), &parts.host, &parts.account, log, decision)
    }

    /// Takes back an operation that is not on the server, with all that need it, and returns what it touched.
    ///
    /// # Errors
    /// [`EngineError::NoOperation`], [`EngineError::NotPossible`] if it is or may be on the server, or the store's.
    pub fn undo(&self, operation: OperationId) -> Result<Touched, EngineError> {
        resolve::undo(self.store(), &self.inner.parts.host, operation)
    }

    /// Says what an undo would touch, without carrying it out.
    ///
    /// # Errors
    /// Like [`Engine::undo`].
    pub fn undo_preview(&self, operation: OperationId) -> Result<Touched, EngineError> {
        resolve::plan_undo(self.store(), operation)
    }

    /// Returns where things stand.
    ///
    /// # Errors
    /// The store's.
    pub fn status(&self) -> Result<Status, EngineError> {
        Ok(status::status(self.store(), self.now())?)
    }

    /// Says what a push would do now, from what the device knows, without writing or talking to anyone.
    ///
    /// # Errors
    /// The store's.
    pub fn preview(&self) -> Result<Preview, EngineError> {
        let parts = &self.inner.parts;
        Ok(preview::preview(self.store(), &parts.host, &parts.policy)?)
    }

    /// Returns the number of the store's last commit; it changes with every change on the device.
    ///
    /// # Errors
    /// The store's.
    pub fn position(&self) -> Result<u64, EngineError> {
        Ok(self.store().position()?.0)
    }

    /// Synchronizes: sends the outbox, reads what changed on the server, and says what happened.
    ///
    /// What the server or the network does wrong never loses anything and is told in [`SyncReport::interrupted`]; an
    /// error means that the device itself failed, that another user is signed in, or that another engine drives the
    /// store: a lease in the store lets one of them send at a time, and one that was held up until another took over
    /// can neither send nor confirm any more (law L7).
    ///
    /// # Errors
    /// [`EngineError::OtherUser`], [`EngineError::NotPossible`] if a synchronization is under way, here or elsewhere,
    /// or the store's.
    pub async fn sync(
        &self,
        transport: &dyn Transport,
        options: SyncOptions,
    ) -> Result<SyncReport, EngineError> {
        let inner = &*self.inner;
        if inner.syncing.swap(true, Ordering::AcqRel) {
            return Err(NotPossible::Synchronizing.into());
        }
        let _turn = Turn(&inner.syncing);
        let parts = &inner.parts;
        let driver = Driver::take(&inner.worker, &parts.host.clock, inner.id, options.take_over).await?;
        let session = Session {
            host: &parts.host,
            account: &parts.account,
            judge: &inner.judge,
            transport,
            worker: &driver,
            gate: &inner.gate,
            started: parts.host.clock.monotonic(),
            options,
            report: SyncReport::default(),
            capabilities: std::collections::BTreeMap::new(),
            losses: 0,
        };
        let report = session.run().await;
        // Everything is committed by now, and a lease that cannot be given back runs out by itself.
        let _ = driver.give_back().await;
        report
    }
}
