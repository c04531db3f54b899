//! The data of the back end, and what writing does to them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use driftless_record::{
    Cause, CauseClass, Change, ChangeAction, Condition, EntityName, FieldKind, Fields, OperationId, Record,
    RecordId, RequestId, Revision, Schema, Sending, ServerRecord, Settings, Stamp, Value,
};
use driftless_transport::{Capabilities, PushItem, PushResult, TransportError};

use super::{Fault, Habits, Nulls, OnFailure, References, Reply, Stumble, Taken, Values};

/// One effect that a push had, in the order in which they happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The sending behind it.
    pub request: RequestId,
    /// The operations that the sending carried.
    pub operations: Vec<OperationId>,
    /// What was done.
    pub change: Change,
    /// How many changes the back end had seen when it was done.
    pub at: usize,
}

/// A record as the user could read it after one change; no fields if it was deleted, or out of his sight.
pub type State = ((EntityName, RecordId), Option<Fields>);

#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub fields: Fields,
    pub stamps: BTreeMap<driftless_record::FieldName, Stamp>,
    pub revision: u64,
}

/// A back end: records with revisions, a history for deltas, a memory of request ids, and a list of its effects.
#[derive(Debug, Clone)]
pub struct Backend {
    pub(super) schema: Arc<Schema>,
    pub(super) capabilities: Capabilities,
    pub(super) records: BTreeMap<(EntityName, RecordId), Stored>,
    /// Per record, the number of its last change; deleted records stay in it.
    pub(super) changed: BTreeMap<(EntityName, RecordId), u64>,
    pub(super) sequence: u64,
    pub(super) now: i64,
    answered: BTreeMap<RequestId, PushResult>,
    effects: Vec<Effect>,
    history: Vec<State>,
    faults: VecDeque<Fault>,
    /// Requests that are on their way still.
    pub(super) late: Vec<Vec<PushItem>>,
    /// Whether nobody can sign in.
    pub(super) is_away: bool,
    refuse: Option<fn(&Change) -> Option<Cause>>,
    stumble: Option<fn(&Change) -> Option<Stumble>>,
    rewrite: Option<fn(&mut Fields)>,
    pub(super) unreadable: BTreeMap<RecordId, TransportError>,
    pub(super) hidden: BTreeSet<RecordId>,
    pub(super) settings: Option<Settings>,
    pub(super) revisions: Revisions,
    pub(super) time_error: i64,
    pub(super) habits: Habits,
    /// Records that the user may not see.
    pub(super) unseen: BTreeSet<(EntityName, RecordId)>,
    /// Checkpoints before this place are no longer known.
    pub(super) known_from: u64,
    /// When each change was made, by its number.
    pub(super) times: BTreeMap<u64, i64>,
    pub(super) busy_until: i64,
    made_keys: u64,
    /// Per operation, the record that it has made: the marker.
    pub(super) made: BTreeMap<OperationId, (EntityName, RecordId)>,
}

/// Whether a back end tells revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revisions {
    /// With every record.
    Told,
    /// Never, although it may demand them.
    Hidden,
}

impl Backend {
    /// Makes an empty back end.
    #[must_use]
    pub fn new(schema: Arc<Schema>, capabilities: Capabilities) -> Self {
        Self {
            schema,
            capabilities,
            records: BTreeMap::new(),
            changed: BTreeMap::new(),
            sequence: 0,
            now: 0,
            answered: BTreeMap::new(),
            effects: Vec::new(),
            history: Vec::new(),
            faults: VecDeque::new(),
            late: Vec::new(),
            is_away: false,
            refuse: None,
            stumble: None,
            rewrite: None,
            unreadable: BTreeMap::new(),
            hidden: BTreeSet::new(),
            settings: None,
            revisions: Revisions::Told,
            time_error: 0,
            habits: Habits::default(),
            unseen: BTreeSet::new(),
            known_from: 0,
            times: BTreeMap::new(),
            busy_until: i64::MIN,
            made_keys: 0,
            made: BTreeMap::new(),
        }
    }

