//! The law that only whole worlds can break: two devices and an office, with the policy in the engine.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use driftless_engine::{Account, Engine, Parts, Policy, SyncOptions};
use driftless_record::{
    DeviceId, EntitySchema, FieldKind, FieldName, FieldSchema, Fields, RecordId, Schema, UserId, Value,
};
use driftless_store::MemoryStore;
use driftless_transport::{Batch, Capabilities, ChangeDetection, CompareAndSet, Deletions, Idempotency};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestError};
use uuid::Uuid;

use super::Trial;
use super::ask::Asker;
use super::draw::{samples, writable};
use super::laws::{cases, runner};
use super::sample::field;
use super::values::of_kind;
use crate::backend::{Backend, BackendTransport};
use crate::host::{TestClock, test_host};

/// How many devices there are; whoever has the next number is the office.
const DEVICES: usize = 2;
/// How often everybody synchronizes in the end: what was decided has to reach everybody.
const ROUNDS: usize = 4;

/// Somebody sets a field to a value, or a device synchronizes.
#[derive(Debug, Clone)]
enum Step {
    Set { who: usize, field: usize, value: usize },
    Sync(usize),
}

/// When everybody has synchronized, devices and server have the same record, unless it waits for a person; and a field
/// that one side alone changed has that side's value, whatever the policy says of others (law L25).
///
/// # Panics
/// If the policy, or the engine under it, breaks the law.
pub fn devices_end_equal_and_keep_what_one_side_changed(trial: &Trial) {
    // A policy that never comes back would hold the worlds up for ever.
    let asker = Asker::of((trial.make)());
    let drawn = runner(16).run(&samples(trial.about.clone()), |sample| {
        asker.ask(&sample).map(drop).map_err(TestCaseError::fail)
    });
    if let Err(error) = drawn {
        panic!("{error}");
    }
    let entity = Arc::new(with_guid_key(&trial.about));
    let names = settable(&entity).len();
    if names == 0 {
        return;
    }
    let set =
        (0..=DEVICES, 0..names, 0..9usize).prop_map(|(who, field, value)| Step::Set { who, field, value });
    let step = prop_oneof![3 => set, 1 => (0..DEVICES).prop_map(Step::Sync)];
    let steps = prop::collection::vec(step, 1..10);
    let stamps = any::<bool>();
    let result = runner(cases().min(48)).run(&(steps, stamps), |(steps, stamps)| {
        World::new(trial, &entity, stamps)
            .play(&steps)
            .map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, (steps, _))) => panic!("{why}\nafter {steps:#?}"),
        Err(TestError::Abort(why)) => panic!("no world could be drawn: {why}"),
    }
}

/// Returns the fields that are set in a world.
fn settable(entity: &EntitySchema) -> Vec<&FieldSchema> {
    let fields = writable(entity).into_iter();
    fields
        .filter(|field| of_kind(&field.kind).len() > 1 && !matches!(field.kind, FieldKind::Lookup { .. }))
        .collect()
}

/// Returns the entity with a key that devices can make.
fn with_guid_key(entity: &EntitySchema) -> EntitySchema {
    let mut keyed = entity.clone();
    if keyed.guid_key().is_none() {
        let key = field("policy_trial_key");
        keyed.key = vec![key.clone()];
        keyed.key_targets.clear();
        keyed.add(FieldSchema::new(key, FieldKind::Guid));
    }
    keyed
}

struct World {
    entity: Arc<EntitySchema>,
    record: RecordId,
    backend: Arc<Mutex<Backend>>,
    devices: Vec<(Engine, BackendTransport, Arc<TestClock>)>,
    /// Who set each field, and to what; only one of them where nobody contradicts.
    set: BTreeMap<FieldName, Vec<(usize, Value)>>,
}

impl World {
    fn new(trial: &Trial, entity: &Arc<EntitySchema>, stamps: bool) -> Self {
        let mut schema = Schema {
            version: "1".to_owned(),
            ..Schema::default()
        };
        schema.add((**entity).clone());
        let capabilities = Capabilities {
            changes: ChangeDetection::Delta,
            deletions: Deletions::Reported,
            compare_and_set: CompareAndSet::Revision,
            idempotency: Idempotency::Repeatable,
            batch: Batch {
                limit: 10,
                depends_on: true,
                groups: true,
            },
            stamps,
            stamp_error: 0,
            page_rows: 10,
        };
        let mut backend = Backend::new(Arc::new(schema), capabilities);
        backend.set_now(1_000_000);
        let id = Uuid::from_u128(1);
        let record = RecordId::guid(id);
        let mut first: Fields = settable(entity)
            .into_iter()
            .filter_map(|field| Some((field.name.clone(), of_kind(&field.kind).into_iter().next()?)))
            .collect();
        first.extend(entity.guid_key().map(|key| (key.clone(), Value::Guid(id))));
        backend.put(&entity.name, &record, first);
        let backend = Arc::new(Mutex::new(backend));
        let devices = (0..DEVICES)
            .filter_map(|number| device(trial, number, &backend))
            .collect();
        Self {
            entity: entity.clone(),
            record,
            backend,
            devices,
            set: BTreeMap::new(),
        }
    }

