//! One synchronization from its start to its report.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use driftless_record::{EntityName, LogId, Operation, OperationState, Timestamp};
use driftless_store::{
    JournalReader, LogSelection, OperationSelection, RecordStore, Retry, StoreError, Write, WriteBatch,
};
use driftless_transport::{Capabilities, Retry as Again, Transport, TransportError};

use futures_util::future::{Either, select};

use crate::EngineError;
use crate::confirm::Sent;
use crate::departed;
use crate::driver::Driver;
use crate::gate::Gate;
use crate::host::{Account, Host};
use crate::judge::Judge;
use crate::lease::TakeOver;
use crate::notes::{self, Note};
use crate::progress::{NoProgress, Progress, ProgressSink, Stage};
use crate::report::SyncReport;

/// How long after its deadline a synchronization waits for a call that is under way, in milliseconds.
const GRACE_MILLIS: u64 = 500;

/// How many requests in a row may be lost while the way to the server is open, before the rest waits for the next
/// synchronization: enough to find the one change that breaks a request of a hundred.
const MAX_LOSSES: u32 = 8;

/// What a synchronization is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum What {
    /// Schema and settings, server data, the outbox.
    #[default]
    Everything,
    /// Only the outbox.
    Push,
}

/// How to synchronize.
#[derive(Clone)]
pub struct SyncOptions {
    /// What to do.
    pub what: What,
    /// After how many milliseconds to stop at the next page or batch.
    pub deadline_millis: Option<u64>,
    /// Set to true by whoever wants it to stop at the next page or batch, as at a deadline.
    pub stop: Arc<AtomicBool>,
    /// The most rows in a page.
    pub page_rows: usize,
    /// Whether a lease of another engine is taken over that has not run out.
    pub take_over: TakeOver,
    /// Who is told about progress.
    pub progress: Arc<dyn ProgressSink>,
}

impl Default for SyncOptions {
    fn default() -> Self {
        Self {
            what: What::Everything,
            deadline_millis: None,
            stop: Arc::default(),
            page_rows: 2000,
            take_over: TakeOver::RunOut,
            progress: Arc::new(NoProgress),
        }
    }
}

/// A synchronization under way.
pub(crate) struct Session<'a> {
    pub host: &'a Host,
    pub account: &'a Account,
    pub judge: &'a Judge,
    pub transport: &'a dyn Transport,
    pub worker: &'a Driver<'a>,
    pub gate: &'a Arc<Gate>,
    pub options: SyncOptions,
    pub started: i64,
    pub report: SyncReport,
    pub capabilities: BTreeMap<EntityName, Capabilities>,
    /// How many requests in a row were lost although the way to the server was open.
    pub losses: u32,
}

/// Why a part of a synchronization ended.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The deadline came.
    Deadline,
    /// The back end, or the way to it.
    Transport(TransportError),
    /// Something on the device.
    Engine(EngineError),
}

impl From<TransportError> for Stop {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Transport(error) => Self::Transport(error),
            error => Self::Engine(error),
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl Session<'_> {
    /// Runs to the end, the deadline or the first failure that concerns everything.
    pub(crate) async fn run(mut self) -> Result<SyncReport, EngineError> {
        let first_log = self
            .worker
            .run(|store| store.log(&LogSelection::Latest(1)))
            .await?;
        let first_log = first_log.last().map_or(LogId(0), |entry| entry.id);
        let ended = self.stages_in_time().await;
        match ended {
            Ok(()) => {}
            Err(Stop::Deadline) => self.report.out_of_time = true,
            Err(Stop::Transport(error)) => self.report.interrupted = Some(error),
            Err(Stop::Engine(error)) => return Err(error),
        }
        self.finish(first_log).await?;
        Ok(self.report)
    }