    /// Sets the server's clock, in milliseconds since 1970.
    pub fn set_now(&mut self, now: i64) {
        self.now = now;
    }

    /// Says how coarsely the server tells its time, in milliseconds.
    pub fn set_time_error(&mut self, millis: i64) {
        self.time_error = millis;
    }

    /// Returns the server's clock, in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Says what goes wrong with the next pushes, one after the other.
    pub fn fail(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.extend(faults);
    }

    /// Lets everything go right from here.
    pub fn heal(&mut self) {
        self.faults.clear();
    }

    /// Lets nobody sign in from here, so that a request that is lost looks like a way that broke.
    pub fn go_away(&mut self) {
        self.is_away = true;
    }

    /// Lets everybody sign in again.
    pub fn come_back(&mut self) {
        self.is_away = false;
    }

    /// Refuses changes for which the rule gives a cause.
    pub fn refuse(&mut self, rule: Option<fn(&Change) -> Option<Cause>>) {
        self.refuse = rule;
    }

    /// Stumbles over changes for which the rule says how.
    pub fn stumble(&mut self, rule: Option<fn(&Change) -> Option<Stumble>>) {
        self.stumble = rule;
    }

    /// Changes every record that it is sent by this rule, in the same step.
    pub fn set_rewrite(&mut self, rule: Option<fn(&mut Fields)>) {
        self.rewrite = rule;
    }

    /// Fails like this whenever the record is read singly; with `None` it can be read again.
    pub fn set_unreadable(&mut self, id: &RecordId, error: Option<TransportError>) {
        match error {
            Some(error) => self.unreadable.insert(id.clone(), error),
            None => self.unreadable.remove(id),
        };
    }

    /// Tells or hides revisions from here.
    pub fn set_revisions(&mut self, revisions: Revisions) {
        self.revisions = revisions;
    }

    /// Serves these settings from here; none, as a back end without settings does, before.
    pub fn set_settings(&mut self, settings: Option<Settings>) {
        self.settings = settings;
    }

    /// Describes its data by another schema from here. Records of entities that are not in it stay, out of reach.
    pub fn set_schema(&mut self, schema: Arc<Schema>) {
        self.schema = schema;
    }

    /// Leaves a record out of sweeps, as if it were out of scope; it can still be read and written.
    pub fn hide_from_sweeps(&mut self, id: &RecordId) {
        self.hidden.insert(id.clone());
    }

    /// Returns what the back end can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Returns whether it tells revisions.
    #[must_use]
    pub fn revisions(&self) -> Revisions {
        self.revisions
    }

    /// Returns the number of the last change of each record of an entity that is or was there.
    #[must_use]
    pub fn changes(&self, entity: &EntityName) -> BTreeMap<RecordId, u64> {
        let of_entity = self.changed.iter().filter(|((name, _), _)| name == entity);
        of_entity.map(|((_, id), at)| (id.clone(), *at)).collect()
    }

    /// Returns every effect that pushes had.
    #[must_use]
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// Returns a record, if there is one.
    #[must_use]
    pub fn record(&self, entity: &EntityName, id: &RecordId) -> Option<ServerRecord> {
        self.records
            .get(&(entity.clone(), id.clone()))
            .map(|stored| self.server_record(entity, id, stored))
    }

    /// Returns every record of an entity.
    #[must_use]
    pub fn all(&self, entity: &EntityName) -> BTreeMap<RecordId, Fields> {
        let of_entity = self.records.iter().filter(|((name, _), _)| name == entity);
        of_entity
            .map(|((_, id), stored)| (id.clone(), stored.fields.clone()))
            .collect()
    }

    /// Returns every state that records have had, in order.
    #[must_use]
    pub fn history(&self) -> &[State] {
        &self.history
    }

    /// Sets fields of a record as somebody else would, making it if need be.
    pub fn put(&mut self, entity: &EntityName, id: &RecordId, fields: Fields) {
        self.set(entity, id, fields);
        self.note(entity, id);
    }