    fn play(mut self, steps: &[Step]) -> Result<(), String> {
        for device in 0..self.devices.len() {
            self.sync(device)?;
        }
        for step in steps {
            match *step {
                Step::Set { who, field, value } => self.set(who, field, value)?,
                Step::Sync(device) => self.sync(device)?,
            }
            self.pass();
        }
        for _ in 0..ROUNDS {
            for device in 0..self.devices.len() {
                self.sync(device)?;
            }
        }
        self.check()
    }

    fn sync(&self, device: usize) -> Result<(), String> {
        let (engine, wire, _) = &self.devices[device];
        let report =
            block_on(engine.sync(wire, SyncOptions::default())).map_err(|error| error.to_string())?;
        report.interrupted.map_or(Ok(()), |error| Err(error.to_string()))
    }

    fn set(&mut self, who: usize, field: usize, value: usize) -> Result<(), String> {
        let fields = settable(&self.entity);
        let field = fields[field];
        let values = of_kind(&field.kind);
        let value = values[value % values.len()].clone();
        let change = Fields::from([(field.name.clone(), value.clone())]);
        match self.devices.get(who) {
            Some((engine, ..)) => {
                let written = engine.update(self.entity.name.as_str(), self.record.as_str(), change);
                if written.map_err(|error| error.to_string())?.operation.is_none() {
                    return Ok(());
                }
            }
            None => self.backend.lock().unwrap_or_else(PoisonError::into_inner).put(
                &self.entity.name,
                &self.record,
                change,
            ),
        }
        self.set.entry(field.name.clone()).or_default().push((who, value));
        Ok(())
    }

    fn pass(&self) {
        for (_, _, clock) in &self.devices {
            clock.pass(60_000);
        }
        let mut backend = self.backend.lock().unwrap_or_else(PoisonError::into_inner);
        let now = backend.now() + 60_000;
        backend.set_now(now);
    }

    fn check(&self) -> Result<(), String> {
        let backend = self.backend.lock().unwrap_or_else(PoisonError::into_inner);
        let server = backend
            .record(&self.entity.name, &self.record)
            .ok_or("the record is gone")?
            .record;
        let mut waits = false;
        for (number, (engine, ..)) in self.devices.iter().enumerate() {
            let outbox = engine.outbox().map_err(|error| error.to_string())?;
            waits |= !outbox.is_empty();
            if let Some(item) = outbox.iter().find(|item| item.operation.state.parked().is_none()) {
                return Err(format!(
                    "device {number} does not come to rest: {:?}",
                    item.operation.state
                ));
            }
            let view = engine.get(self.entity.name.as_str(), self.record.as_str());
            let view = view.map_err(|error| error.to_string())?;
            let differs = settable(&self.entity)
                .into_iter()
                .find(|field| view.value(&field.name) != server.value(&field.name));
            if let Some(field) = differs.filter(|_| outbox.is_empty()) {
                return Err(format!(
                    "device {number} has {} in {}, the server {}",
                    view.value(&field.name),
                    field.name,
                    server.value(&field.name)
                ));
            }
        }
        let alone = self.set.iter().filter_map(|(name, set)| {
            let (who, value) = set.last()?;
            set.iter().all(|(other, _)| other == who).then_some((name, value))
        });
        for (name, value) in alone.filter(|_| !waits) {
            if server.value(name) != value {
                return Err(format!(
                    "nobody contradicts {value} in {name}, and the server has {}",
                    server.value(name)
                ));
            }
        }
        Ok(())
    }
}

fn device(
    trial: &Trial,
    number: usize,
    backend: &Arc<Mutex<Backend>>,
) -> Option<(Engine, BackendTransport, Arc<TestClock>)> {
    let clock = Arc::new(TestClock::at(1_000_000));
    clock.stand_still();
    let account = Account {
        user: UserId("ann".to_owned()),
        tenant: BackendTransport::tenant(),
        device: DeviceId(Uuid::from_u128(number as u128 + 10)),
    };
    let host = test_host(clock.clone(), number as u64);
    let mut parts = Parts::new(Arc::new(MemoryStore::new()), host, account);
    parts.policy = Policy::Own {
        policy: (trial.make)(),
        limit_millis: 1000,
    };
    let (wire, _) = BackendTransport::new(backend.clone(), "ann");
    Some((Engine::open(parts).ok()?, wire, clock))
}

/// Wakes a thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
