//! A device: a process with the real engine over a store that outlives it, polled by the world.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use driftless_engine::{
    Account, Decision, Engine, EngineError, Host, Parts, Policy, StoreCalls, SyncOptions, SyncReport, Touched,
};
use driftless_record::{
    DeviceId, LogEntry, LogKind, OperationId, OperationKind, OperationState, RecordId, UserId,
};
use driftless_store::{OperationSelection, RecordStore};
use uuid::Uuid;

use super::clock::SimClock;
use super::config::Config;
use super::life::Life;
use super::network::Network;
use super::run::{Broken, Stores};
use super::store::SimStore;
use super::timeline::Timeline;
use super::wire::SimTransport;
use crate::backend::BackendTransport;
use crate::host::SeededRandom;

type Running = Pin<Box<dyn Future<Output = Result<SyncReport, EngineError>>>>;

/// A synchronization under way.
pub(super) struct Syncing {
    future: Running,
    /// How many changes the server had from others when it began.
    pub(super) foreign: u64,
    /// How many operations were pending when it began.
    pub(super) pending: usize,
    /// How many pushes it has made.
    pub(super) pushes: usize,
}

/// A device of a world.
pub(super) struct Device {
    pub(super) number: usize,
    pub(super) clock: Arc<SimClock>,
    pub(super) network: Arc<Network>,
    pub(super) life: Arc<Life>,
    /// The store under the process.
    pub(super) store: Arc<dyn RecordStore>,
    pub(super) engine: Engine,
    pub(super) syncing: Option<Syncing>,
    /// The operations that a person was told of, with their records.
    pub(super) acknowledged: BTreeMap<OperationId, RecordId>,
    /// The operations that a person has taken back or decided on.
    pub(super) decided: BTreeSet<OperationId>,
    /// How often a person has let operations be done once more of which nothing proves that they were done.
    pub(super) once_more: BTreeMap<OperationId, usize>,
    /// What operations said when they were sent, or parked and a person was about to mend them.
    pub(super) said: BTreeMap<OperationId, Vec<OperationKind>>,
    /// The operations that have ended, and how.
    pub(super) ended: BTreeMap<OperationId, &'static str>,
    /// How many changes others have made to the server, as far as they concern this device.
    pub(super) foreign: u64,
    lives: u64,
    seed: u64,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Device {
    /// Makes a device and starts its first process.
    pub(super) fn new(
        number: usize,
        seed: u64,
        (timeline, network): (&Arc<Timeline>, Network),
        wrong: i64,
        (stores, broken): (&dyn Stores, &Broken),
    ) -> Result<Self, EngineError> {
        let clock = Arc::new(SimClock::new(number, timeline.clone(), wrong));
        let (store, life) = (stores.open(number)?, Arc::new(Life::default()));
        let engine = process(number, (seed, 0), &clock, (&store, &life), broken)?;
        Ok(Self {
            number,
            clock,
            network: Arc::new(network),
            life,
            store,
            engine,
            syncing: None,
            acknowledged: BTreeMap::new(),
            decided: BTreeSet::new(),
            once_more: BTreeMap::new(),
            said: BTreeMap::new(),
            ended: BTreeMap::new(),
            foreign: 0,
            lives: 0,
            seed,
        })
    }

    /// Ends the process, if it has not ended, and starts the next one on the same store.
    pub(super) fn restart(&mut self, stores: &dyn Stores, broken: &Broken) -> Result<(), EngineError> {
        self.life.end();
        self.syncing = None;
        self.lives += 1;
        self.life = Arc::new(Life::default());
        self.store = stores.open(self.number)?;
        let (number, seed) = (self.number, (self.seed, self.lives));
        self.engine = process(number, seed, &self.clock, (&self.store, &self.life), broken)?;
        Ok(())
    }

    /// Keeps what the operations say that are under way or parked, before an answer splits one or a person mends it: a
    /// late copy of what was sent says it still.
    pub(super) fn keep_said(&mut self) {
        let pending = self.store.operations(&OperationSelection::Pending(1_000_000));
        for operation in pending.unwrap_or_default() {
            let is_sent = matches!(
                operation.state,
                OperationState::InFlight(_) | OperationState::Unknown(_)
            );
            let said = self.said.entry(operation.id).or_default();
            if (is_sent || operation.state.parked().is_some()) && said.last() != Some(&operation.kind) {
                said.push(operation.kind);
            }
        }
    }

    /// Notes that a person has decided on an entry: if nobody can prove that its operations were done, he may have let
    /// them be done once more.
    pub(super) fn may_do_again(
        &mut self,
        entry: &LogEntry,
        decision: &Decision,
        result: &Result<Touched, EngineError>,
    ) {
        let sends = match decision {
            Decision::Mine
            | Decision::Retry
            | Decision::Set(_)
            | Decision::Without(_)
            | Decision::Pick(_) => true,
            Decision::Theirs | Decision::Link(_) | Decision::Revert | Decision::Discard => false,
        };
        // A disk may have kept what it calls failed.
        let may_be_kept = matches!(result, Ok(_) | Err(EngineError::Store(_)));
        if entry.kind == LogKind::Unproved && sends && may_be_kept {
            for id in &entry.operations {
                *self.once_more.entry(*id).or_default() += 1;
            }
        }
    }

    /// Begins to synchronize.
    pub(super) fn begin(
        &mut self,
        timeline: &Arc<Timeline>,
        config: &Config,
        options: SyncOptions,
        broken: &Broken,
    ) {
        let wire = SimTransport {
            device: self.number,
            timeline: timeline.clone(),
            network: self.network.clone(),
            life: self.life.clone(),
            capabilities: config.capabilities.clone(),
            whole_seconds: config.whole_seconds,
            tamper: broken.push,
        };
        let engine = self.engine.clone();
        self.syncing = Some(Syncing {
            future: Box::pin(async move { engine.sync(&wire, options).await }),
            foreign: self.foreign,
            pending: self.engine.outbox().map_or(0, |outbox| outbox.len()),
            pushes: 0,
        });
    }

    /// Lets the synchronization go on as far as it can without time passing; returns it with its result if it ended.
    pub(super) fn poll(&mut self) -> Option<(Syncing, Result<SyncReport, EngineError>)> {
        let mut syncing = self.syncing.take()?;
        let beat = Arc::new(Beat {
            thread: thread::current(),
            woken: AtomicBool::new(true),
        });
        let waker = Waker::from(beat.clone());
        loop {
            if beat.woken.swap(false, Ordering::AcqRel) {
                match syncing.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(result) => return Some((syncing, result)),
                    Poll::Pending => {}
                }
            }
            if beat.woken.load(Ordering::Acquire) {
                continue;
            }
            if is_idle(&beat) {
                break;
            }
            thread::park();
        }
        self.syncing = Some(syncing);
        None
    }
}

