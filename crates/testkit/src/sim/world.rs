//! A world: the server, its devices, the time, and what happens when time goes on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use driftless_engine::{EngineError, SyncReport};
use driftless_record::{ChangeAction, Fields, OperationId, RecordId, Settings, Value};
use driftless_store::{OperationSelection, StoreError};
use uuid::Uuid;

use super::act::Step;
use super::clock::EPOCH;
use super::config::Config;
use super::device::{Device, Syncing};
use super::network::Network;
use super::oracle::{Key, Oracle, Origin};
use super::order::Order;
use super::run::{Broken, Plan, Stores, Violation};
use super::schema::{self, Shape, entity, fields};
use super::story::Story;
use super::timeline::{Due, Timeline};
use super::{check, evidence, play};
use crate::backend::{Backend, BackendTransport, Effect, References};

/// More requests than this, and as many more for each pending operation, are never needed to send an outbox.
const MAX_PUSHES: usize = 60;

/// A world.
pub(super) struct World<'a> {
    pub(super) config: Config,
    pub(super) timeline: Arc<Timeline>,
    pub(super) backend: Arc<Mutex<Backend>>,
    wire: BackendTransport,
    pub(super) devices: Vec<Device>,
    pub(super) story: Story,
    pub(super) oracle: Oracle,
    pub(super) order: Order,
    /// How many final values were compared with the edit that was made last.
    pub(super) compared: usize,
    pub(super) stores: &'a dyn Stores,
    pub(super) broken: &'a Broken,
    /// What the administrator has set.
    pub(super) settings: Settings,
    /// The form of the data.
    pub(super) shape: Shape,
}

impl<'a> World<'a> {
    /// Makes the world of a plan.
    pub(super) fn new(plan: &Plan, stores: &'a dyn Stores, broken: &'a Broken) -> Result<Self, Violation> {
        let config = plan.config.clone();
        let timeline = Arc::new(Timeline::default());
        let shape = Shape::new(config.server_keys);
        let schema = shape.schema(config.habits.references == References::Cascade);
        let mut server = Backend::new(Arc::new(schema), config.capabilities.clone());
        server.set_habits(config.habits);
        server.set_revisions(config.revisions);
        server.set_time_error(config.time_error);
        server.set_now(EPOCH);
        server.set_settings(Some(Settings::default()));
        server.set_rewrite(config.rewrites.then_some(capitals as fn(&mut Fields)));
        let backend = Arc::new(Mutex::new(server));
        let (wire, _) = BackendTransport::new(backend.clone(), "ann");
        let repeats = config.repeats();
        let mut devices = Vec::new();
        for number in 0..config.devices {
            let wrong = config.wrong.get(number).copied().unwrap_or_default();
            let way = (&timeline, Network::new(repeats));
            devices.push(Device::new(number, plan.seed, way, wrong, (stores, broken))?);
        }
        let mut world = Self {
            timeline,
            backend,
            wire,
            devices,
            story: Story::new(),
            oracle: Oracle::new(config.rewrites),
            order: Order::default(),
            compared: 0,
            stores,
            broken,
            settings: Settings::default(),
            shape,
            config,
        };
        world.tell(format_args!("the server can do {:?}", world_able(&world.config)));
        for _ in 0..world.config.accounts {
            world.office_creates("Some")?;
        }
        Ok(world)
    }

    pub(super) fn server(&self) -> MutexGuard<'_, Backend> {
        self.backend.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves what the administrator has set. Nobody can be in sync with what he does not know yet.
    pub(super) fn administer(&mut self) {
        let settings = self.settings.clone();
        self.server().set_settings(Some(settings));
        for device in &mut self.devices {
            device.foreign += 1;
        }
    }

    /// Adds a line to the story.
    pub(super) fn tell(&mut self, text: fmt::Arguments<'_>) {
        let now = self.timeline.now();
        self.story.tell(now, text);
    }

    /// Returns the short name of a record.
    pub(super) fn record_name(&mut self, (name, id): (&str, &RecordId)) -> String {
        let kind = if name == "Account" { "account" } else { "contact" };
        self.story.name(kind, id.as_str())
    }

    /// Returns the short name of an operation.
    pub(super) fn operation_name(&mut self, id: OperationId) -> String {
        self.story.name("operation", &id.to_string())
    }

    /// Lets time pass, and then a step happen; checks everything after it.
    pub(super) fn step(&mut self, step: &Step) -> Result<(), Violation> {
        let until = self.timeline.now().saturating_add(step.gap);
        self.advance(until)?;
        play::play(self, &step.act, step.salt)?;
        self.check()
    }

    /// Checks what must hold at every moment.
    pub(super) fn check(&mut self) -> Result<(), Violation> {
        let now = self.timeline.now();
        for device in &mut self.devices {
            evidence::check(device, &self.oracle, &mut self.order, now)?;
        }
        for device in &self.devices {
            check::views(device)?;
            check::checkpoints(device, &self.server())?;
        }
        Ok(())
    }