    pub(super) fn note(&mut self, entity: &EntityName, id: &RecordId) {
        let key = (entity.clone(), id.clone());
        let seen = self.records.get(&key).filter(|_| !self.unseen.contains(&key));
        let state = seen.map(|stored| stored.fields.clone());
        self.history.push((key, state));
    }

    fn set(&mut self, entity: &EntityName, id: &RecordId, fields: Fields) {
        let next = self.count(entity, id);
        let now = self.now;
        let stored = self
            .records
            .entry((entity.clone(), id.clone()))
            .or_insert_with(|| Stored {
                fields: Fields::new(),
                stamps: BTreeMap::new(),
                revision: 0,
            });
        let device = driftless_record::DeviceId(uuid::Uuid::nil());
        let stamp = Stamp {
            time: driftless_record::Timestamp(now),
            counter: 0,
            device,
        };
        stored
            .stamps
            .extend(fields.keys().map(|field| (field.clone(), stamp)));
        stored.fields.extend(fields);
        stored.revision = next;
    }

    /// Refuses from now on to delete a record that others refer to, and to refer to one that is not there.
    pub fn keep_references(&mut self) {
        self.habits.references = References::Restrict;
    }

    /// Forgets every request id, as a back end does after a time.
    pub fn forget_requests(&mut self) {
        self.answered.clear();
    }

    /// Deletes a record as somebody else would.
    pub fn remove(&mut self, entity: &EntityName, id: &RecordId) {
        self.count(entity, id);
        self.records.remove(&(entity.clone(), id.clone()));
        self.note(entity, id);
    }

    pub(super) fn count(&mut self, entity: &EntityName, id: &RecordId) -> u64 {
        self.sequence += 1;
        self.changed.insert((entity.clone(), id.clone()), self.sequence);
        self.times.insert(self.sequence, self.now);
        self.sequence
    }

    pub(super) fn next_fault(&mut self) -> Fault {
        self.faults.pop_front().unwrap_or(Fault::None)
    }

    pub(super) fn server_record(&self, entity: &EntityName, id: &RecordId, stored: &Stored) -> ServerRecord {
        let mut fields = stored.fields.clone();
        if self.habits.nulls == Nulls::Told {
            let schema = self.schema.entity(entity.as_str());
            for field in schema.into_iter().flat_map(|of| &of.fields) {
                fields.entry(field.name.clone()).or_default();
            }
        }
        let record = Record {
            entity: entity.clone(),
            id: id.clone(),
            revision: self.told(stored.revision),
            fields,
        };
        let stamps = if self.capabilities.stamps {
            let stamps = stored.stamps.iter();
            stamps
                .map(|(field, stamp)| (field.clone(), self.told_stamp(*stamp)))
                .collect()
        } else {
            BTreeMap::new()
        };
        ServerRecord { record, stamps }
    }

    pub(super) fn told(&self, number: u64) -> Option<Revision> {
        (self.revisions == Revisions::Told).then(|| revision(number))
    }

    fn stumbles_over(&self, change: &Change) -> Option<Stumble> {
        self.stumble.and_then(|rule| rule(change))
    }

    /// Lets every request arrive that is on its way still.
    pub fn arrive(&mut self) {
        for late in std::mem::take(&mut self.late) {
            self.carry_out_all(&late);
        }
    }

    /// Carries out the changes of a request; `None` if it breaks off on the way.
    pub(super) fn carry_out_all(&mut self, items: &[PushItem]) -> Option<BTreeMap<RequestId, PushResult>> {
        let mut results = BTreeMap::new();
        let mut stopped = false;
        let mut rest = items;
        while let Some(first) = rest.first() {
            let together = first.sending.together;
            let same = |item: &&PushItem| together.is_some() && item.sending.together == together;
            let count = rest.iter().take_while(same).count().max(1);
            let (unit, behind) = rest.split_at(count);
            rest = behind;
            let before = (unit.len() > 1).then(|| self.clone());
            self.carry_out_unit(unit, (&mut results, &mut stopped))?;
            let went = |item: &PushItem| results.get(&item.sending.id).is_some_and(PushResult::is_done);
            if let Some(before) = before.filter(|_| !unit.iter().all(went)) {
                *self = before;
                for item in unit.iter().filter(|item| went(item)).collect::<Vec<_>>() {
                    results.insert(item.sending.id, PushResult::Skipped);
                }
            }
        }
        Some(results)
    }