/// Returns whether nothing but time is being waited for: futures that wait for time keep no waker, so every other copy
/// of it is a call to the store under way on its thread.
fn is_idle(beat: &Arc<Beat>) -> bool {
    let copies = Arc::strong_count(beat);
    fence(Ordering::Acquire);
    copies == 2 && !beat.woken.load(Ordering::Acquire)
}

/// Wakes the world's thread.
struct Beat {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Beat {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        let thread = self.thread.clone();
        // Gone before the world looks whether anybody still has a copy.
        drop(self);
        thread.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

fn process(
    number: usize,
    (seed, lives): (u64, u64),
    clock: &Arc<SimClock>,
    (store, life): (&Arc<dyn RecordStore>, &Arc<Life>),
    broken: &Broken,
) -> Result<Engine, EngineError> {
    let account = Account {
        user: UserId("ann".to_owned()),
        tenant: BackendTransport::tenant(),
        device: DeviceId(Uuid::from_u128(number as u128 + 10)),
    };
    let chance = seed
        .wrapping_mul(31)
        .wrapping_add(number as u64)
        .wrapping_mul(1_009)
        ^ lives;
    let host = Host {
        clock: clock.clone(),
        random: Arc::new(SeededRandom::new(chance)),
    };
    let seen = SimStore::new(store.clone(), life.clone(), broken.commit);
    let mut parts = Parts::new(Arc::new(seen), host, account);
    parts.store_calls = StoreCalls::WherePolled;
    if let Some(policy) = &broken.policy {
        parts.policy = Policy::BuiltIn(policy.clone());
    }
    Engine::open(parts)
}
