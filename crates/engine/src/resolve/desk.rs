//! What a decision means for the operations that an entry parked.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{
    CommandCall, EntitySchema, FieldCase, FieldEdit, FieldName, Fields, LogEntry, LogKind, Lookup, Operation,
    OperationId, OperationKind, OperationState, RawStamp, Side, Value,
};
use driftless_store::{Image, Write};

use super::Touched;
use super::undo::take_back;
use crate::depend::{Graph, pending_create};
use crate::fold::{fold, key_fields, settle};
use crate::ground::{Ground, Key};
use crate::host::{Account, Host};
use crate::plan::creatable;
use crate::temporary::names_itself;
use crate::validate::{Purpose, problems};
use crate::{EngineError, NotPossible};

/// What operations rest on that go back into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// On what they rested on before.
    AsBefore,
    /// On the server's values as the person has seen them, so that they are no conflict any more.
    AsSeen,
}

/// What one decision is worked out with.
pub(super) struct Desk<'a> {
    pub(super) ground: &'a Ground,
    host: &'a Host,
    account: &'a Account,
    pub(super) entry: &'a LogEntry,
    entity: &'a EntitySchema,
    pub(super) record: Key,
    image: Image,
    /// Parked operations with values that the person has just set.
    pub(super) amended: Vec<Operation>,
    /// The fields that the person has just set.
    set: BTreeSet<FieldName>,
    pub(super) touched: Touched,
    pub(super) writes: Vec<Write>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        ground: &'a Ground,
        host: &'a Host,
        account: &'a Account,
        entry: &'a LogEntry,
    ) -> Result<Self, EngineError> {
        let gone = || NotPossible::NothingLeft(entry.id);
        let record = entry.record.clone().ok_or_else(gone)?;
        let entity = ground.schema.entity(record.0.as_str());
        let entity = entity.ok_or_else(|| NotPossible::NoEntity(record.0.clone()))?;
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
            set: BTreeSet::new(),
            touched: Touched::default(),
            writes: Vec::new(),
        })
    }

    pub(super) fn mine(mut self) -> Result<Self, EngineError> {
        let parked = self.parked();
        if let Some(first) = parked.first()
            && let OperationKind::Command { call, .. } = &first.kind
        {
            self.can_run(call)?;
        }
        // Where my side is that the record is gone, there is nothing to make again.
        if self.image.gone && fold(&self.image, &parked).is_some() {
            self.make_again()?;
        } else {
            self.requeue(Base::AsSeen);
        }
        Ok(self)
    }

    /// Refuses to run a command on a record that is gone, or that does not allow it as the server has it.
    fn can_run(&self, call: &CommandCall) -> Result<(), NotPossible> {
        let Some(server) = self.image.present() else {
            return if self.image.gone {
                Err(NotPossible::NoRecord(self.entry.id))
            } else {
                Ok(())
            };
        };
        let command = self.entity.commands.get(&call.name);
        let forbidden = command.map(|command| command.forbidden_by(&server.record.fields));
        let forbidden: Vec<FieldName> = forbidden.into_iter().flatten().cloned().collect();
        if forbidden.is_empty() {
            return Ok(());
        }
        Err(NotPossible::NotAllowed(self.entry.id, forbidden))
    }

    pub(super) fn retry(mut self) -> Self {
        self.requeue(Base::AsBefore);
        self
    }

    /// Returns the operations that this entry parked.
    pub(super) fn parked(&self) -> Vec<Operation> {
        let pending = replaced(&self.ground.pending_of(&self.record), &self.amended);
        pending
            .into_iter()
            .filter(|operation| operation.state.parked() == Some(self.entry.id))
            .collect()
    }

    /// Puts the parked operations back into the queue.
    pub(super) fn requeue(&mut self, base: Base) {
        let server = self.image.server.as_ref().map(|server| server.record.clone());
        let revision = server.as_ref().and_then(|record| record.revision.clone());
        let clash = server.is_some();
        // The person has seen the values of the entry; what others have set besides is still to be compared.
        let cases = self.entry.fields.iter();
        let theirs: Fields = cases
            .map(|case| (case.field.clone(), case.theirs.clone()))
            .collect();
        // Each rests on the one before it.
        let mut under = Fields::new();
        for mut operation in self.parked() {
            if let OperationKind::Command { edits, .. } = &mut operation.kind
                && base == Base::AsSeen
            {
                for (field, edit) in edits {
                    edit.old = theirs.get(field).unwrap_or(&edit.old).clone();
                }
            }
            if let OperationKind::Create(edits) | OperationKind::Update(edits) = &mut operation.kind
                && base == Base::AsSeen
            {
                // What the rules gave to the server before they left the rest to the person stays the server's.
                edits.retain(|field, _| !self.is_lost(field));
                for (field, edit) in edits {
                    if let Some(made) = self.made(field) {
                        edit.new = made.clone();
                    }
                    let under = under.insert(field.clone(), edit.new.clone());
                    edit.old = under.unwrap_or_else(|| theirs.get(field).unwrap_or(&edit.old).clone());
                }
            }
            if matches!(&operation.kind, OperationKind::Update(edits) if edits.is_empty()) {
                self.supersede(operation);
                continue;
            }
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
                OperationKind::Delete { mut seen, raw, stamp } => {
                    if base == Base::AsSeen && self.entry.kind == LogKind::Conflict {
                        seen.extend(self.entry.kept.clone());
                    }
                    OperationKind::Delete { seen, raw, stamp }
                }
                kind => kind,
            };
            let is_shown = |edits: &BTreeMap<FieldName, FieldEdit>| {
                edits
                    .keys()
                    .all(|field| theirs.contains_key(field) || self.entity.is_key(field))
            };
            // A command is compared by its values alone.
            let is_shown = match &operation.kind {
                OperationKind::Command { .. } => !theirs.is_empty(),
                kind => kind.edits().is_some_and(is_shown),
            };
            if base == Base::AsSeen && is_shown {
                operation.base_revision = revision.clone();
            }
            self.queue(operation);
        }
        self.refold();
    }

    /// Returns whether the rules gave a field to the server, and the person has set no other value.
    fn is_lost(&self, field: &FieldName) -> bool {
        let lost = |case: &FieldCase| case.field == *field && case.winner == Some(Side::Theirs);
        !self.set.contains(field) && self.entry.fields.iter().any(lost)
    }

    /// Returns the value that the rules made for a field, unless the person has set another one.
    fn made(&self, field: &FieldName) -> Option<&driftless_record::Value> {
        let of = |case: &&FieldCase| case.field == *field && case.winner == Some(Side::Mine);
        let case = self.entry.fields.iter().find(of)?;
        case.made.as_ref().filter(|_| !self.set.contains(field))
    }

    /// Ends an operation of which nothing is left to send.
    fn supersede(&mut self, operation: Operation) {
        self.touched.ended.push((operation.id, self.record.clone()));
        self.writes.push(Write::PutOperation(Box::new(Operation {
            state: OperationState::Superseded,
            ..operation
        })));
    }

    /// Makes a record again that the server has deleted, with all its fields.
    fn make_again(&mut self) -> Result<(), EngineError> {
        if !self.entity.access.create || self.entity.server_makes_key() {
            return Err(NotPossible::NoCreate(self.entity.name.clone()).into());
        }
        let parked = self.parked();
        let Some(first) = parked.first().cloned() else {
            return Ok(());
        };
        let mut full = fold(&self.image, &parked)
            .map(|record| record.fields)
            .unwrap_or_default();
        full.extend(key_fields(self.entity, &self.image.id));
        let raw = first
            .kind
            .edits()
            .and_then(|e| e.values().next())
            .map_or_else(|| self.raw(), |edit| edit.raw);
        let edit = |new| FieldEdit {
            old: Value::Null,
            new,
            raw,
            stamp: None,
        };
        // What the entity has no field for any more is told of, not dropped.
        let given = parked
            .iter()
            .filter_map(|operation| operation.kind.edits())
            .flatten();
        let homeless = given.filter(|(field, _)| self.entity.field(field).is_none());
        let homeless: Fields = homeless
            .map(|(field, edit)| (field.clone(), edit.new.clone()))
            .collect();
        let edits = creatable(self.entity, &full)
            .into_iter()
            .chain(homeless)
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
            ..first
        });
        self.refold();
        Ok(())
    }

    pub(super) fn theirs(mut self) -> Result<Self, EngineError> {
        let commands: Vec<_> = self
            .parked()
            .into_iter()
            .filter(|operation| operation.kind.is_command())
            .collect();
        if !commands.is_empty() {
            let ids: Vec<_> = commands.iter().map(|operation| operation.id).collect();
            (self.touched, self.writes) = take_back(self.ground, &ids)?;
            return Ok(self);
        }
        // Nothing of theirs is there: my changes end, and what stands on them.
        if self.image.gone || self.image.server.is_none() {
            let all = self.ground.pending_of(&self.record);
            let all: Vec<_> = all.iter().map(|operation| operation.id).collect();
            (self.touched, self.writes) = take_back(self.ground, &all)?;
            return Ok(self);
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
            let empty = operation
                .kind
                .edits()
                .is_none_or(|e| e.keys().all(|field| self.entity.is_key(field)));
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
        Ok(self)
    }

    pub(super) fn set(mut self, fields: &Fields) -> Result<Self, EngineError> {
        let problems = problems(self.entity, fields, Purpose::Update);
        if !problems.is_empty() {
            return Err(EngineError::Invalid {
                entity: self.entity.name.to_string(),
                problems,
            });
        }
        // What the server did not take may stay as it is beside another value: it says anew what it thinks of that.
        let is_conflict = self.entry.kind == LogKind::Conflict;
        let undecided = self
            .entry
            .fields
            .iter()
            .filter(|case| is_conflict && case.winner.is_none());
        let left: Vec<_> = undecided
            .filter(|case| !fields.contains_key(&case.field))
            .map(|case| case.field.clone())
            .collect();
        if !left.is_empty() {
            return Err(NotPossible::Undecided(left).into());
        }
        self.set = fields.keys().cloned().collect();
        let raw = self.raw();
        let mut parked = self.parked();
        if let Some(last) = parked.last_mut() {
            last.needs.extend(self.needs_of(fields, last.id)?);
        }
        let set = parked
            .iter_mut()
            .rev()
            .find_map(|operation| match &mut operation.kind {
                OperationKind::Create(edits) | OperationKind::Update(edits) => Some(edits),
                OperationKind::Delete { .. }
                | OperationKind::Command { .. }
                | OperationKind::Awaited { .. } => None,
            });
        let Some(edits) = set else {
            return Err(NotPossible::NoValues(self.entry.id).into());
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
            self.make_again()?;
        } else {
            self.requeue(Base::AsSeen);
        }
        Ok(self)
    }

    /// Returns the creates that new values of an operation need.
    fn needs_of(&self, fields: &Fields, operation: OperationId) -> Result<Vec<OperationId>, EngineError> {
        let waiting = Graph::new(&self.ground.pending).up_set(operation);
        let mut needs = Vec::new();
        let is_new = pending_create(&self.ground.pending, &own(&self.record)).is_some();
        for (field, value) in fields {
            if is_new && names_itself(&self.record, value) {
                return Err(NotPossible::Circle(field.clone()).into());
            }
            let Some(create) = pending_create(&self.ground.pending, value) else {
                continue;
            };
            if waiting.iter().any(|other| other.id == create) {
                return Err(NotPossible::Circle(field.clone()).into());
            }
            needs.push(create);
        }
        Ok(needs)
    }

    fn queue(&mut self, operation: Operation) {
        self.touched.queued.push(operation.id);
        self.writes.push(Write::PutOperation(Box::new(Operation {
            state: OperationState::Queued,
            rebased: 0,
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

fn own((entity, id): &Key) -> Value {
    Value::Lookup(Lookup {
        entity: entity.clone(),
        id: id.clone(),
        name: None,
    })
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