    /// Carries out the changes of a change set, or one change.
    fn carry_out_unit(
        &mut self,
        items: &[PushItem],
        (results, stopped): (&mut BTreeMap<RequestId, PushResult>, &mut bool),
    ) -> Option<()> {
        for item in items {
            let stands = |id| results.get(id).is_some_and(PushResult::is_done);
            let result = match self.stumbles_over(&item.sending.change) {
                Some(Stumble::Breaks) => return None,
                _ if *stopped => PushResult::Skipped,
                Some(Stumble::Errs) => PushResult::Unknown,
                None if item.after.iter().all(stands) => self.carry_out(&item.sending),
                None => PushResult::Skipped,
            };
            *stopped |= !result.is_done() && self.habits.on_failure == OnFailure::Stops;
            results.insert(item.sending.id, result);
        }
        Some(())
    }

    /// Carries a change out, or answers as the first time if the request id is known.
    fn carry_out(&mut self, sending: &Sending) -> PushResult {
        let (request, change) = (sending.id, &sending.change);
        if self.now < self.busy_until {
            return PushResult::Failed {
                cause: cause(CauseClass::Throttled),
                retry_after: u64::try_from(self.busy_until - self.now)
                    .ok()
                    .map(std::time::Duration::from_millis),
            };
        }
        let remembers = self.capabilities.idempotency.remembers_requests();
        if let Some(known) = self.answered.get(&request).filter(|_| remembers) {
            return known.clone();
        }
        let result = match self.refuse.and_then(|rule| rule(change)) {
            Some(cause) => PushResult::Failed {
                cause,
                retry_after: None,
            },
            None => self.write(sending),
        };
        if result.is_done() {
            self.answered.insert(request, result.clone());
        }
        result
    }

    fn write(&mut self, sending: &Sending) -> PushResult {
        let change = &sending.change;
        let key = (change.entity.clone(), change.record.clone());
        let found = self.records.get(&key).map(|stored| revision(stored.revision));
        let failed = |class| PushResult::Failed {
            cause: cause(class),
            retry_after: None,
        };
        if self.unseen.contains(&key) {
            return failed(CauseClass::Permission);
        }
        match (&change.condition, &found) {
            (Condition::Absent, Some(_)) => {
                return failed(match self.habits.taken {
                    Taken::Conflict => CauseClass::Conflict,
                    Taken::Precondition => CauseClass::Precondition,
                });
            }
            (Condition::Revision(_) | Condition::Exists, None) => {
                return match change.action {
                    ChangeAction::Delete => PushResult::Done {
                        revision: None,
                        record: None,
                    },
                    ChangeAction::Create(_) | ChangeAction::Update(_) | ChangeAction::Command(_) => {
                        failed(CauseClass::Gone)
                    }
                };
            }
            (Condition::Revision(expected), Some(found)) if expected != found => {
                return failed(CauseClass::Precondition);
            }
            _ => {}
        }
        if let Some(class) = self.objection(change) {
            return failed(class);
        }
        if let Some(refusal) = self.taken(change) {
            return refusal;
        }
        let ran = match &change.action {
            ChangeAction::Command(call) => match self.run((&key.0, &key.1), call) {
                Ok(ran) => Some(ran),
                Err(cause) => {
                    return PushResult::Failed {
                        cause,
                        retry_after: None,
                    };
                }
            },
            ChangeAction::Create(_) | ChangeAction::Update(_) | ChangeAction::Delete => None,
        };
        let made = self.make_key(change);
        let key = made.clone().map_or(key, |(id, _)| (change.entity.clone(), id));
        let done = Change {
            record: key.1.clone(),
            ..change.clone()
        };
        if let (ChangeAction::Create(_), Some(maker)) = (&change.action, sending.operations.first()) {
            self.made.insert(*maker, key.clone());
        }
        self.effects.push(Effect {
            request: sending.id,
            operations: sending.operations.clone(),
            change: done,
            at: self.history.len() + 1,
        });
        match &change.action {
            ChangeAction::Create(fields) | ChangeAction::Update(fields) => {
                let mut fields = fields.clone();
                fields.extend(made.iter().flat_map(|(_, key)| key.clone()));
                self.set(&key.0, &key.1, fields);
                if let Some(stored) = self.records.get_mut(&key) {
                    stored.stamps.extend(change.stamps.clone());
                    if let Some(rewrite) = self.rewrite {
                        rewrite(&mut stored.fields);
                    }
                }
                self.note(&key.0, &key.1);
            }
            ChangeAction::Delete => {
                self.remove(&change.entity, &change.record);
                self.remove_children(&key);
            }
            ChangeAction::Command(_) => {}
        }
        let stored = self.records.get(&key);
        let revision = stored.and_then(|stored| self.told(stored.revision));
        if let Some(made) = ran {
            return PushResult::Ran { revision, made };
        }
        let record = stored.map(|stored| Box::new(self.server_record(&key.0, &key.1, stored)));
        match self.habits.reply {
            // Whoever makes the key has to tell it.
            _ if made.is_some() => PushResult::Done { revision, record },
            Reply::Revision => PushResult::Done {
                revision,
                record: None,
            },
            Reply::Nothing => PushResult::Done {
                revision: None,
                record: None,
            },
            Reply::Record => PushResult::Done { revision, record },
        }
    }

