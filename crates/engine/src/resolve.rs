//! What a person decides about a log entry, and taking changes back.

use driftless_record::{
    EntitySchema, FieldCase, FieldEdit, Fields, LogEntry, LogId, Operation, OperationId, OperationKind,
    OperationState, RawStamp, Side,
};
use driftless_store::{Image, LogSelection, RecordStore, Retry, StoreError, Write};

use crate::EngineError;
use crate::depend::Graph;
use crate::edit::settle_entry;
use crate::fold::{edits, fold, key_fields, settle};
use crate::ground::{Ground, Key, key};
use crate::host::{Account, Host};
use crate::plan::creatable;
use crate::validate::{Purpose, problems};

/// What a person decides about a log entry that waits for him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// My values, on top of the server's latest data.
    Mine,
    /// The server's values; what I changed elsewhere in the record is still sent.
    Theirs,
    /// These values.
    Set(Fields),
    /// Every pending change of the record is taken back, and of those that need it.
    Revert,
    /// The same again.
    Retry,
    /// This change is taken back, and those that need it.
    Discard,
}

impl Decision {
    fn word(&self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::Theirs => "theirs",
            Self::Set(_) => "set",
            Self::Revert => "revert",
            Self::Retry => "retry",
            Self::Discard => "discard",
        }
    }
}

/// What a decision or an undo touches: told before it is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Touched {
    /// Operations that go back into the queue.
    pub queued: Vec<OperationId>,
    /// Operations that end here, in sequence, with their records.
    pub ended: Vec<(OperationId, Key)>,
}

/// Carries a decision out, or, with `dry`, only says what it would touch.
pub(crate) fn decide(
    store: &dyn RecordStore,
    host: &Host,
    account: &Account,
    log: LogId,
    decision: &Decision,
    dry: bool,
) -> Result<Touched, EngineError> {
    loop {
        let mut ground = Ground::read(store)?;
        let entry = store
            .log(&LogSelection::One(log))?
            .pop()
            .ok_or(EngineError::NoLogEntry(log))?;
        if !entry.is_open() {
            return Err(EngineError::NotPossible(format!(
                "entry {log} is settled already; nothing was changed"
            )));
        }
        let mut desk = Desk::new(&ground, host, account, &entry)?;
        desk.carry_out(decision)?;
        let (touched, mut writes) = (desk.touched, desk.writes);
        if dry {
            return Ok(touched);
        }
        writes.extend(settle_entry(store, host, log, decision.word())?);
        match ground.commit(store, writes) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|()| touched).map_err(Into::into),
        }
    }
}

/// Takes back one operation and those that need it, or, with `dry`, only says which.
pub(crate) fn undo(
    store: &dyn RecordStore,
    host: &Host,
    operation: OperationId,
    dry: bool,
) -> Result<Touched, EngineError> {
    loop {
        let mut ground = Ground::read(store)?;
        if ground.operation(operation).is_none() {
            return Err(not_pending(store, operation)?);
        }
        let (touched, mut writes) = take_back(&ground, &[operation])?;
        if dry {
            return Ok(touched);
        }
        for (id, _) in &touched.ended {
            if let Some(log) = ground.operation(*id).and_then(|o| o.state.parked()) {
                writes.extend(settle_entry(store, host, log, "discard")?);
            }
        }
        match ground.commit(store, writes) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|()| touched).map_err(Into::into),
        }
    }
}

fn not_pending(store: &dyn RecordStore, id: OperationId) -> Result<EngineError, StoreError> {
    let known = store
        .operations(&driftless_store::OperationSelection::One(id))?
        .pop();
    Ok(match known {
        Some(o) => EngineError::NotPossible(format!(
            "operation {id} is {} and cannot be taken back",
            o.state.word()
        )),
        None => EngineError::NoOperation(id),
    })
}