    /// Lets time go on until a moment, with everything that is due before it.
    pub(super) fn advance(&mut self, until: i64) -> Result<(), Violation> {
        while let Some(due) = self.timeline.next(until) {
            match due {
                Due::Wake(device, fired) => {
                    fired.store(true, Ordering::Release);
                    self.go_on(device)?;
                }
                Due::Arrive(device, what, arrival) => {
                    let now = EPOCH + self.timeline.now();
                    self.server().set_now(now);
                    if let Some(device) = self.devices.get_mut(device).filter(|_| what == "push") {
                        device.keep_said();
                    }
                    arrival(&self.wire);
                    if what == "push" {
                        self.tell(format_args!("a push of device {device} reaches the server"));
                        if let Some(syncing) = self.devices.get_mut(device).and_then(|d| d.syncing.as_mut()) {
                            syncing.pushes += 1;
                        }
                    }
                    self.absorb(Some(device))?;
                }
            }
        }
        let now = EPOCH + self.timeline.now();
        self.server().set_now(now);
        Ok(())
    }

    /// Notes and judges what the server has done for a device.
    fn absorb(&mut self, device: Option<usize>) -> Result<(), Violation> {
        let new = {
            let server = self.backend.lock().unwrap_or_else(PoisonError::into_inner);
            self.oracle.new_effects(&server)
        };
        for effect in new {
            self.tell_effect(&effect);
            for other in &mut self.devices {
                if Some(other.number) != device {
                    other.foreign += 1;
                }
            }
            let origins = self.origins(&effect)?;
            let server = self.backend.lock().unwrap_or_else(PoisonError::into_inner);
            self.oracle.judge(&server, &effect, &origins)?;
        }
        let server = self.backend.lock().unwrap_or_else(PoisonError::into_inner);
        self.oracle.note(&server, server.history().len());
        Ok(())
    }

    fn tell_effect(&mut self, effect: &Effect) {
        let record = self.record_name((effect.change.entity.as_str(), &effect.change.record));
        let operations: Vec<String> = effect
            .operations
            .iter()
            .map(|id| self.operation_name(*id))
            .collect();
        let done = match &effect.change.action {
            ChangeAction::Create(_) => "creates it".to_owned(),
            ChangeAction::Update(fields) => {
                let each: Vec<String> = fields
                    .iter()
                    .map(|(field, value)| format!("{field} = {value}"))
                    .collect();
                format!("sets {}", each.join(", "))
            }
            ChangeAction::Delete => "deletes it".to_owned(),
            ChangeAction::Command(call) => format!("runs {} on it", call.name),
        };
        self.tell(format_args!(
            "  the server does {} on {record}: {done}",
            operations.join(", ")
        ));
    }

    /// Finds out which device made the operations of an effect, and when in its order.
    fn origins(&self, effect: &Effect) -> Result<BTreeMap<OperationId, Origin>, Violation> {
        let mut origins = BTreeMap::new();
        for id in &effect.operations {
            for device in &self.devices {
                let find = |id| device.store.operations(&OperationSelection::One(id));
                let Some(operation) = find(*id)?.pop() else {
                    continue;
                };
                let mut needs = Vec::new();
                for needed in &operation.needs {
                    let is_open = find(*needed)?
                        .first()
                        .is_some_and(|other| !other.state.is_final());
                    needs.extend(is_open.then_some(*needed));
                }
                let origin = Origin {
                    device: device.number,
                    operation,
                    needs,
                    decided: device.decided.contains(id),
                    once_more: device.once_more.get(id).copied().unwrap_or_default(),
                    said: device.said.get(id).cloned().unwrap_or_default(),
                };
                origins.insert(*id, origin);
            }
        }
        Ok(origins)
    }

    /// Notes what somebody in the office has changed.
    pub(super) fn office_changed(&mut self) {
        for device in &mut self.devices {
            device.foreign += 1;
        }
        let server = self.backend.lock().unwrap_or_else(PoisonError::into_inner);
        self.oracle.note(&server, server.history().len());
    }

    /// Sets fields of a record as somebody in the office would.
    pub(super) fn office_sets(&mut self, key: &Key, given: Fields) {
        self.order.office(key, &given, self.timeline.now());
        self.server().put(&key.0, &key.1, given);
    }

    /// Serves the form that the data have now, and brings what is there into it.
    pub(super) fn put_shape(&mut self) {
        let cascade = self.config.habits.references == References::Cascade;
        let schema = Arc::new(self.shape.schema(cascade));
        self.server().convert(schema);
        self.office_changed();
    }

    /// Makes an account as somebody in the office would.
    pub(super) fn office_creates(&mut self, title: &str) -> Result<(), Violation> {
        let count = self.server().changes(&entity("Account")).len() as u128;
        let id = Uuid::from_u128(0x0F_F1CE << 64 | count);
        let record = RecordId::guid(id);
        let given = fields(&[
            ("id", Value::Guid(id)),
            ("name", Value::text(title)),
            (self.shape.city, Value::text("v0")),
        ]);
        self.office_sets(&(entity("Account"), record.clone()), given);
        let name = self.record_name(("Account", &record));
        self.tell(format_args!("the office makes {name}"));
        self.office_changed();
        Ok(())
    }