    /// Returns what stands against a change beyond its condition.
    fn objection(&self, change: &Change) -> Option<CauseClass> {
        let key = (change.entity.clone(), change.record.clone());
        let checks_references = self.habits.references != References::Unchecked;
        match &change.action {
            ChangeAction::Create(fields) | ChangeAction::Update(fields) => {
                let is_create = matches!(change.action, ChangeAction::Create(_));
                if self.habits.values == Values::Checked && !self.fits(&change.entity, fields, is_create) {
                    return Some(CauseClass::Validation);
                }
                (checks_references && self.leads_nowhere(&key, fields))
                    .then_some(CauseClass::MissingReference)
            }
            ChangeAction::Command(_) => None,
            ChangeAction::Delete => {
                let kept = self.habits.references == References::Restrict;
                (kept && self.is_referred_to(&key)).then_some(CauseClass::Referenced)
            }
        }
    }

    /// Makes the key of a new record, if that is for the server to make.
    fn make_key(&mut self, change: &Change) -> Option<(RecordId, Fields)> {
        let entity = self.schema.entity(change.entity.as_str())?.clone();
        let ChangeAction::Create(fields) = &change.action else {
            return None;
        };
        if !entity.server_makes_key() {
            return None;
        }
        self.made_keys += 1;
        let number = self.made_keys;
        let part = |name| match entity.field(name) {
            Some(field) if !field.server_made => fields.get(name).cloned().unwrap_or_default(),
            Some(field) => match field.kind {
                FieldKind::Int { .. } => Value::Int(i64::try_from(number).unwrap_or(i64::MAX)),
                FieldKind::Text { .. } => Value::text(format!("S{number}")),
                _ => Value::Guid(uuid::Uuid::from_u128((0x5E << 120) + u128::from(number))),
            },
            None => Value::Null,
        };
        let values: Vec<Value> = entity.key.iter().map(part).collect();
        let id = RecordId::from_key(&entity, &values).ok()?;
        Some((id, entity.key.iter().cloned().zip(values).collect()))
    }
}

fn revision(number: u64) -> Revision {
    Revision(number.to_string())
}

fn cause(class: CauseClass) -> Cause {
    Cause {
        class,
        field: None,
        other: None,
        code: "double".to_owned(),
        text: class.words().to_owned(),
    }
}