/// Makes the writes that take operations back, with all that need them; views and bases of what stays are mended.
fn take_back(ground: &Ground, ids: &[OperationId]) -> Result<(Touched, Vec<Write>), EngineError> {
    let graph = Graph::new(&ground.pending);
    let mut ended: Vec<&Operation> = ids.iter().flat_map(|id| graph.up_set(*id)).collect();
    ended.sort_by_key(|operation| operation.sequence);
    ended.dedup_by_key(|operation| operation.sequence);
    if let Some(away) = ended
        .iter()
        .find(|o| matches!(o.state, OperationState::InFlight(_) | OperationState::Unknown(_)))
    {
        return Err(EngineError::NotPossible(format!(
            "operation {} may already be on the server; synchronize first, then try again",
            away.id
        )));
    }
    let mut touched = Touched::default();
    let mut writes = Vec::new();
    let mut records: Vec<Key> = Vec::new();
    for operation in &ended {
        touched.ended.push((operation.id, key(operation)));
        let reverted = Operation {
            state: OperationState::Reverted,
            ..(*operation).clone()
        };
        writes.push(Write::PutOperation(Box::new(reverted)));
        if !records.contains(&key(operation)) {
            records.push(key(operation));
        }
    }
    for record in records {
        let (Some(entity), Some(image)) = (
            ground.schema.entity(record.0.as_str()),
            ground.images.get(&record),
        ) else {
            continue;
        };
        let left = left_over(&ground.pending_of(&record), &ended);
        writes.extend(
            left.iter()
                .cloned()
                .map(|operation| Write::PutOperation(Box::new(operation))),
        );
        settle(entity, image.clone(), &left, &mut writes);
    }
    Ok((touched, writes))
}

/// Returns the operations of a record that stay when others end. A later edit of a field then rests on what the ended
/// one rested on, so that it is no conflict with a value that never was.
fn left_over(of_record: &[Operation], ended: &[&Operation]) -> Vec<Operation> {
    let is_ended = |operation: &Operation| ended.iter().any(|other| other.id == operation.id);
    let mut left: Vec<Operation> = Vec::new();
    let mut rests_on = Fields::new();
    for operation in of_record {
        if is_ended(operation) {
            for (field, edit) in edits(operation).into_iter().flatten() {
                rests_on.entry(field.clone()).or_insert_with(|| edit.old.clone());
            }
            continue;
        }
        let mut operation = operation.clone();
        if let OperationKind::Create(edits) | OperationKind::Update(edits) = &mut operation.kind {
            for (field, edit) in edits {
                if let Some(old) = rests_on.remove(field) {
                    edit.old = old;
                }
            }
        }
        left.push(operation);
    }
    left
}

struct Desk<'a> {
    ground: &'a Ground,
    host: &'a Host,
    account: &'a Account,
    entry: &'a LogEntry,
    entity: &'a EntitySchema,
    record: Key,
    image: Image,
    /// Parked operations with values that the person has just set.
    amended: Vec<Operation>,
    touched: Touched,
    writes: Vec<Write>,
}

impl<'a> Desk<'a> {
    fn new(
        ground: &'a Ground,
        host: &'a Host,
        account: &'a Account,
        entry: &'a LogEntry,
    ) -> Result<Self, EngineError> {
        let gone = || EngineError::NotPossible(format!("nothing of entry {} is left to decide", entry.id));
        let record = entry.record.clone().ok_or_else(gone)?;
        let entity = ground.schema.entity(record.0.as_str()).ok_or_else(gone)?;
        let image = ground.images.get(&record).cloned().ok_or_else(gone)?;
        Ok(Self {
            ground,
            host,
            account,
            entry,
            entity,
            record,
            image,
            amended: Vec::new(),
            touched: Touched::default(),
            writes: Vec::new(),
        })
    }