    /// Runs the stages; a call that hangs beyond the deadline is abandoned. What it may have done is asked for before
    /// anything else the next time.
    async fn stages_in_time(&mut self) -> Result<(), Stop> {
        let Some(deadline) = self.options.deadline_millis else {
            return self.stages().await;
        };
        let late = self.host.clock.sleep(deadline.saturating_add(GRACE_MILLIS));
        match select(pin!(self.stages()), late).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), _)) => Err(Stop::Deadline),
        }
    }

    async fn stages(&mut self) -> Result<(), Stop> {
        self.adopt_orphans().await?;
        self.contact().await?;
        let mut pushed = BTreeSet::new();
        // Before anything else happens to their records, and before server data could hide what became of them.
        let stuck = match self.settle_unknown(Sent::Earlier, &mut pushed).await {
            Err(Stop::Transport(error)) if error.may_have_happened() => Some(error),
            other => other.map(|()| None)?,
        };
        if self.options.what == What::Everything {
            self.structure().await?;
            self.pull_all().await?;
        }
        // Reading is never starved by writes that are stuck; with a way that broke, it has ended above.
        if let Some(error) = stuck {
            return Err(error.into());
        }
        self.push_all(&mut pushed).await?;
        if self.options.what == What::Everything {
            self.pull_again(&pushed).await?;
            self.worker.run(departed::evict).await?;
        }
        Ok(())
    }

    /// Goes on after a request was lost, if the server still answers: then that request is at fault, not the way to
    /// it. Otherwise, and after too many of them, everything stops.
    pub(super) async fn go_on_after(&mut self, lost: TransportError) -> Result<(), Stop> {
        self.losses += 1;
        let goes_on =
            lost.may_have_happened() && self.losses <= MAX_LOSSES && self.transport.contact().await.is_ok();
        if goes_on { Ok(()) } else { Err(lost.into()) }
    }

    /// Operations in flight whose process has ended have an unknown outcome (law L8).
    async fn adopt_orphans(&self) -> Result<(), EngineError> {
        self.worker.run(adopt_orphans).await
    }

    async fn finish(&mut self, first_log: LogId) -> Result<(), EngineError> {
        let whole = self.options.what == What::Everything
            && !self.report.out_of_time
            && self.report.interrupted.is_none()
            && self
                .report
                .entities
                .values()
                .all(|entity| entity.problem.is_none());
        let now = self.host.clock.now();
        let (entries, pending) = self
            .worker
            .run(move |store| {
                if whole {
                    let last: Option<Timestamp> = notes::read(store, &Note::LastSync)?;
                    let now = last.map_or(now, |last| last.max(now));
                    store.commit(WriteBatch {
                        expect: None,
                        writes: vec![notes::write(&Note::LastSync, &now), notes::remove(&Note::Unread)],
                    })?;
                }
                let latest = store.log(&LogSelection::Latest(10_000))?;
                let open = store.log(&LogSelection::Open)?;
                let pending = JournalReader::operations(store, &OperationSelection::Pending(usize::MAX))?;
                Ok::<_, StoreError>(((latest, open), pending))
            })
            .await?;
        let (latest, open) = entries;
        self.report.log = latest
            .iter()
            .map(|entry| entry.id)
            .filter(|id| *id > first_log)
            .collect();
        self.report.waiting = open.iter().map(|entry| entry.id).collect();
        self.report.newly_waiting = open
            .iter()
            .map(|entry| entry.id)
            .filter(|id| *id > first_log)
            .collect();
        self.report.pending = pending.len() as u64;
        let unknown = pending
            .iter()
            .filter(|o| matches!(o.state, OperationState::Unknown(_)));
        self.report.unknown = unknown.count() as u64;
        Ok(())
    }

    /// Stops if the deadline has come or somebody asked for it.
    pub(crate) fn in_time(&self) -> Result<(), Stop> {
        if self.options.stop.load(Ordering::Acquire) {
            return Err(Stop::Deadline);
        }
        let Some(deadline) = self.options.deadline_millis else {
            return Ok(());
        };
        let spent = self.host.clock.monotonic().saturating_sub(self.started);
        if u64::try_from(spent).unwrap_or_default() < deadline {
            Ok(())
        } else {
            Err(Stop::Deadline)
        }
    }

    pub(crate) fn tell(&self, stage: Stage, entity: Option<&EntityName>, done: u64, total: Option<u64>) {
        let progress = Progress {
            stage,
            entity: entity.cloned(),
            done,
            total,
            bytes: self.report.bytes,
        };
        self.options.progress.progress(&progress);
    }
}

fn adopt_orphans(store: &dyn RecordStore) -> Result<(), StoreError> {
    loop {
        let mut batch = WriteBatch::based_on(store.position()?);
        for operation in store.operations(&OperationSelection::Pending(usize::MAX))? {
            if let OperationState::InFlight(id) = operation.state {
                let state = OperationState::Unknown(id);
                batch.push(Write::PutOperation(Box::new(Operation { state, ..operation })));
            }
        }
        if batch.writes.is_empty() {
            return Ok(());
        }
        match store.commit(batch) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|_| ()),
        }
    }
}

/// Returns whether an error concerns everything, and not only the entity that was asked for.
pub(crate) fn concerns_everything(error: &TransportError) -> bool {
    match error.retry() {
        Again::Backoff | Again::After(_) | Again::SignIn => true,
        Again::Reload => false,
        Again::Never => matches!(
            error,
            TransportError::Certificate { .. }
                | TransportError::Incompatible { .. }
                | TransportError::Address(_)
        ),
    }
}