    /// Lets a device go on as far as it can without time passing.
    pub(super) fn go_on(&mut self, number: usize) -> Result<(), Violation> {
        let Some(device) = self.devices.get_mut(number) else {
            return Ok(());
        };
        let ended = device.poll();
        if device.life.is_over() {
            return self.revive(number);
        }
        match ended {
            Some((syncing, result)) => self.synchronized(number, &syncing, result),
            None => Ok(()),
        }
    }

    /// Starts a new process where the last one has ended.
    pub(super) fn revive(&mut self, number: usize) -> Result<(), Violation> {
        let (stores, broken) = (self.stores, self.broken);
        if let Some(device) = self.devices.get_mut(number) {
            device.restart(stores, broken)?;
        }
        self.tell(format_args!(
            "the process of device {number} is killed, and started again"
        ));
        Ok(())
    }

    /// Judges the end of a synchronization.
    fn synchronized(
        &mut self,
        number: usize,
        syncing: &Syncing,
        result: Result<SyncReport, EngineError>,
    ) -> Result<(), Violation> {
        let report = match result {
            Ok(report) => report,
            Err(error @ EngineError::Store(StoreError::Unfit(_) | StoreError::UnknownEntity(_))) => {
                let text = format!("device {number} stops to synchronize over its own data: {error}");
                return Err(Violation::new("L4", text));
            }
            Err(error) => {
                self.tell(format_args!("device {number} stops to synchronize: {error}"));
                return Ok(());
            }
        };
        let how = match (&report.interrupted, report.out_of_time) {
            (Some(error), _) => format!("interrupted: {error}"),
            (None, true) => "out of time".to_owned(),
            (None, false) => "to the end".to_owned(),
        };
        self.tell(format_args!(
            "device {number} has synchronized, {how}; applied {}, refused {}, pending {}, unknown {}",
            report.applied, report.refused, report.pending, report.unknown
        ));
        if syncing.pushes > MAX_PUSHES * (1 + syncing.pending) {
            let text = format!(
                "device {number} made {} requests to send {}",
                syncing.pushes, syncing.pending
            );
            return Err(Violation::new("I11", text));
        }
        let problems = report.entities.values().any(|entity| entity.problem.is_some());
        let clean = report.interrupted.is_none() && !report.out_of_time && !problems;
        let Some(device) = self.devices.get(number) else {
            return Ok(());
        };
        check::checkpoints(device, &self.server())?;
        let status = match device.engine.status() {
            Err(_) if device.life.is_over() => return self.revive(number),
            // Its disk failed; the next look may succeed.
            Err(error) => {
                self.tell(format_args!(
                    "device {number} cannot say where it stands: {error}"
                ));
                return Ok(());
            }
            Ok(status) => status,
        };
        if status.in_sync && status.pending > 0 {
            let text = format!(
                "device {number} says that it is in sync, and {} are pending",
                status.pending
            );
            return Err(Violation::new("I10", text));
        }
        let undisturbed = device.foreign == syncing.foreign;
        if clean && undisturbed && status.pending == 0 {
            if !status.in_sync {
                let text = format!("device {number} has sent and read everything, and does not say so");
                return Err(Violation::new("I10", text));
            }
            if let Some(difference) = check::difference(device, &self.server(), &self.settings)? {
                let text = format!("device {number} says that it is in sync, but {difference}");
                return Err(Violation::new("I10", text));
            }
        }
        Ok(())
    }

    /// Puts what is on the devices at the end into the number of the story.
    pub(super) fn seal(&mut self) {
        for device in &self.devices {
            let operations = device.store.operations(&OperationSelection::Latest(1_000_000));
            self.story.mix(&format!("{operations:?}"));
        }
        let effects = format!("{:?}", self.server().effects());
        self.story.mix(&effects);
    }
}

/// What a server makes of every record that it is sent, if it rewrites.
fn capitals(fields: &mut Fields) {
    for name in schema::CITIES {
        if let Some(Value::Text(city)) = fields.get_mut(&schema::field(name)) {
            *city = city.to_uppercase();
        }
    }
}

fn world_able(config: &Config) -> String {
    let able = &config.capabilities;
    format!(
        "{:?}, {:?}, {:?}, {:?}, {} in a request, {} stamps, revisions {:?}, {}, keys of {}, {:?}",
        able.changes,
        able.deletions,
        able.compare_and_set,
        able.idempotency,
        able.batch.limit,
        if able.stamps { "with" } else { "no" },
        config.revisions,
        if config.rewrites {
            "writes cities in capitals"
        } else {
            "keeps what it is given"
        },
        if config.server_keys {
            "the server"
        } else {
            "devices"
        },
        config.habits
    )
}