    fn carry_out(&mut self, decision: &Decision) -> Result<(), EngineError> {
        match decision {
            Decision::Mine if self.image.gone => self.make_again(),
            Decision::Mine => self.requeue(|edit, case| edit.old = case.theirs.clone()),
            Decision::Retry => self.requeue(|_, _| {}),
            Decision::Theirs => self.theirs(),
            Decision::Set(fields) => self.set(fields),
            Decision::Revert => {
                let all: Vec<_> = self
                    .ground
                    .pending_of(&self.record)
                    .iter()
                    .map(|o| o.id)
                    .collect();
                self.end(&all)
            }
            Decision::Discard => self.end(&self.parked().iter().map(|o| o.id).collect::<Vec<_>>()),
        }
    }

    /// Returns the operations that this entry parked.
    fn parked(&self) -> Vec<Operation> {
        let pending = replaced(&self.ground.pending_of(&self.record), &self.amended);
        pending
            .into_iter()
            .filter(|operation| operation.state.parked() == Some(self.entry.id))
            .collect()
    }

    fn end(&mut self, ids: &[OperationId]) -> Result<(), EngineError> {
        let (touched, writes) = take_back(self.ground, ids)?;
        self.touched = touched;
        self.writes = writes;
        Ok(())
    }

    /// Puts the parked operations back into the queue, resting on the server's data as the person has seen them.
    fn requeue(&mut self, rest: impl Fn(&mut FieldEdit, &FieldCase)) -> Result<(), EngineError> {
        let revision = self.image.server.as_ref().and_then(|s| s.record.revision.clone());
        let clash = self.image.server.is_some();
        for mut operation in self.parked() {
            for case in &self.entry.fields {
                if let OperationKind::Create(edits) | OperationKind::Update(edits) = &mut operation.kind
                    && let Some(edit) = edits.get_mut(&case.field)
                {
                    rest(edit, case);
                }
            }
            let seen = self
                .image
                .server
                .as_ref()
                .map(|s| s.record.fields.clone())
                .unwrap_or_default();
            operation.kind = match operation.kind {
                // The server has this key already: my values go on top of that record.
                OperationKind::Create(edits) if clash && !self.entry.fields.is_empty() => {
                    OperationKind::Update(
                        edits
                            .into_iter()
                            .filter(|(field, _)| !self.entity.is_key(field))
                            .collect(),
                    )
                }
                OperationKind::Delete { raw, stamp, .. } => OperationKind::Delete { seen, raw, stamp },
                kind => kind,
            };
            operation.base_revision = revision.clone();
            operation.rebased = 0;
            self.queue(operation);
        }
        self.refold();
        Ok(())
    }

    /// Makes a record again that the server has deleted, with all its fields.
    fn make_again(&mut self) -> Result<(), EngineError> {
        if !self.entity.access.create {
            return Err(EngineError::NotPossible(format!(
                "{} records cannot be made again here",
                self.entity.name
            )));
        }
        let parked = self.parked();
        let Some(first) = parked.first().cloned() else {
            return Ok(());
        };
        let mut full = fold(&self.image, &parked)
            .map(|record| record.fields)
            .unwrap_or_default();
        full.extend(key_fields(self.entity, &self.image.id));
        let raw = edits(&first)
            .and_then(|e| e.values().next())
            .map_or_else(|| self.raw(), |edit| edit.raw);
        let edit = |new| FieldEdit {
            old: driftless_record::Value::Null,
            new,
            raw,
            stamp: None,
        };
        let edits = creatable(self.entity, &full)
            .into_iter()
            .map(|(field, value)| (field, edit(value)))
            .collect();
        self.image.server = None;
        self.image.gone = false;
        for later in parked.iter().skip(1) {
            let superseded = Operation {
                state: OperationState::Superseded,
                ..later.clone()
            };
            self.touched.ended.push((later.id, self.record.clone()));
            self.writes.push(Write::PutOperation(Box::new(superseded)));
        }
        self.queue(Operation {
            kind: OperationKind::Create(edits),
            base_revision: None,
            rebased: 0,
            ..first
        });
        self.refold();
        Ok(())
    }

    fn theirs(&mut self) -> Result<(), EngineError> {
        if self.image.gone {
            let all: Vec<_> = self
                .ground
                .pending_of(&self.record)
                .iter()
                .map(|o| o.id)
                .collect();
            return self.end(&all);
        }
        let lost: Vec<_> = self
            .entry
            .fields
            .iter()
            .filter(|c| c.winner != Some(Side::Mine))
            .map(|c| &c.field)
            .collect();
        let mut ends = Vec::new();
        let mut stays = Vec::new();
        for mut operation in self.parked() {
            if let OperationKind::Create(edits) | OperationKind::Update(edits) = &mut operation.kind {
                edits.retain(|field, _| !lost.contains(&field));
            }
            let empty = edits(&operation).is_none_or(|e| e.keys().all(|field| self.entity.is_key(field)));
            if empty || lost.is_empty() {
                ends.push(operation)
            } else {
                stays.push(operation)
            }
        }
        for operation in ends {
            self.touched.ended.push((operation.id, self.record.clone()));
            let superseded = Operation {
                state: OperationState::Superseded,
                ..operation
            };
            self.writes.push(Write::PutOperation(Box::new(superseded)));
        }
        for operation in stays {
            self.queue(operation);
        }
        self.refold();
        Ok(())
    }

    fn set(&mut self, fields: &Fields) -> Result<(), EngineError> {
        let problems = problems(self.entity, fields, Purpose::Update);
        if !problems.is_empty() {
            return Err(EngineError::Invalid {
                entity: self.entity.name.to_string(),
                problems,
            });
        }
        let raw = self.raw();
        let mut parked = self.parked();
        let set = parked
            .iter_mut()
            .rev()
            .find_map(|operation| match &mut operation.kind {
                OperationKind::Create(edits) | OperationKind::Update(edits) => Some(edits),
                OperationKind::Delete { .. } => None,
            });
        let Some(edits) = set else {
            return Err(EngineError::NotPossible(
                "values cannot be set on a delete; use --mine, --theirs or --revert".into(),
            ));
        };
        for (field, value) in fields {
            let theirs = self
                .image
                .server
                .as_ref()
                .and_then(|s| s.record.fields.get(field))
                .cloned();
            let old = edits
                .get(field)
                .map_or_else(|| theirs.unwrap_or_default(), |known| known.old.clone());
            edits.insert(
                field.clone(),
                FieldEdit {
                    old,
                    new: value.clone(),
                    raw,
                    stamp: None,
                },
            );
        }
        self.amended = parked;
        if self.image.gone {
            self.make_again()
        } else {
            self.requeue(|edit, case| edit.old = case.theirs.clone())
        }
    }

    fn queue(&mut self, operation: Operation) {
        self.touched.queued.push(operation.id);
        self.writes.push(Write::PutOperation(Box::new(Operation {
            state: OperationState::Queued,
            ..operation
        })));
    }

    /// Brings view and image after the operations as this desk leaves them.
    fn refold(&mut self) {
        let mut changed = self.ground.clone();
        let written = self.writes.iter().filter_map(|write| match write {
            Write::PutOperation(operation) => Some((**operation).clone()),
            _ => None,
        });
        let written: Vec<_> = written.collect();
        changed.pending = replaced(&changed.pending, &written);
        changed.pending.retain(|operation| !operation.state.is_final());
        settle(
            self.entity,
            self.image.clone(),
            &changed.pending_of(&self.record),
            &mut self.writes,
        );
    }

    fn raw(&self) -> RawStamp {
        let clock = &self.host.clock;
        RawStamp {
            wall: clock.now(),
            monotonic: clock.monotonic(),
            boot: clock.boot(),
            counter: 0,
            device: self.account.device,
        }
    }
}

fn replaced(pending: &[Operation], by: &[Operation]) -> Vec<Operation> {
    let newer = |operation: &Operation| {
        by.iter()
            .find(|other| other.id == operation.id)
            .unwrap_or(operation)
            .clone()
    };
    pending.iter().map(newer).collect()
}
