//! Local edits: from what a person wants to the one commit that keeps it.

mod reading;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::command::CommandEffects;
use crate::depend;
use crate::fold::{key_fields, shown, whole_row};
use crate::gate::{Gate, LastEdit, enter};
use crate::host::{Account, Host};
use crate::validate::{Purpose, problems};
use crate::wish::{Edit, Written};
use crate::{EngineError, alias, names, temporary};
use driftless_record::{
    EntitySchema, FieldEdit, FieldName, Fields, Handling, LogId, LogKind, Operation, OperationId,
    OperationKind, OperationState, RawStamp, Record, RecordId, Revision, Row, RowSet, Schema, Value,
};
use driftless_store::{CommitNumber, Image, LogSelection, RecordStore, Retry, StoreError, Write, WriteBatch};

/// How often an edit is tried again when another process commits at the same moment.
pub(crate) const MAX_TRIES: usize = 1000;

/// Where edits are made.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub store: &'a dyn RecordStore,
    pub host: &'a Host,
    pub account: &'a Account,
    /// What the app knows of its commands.
    pub effects: &'a dyn CommandEffects,
    /// How the operations are to be handled.
    pub handling: Handling,
}

/// Carries an edit out in one commit.
pub(crate) fn carry_out(scene: Scene<'_>, edit: &Edit, gate: &Gate) -> Result<Written, EngineError> {
    let store = scene.store;
    let mut turn = enter(gate);
    for _ in 0..MAX_TRIES {
        // If nobody has committed since the last edit, what it knew still holds; otherwise the commit is refused.
        let assumed = turn.take();
        let (number, schema) = match &assumed {
            Some(last) => (last.number, last.schema.clone()),
            None => (store.position()?, store.schema()?),
        };
        let last_sequence = assumed.as_ref().map(|last| last.sequence);
        let tried = names::entity(&schema, edit.entity()).and_then(|entity| {
            let desk = Desk::new(scene, (number, &schema), entity, last_sequence);
            let planned = desk.plan(edit)?;
            Ok((planned, desk.last_sequence.get()))
        });
        let done = !matches!(&tried, Ok(((_, writes), _)) if !writes.is_empty());
        if done && assumed.is_some() && store.position()? != number {
            continue;
        }
        let ((written, writes), last_sequence) = tried?;
        if writes.is_empty() {
            return Ok(written);
        }
        let sequence = last_sequence;
        match store.commit(WriteBatch {
            expect: Some(number),
            writes,
        }) {
            Err(error) if error.retry() == Retry::Reread => {}
            Err(error) => return Err(error.into()),
            Ok(number) => {
                *turn = sequence.map(|sequence| LastEdit {
                    number,
                    sequence,
                    schema,
                });
                return Ok(written);
            }
        }
    }
    Err(StoreError::Busy.into())
}

/// The server image that an edit rests on.
pub(crate) enum Under {
    /// The store has it.
    Kept(Image),
    /// It is made of settled data, or of nothing, and kept with the edit.
    New(Image),
}

/// What one edit is worked out with.
pub(crate) struct Desk<'a> {
    pub(crate) store: &'a dyn RecordStore,
    pub(crate) host: &'a Host,
    account: &'a Account,
    pub(crate) effects: &'a dyn CommandEffects,
    pub(crate) handling: Handling,
    number: CommitNumber,
    pub(crate) schema: &'a Schema,
    pub(crate) entity: Arc<EntitySchema>,
    /// The largest sequence number so far, once it is known.
    last_sequence: Cell<Option<u64>>,
}

impl<'a> Desk<'a> {
    /// Makes a desk for an edit of an entity, on a reading at a commit.
    pub(crate) fn new(
        scene: Scene<'a>,
        (number, schema): (CommitNumber, &'a Schema),
        entity: Arc<EntitySchema>,
        last_sequence: Option<u64>,
    ) -> Self {
        Self {
            store: scene.store,
            host: scene.host,
            account: scene.account,
            effects: scene.effects,
            handling: scene.handling,
            number,
            schema,
            entity,
            last_sequence: Cell::new(last_sequence),
        }
    }

    /// Returns whether what an entry parked is proved not to be on the server: otherwise an edit of the record is no word
    /// to send it again.
    fn is_proved(&self, log: LogId) -> Result<bool, StoreError> {
        let entries = self.store.log(&LogSelection::One(log))?;
        Ok(entries.iter().all(|entry| entry.kind != LogKind::Unproved))
    }

    /// Works out the writes of an edit.
    pub(crate) fn plan(&self, edit: &Edit) -> Result<(Written, Vec<Write>), EngineError> {
        let id = |text: &str| RecordId::parse(&self.entity, text);
        match edit {
            Edit::Create { fields, .. } => self.create(self.up_to_date(fields)?),
            Edit::Update { id: text, fields, .. } => self.update(id(text)?, self.up_to_date(fields)?),
            Edit::Delete { id: text, .. } => self.delete(id(text)?),
            Edit::Run {
                id: text,
                command,
                parameters,
                ..
            } => self.run(id(text)?, command, self.up_to_date(parameters)?),
        }
    }

    /// Returns the fields of a wish with the ids that the records they name have now.
    fn up_to_date(&self, fields: &Fields) -> Result<Fields, StoreError> {
        let mut fields = fields.clone();
        alias::bring_up_to_date(self.store, self.schema, &self.entity, &mut fields)?;
        Ok(fields)
    }

    fn create(&self, mut fields: Fields) -> Result<(Written, Vec<Write>), EngineError> {
        if !self.entity.access.create || self.entity.is_abstract {
            return Err(self.not_allowed("created"));
        }
        if let Some(key) = self.entity.guid_key() {
            fields
                .entry(key.clone())
                .or_insert_with(|| Value::Guid(self.host.uuid()));
        }
        self.check(&fields, Purpose::Create)?;
        let id = temporary::new_id(self.store, &self.entity, &fields, self.host)?;
        if self.store.get(&self.entity.name, &id)?.is_some() {
            return Err(EngineError::Exists {
                entity: self.entity.name.to_string(),
                id: id.to_string(),
            });
        }
        let raw = self.raw_stamp();
        fields.retain(|_, value| !value.is_null());
        let edits = fields
            .into_iter()
            .map(|(field, new)| (field, edit(Value::Null, new, raw)))
            .collect();
        let kind = OperationKind::Create(edits);
        // A record that was deleted here before still has the image that its delete rests on.
        if let Some(image) = self.store.image(&self.entity.name, &id)? {
            let pending = self.pending(&id)?;
            return self.record(Under::Kept(image), kind, pending);
        }
        let image = Image {
            entity: self.entity.name.clone(),
            id,
            server: None,
            gone: false,
        };
        self.record(Under::New(image), kind, Vec::new())
    }

    fn update(&self, id: RecordId, fields: Fields) -> Result<(Written, Vec<Write>), EngineError> {
        if !self.entity.access.update || self.entity.append_only {
            return Err(self.not_allowed("changed"));
        }
        let (view, image) = self.standing(id)?;
        let id = &view.id.clone();
        self.check(&fields, Purpose::Update)?;
        let raw = self.raw_stamp();
        let changes: BTreeMap<FieldName, FieldEdit> = fields
            .into_iter()
            .filter(|(field, new)| view.value(field) != new)
            .map(|(field, new)| (field.clone(), edit(view.value(&field).clone(), new, raw)))
            .collect();
        if changes.is_empty() {
            return Ok((Written::of(id.clone(), None), Vec::new()));
        }
        let (under, pending) = self.grounds(id, view, image)?;
        let is_last = |operation: &Operation| pending.last().is_some_and(|last| last.id == operation.id);
        let refused = pending
            .iter()
            .rev()
            .find_map(|operation| match (&operation.state, &operation.kind) {
                (OperationState::Refused(_), OperationKind::Command { .. }) if !is_last(operation) => None,
                (OperationState::Refused(log), kind) => Some((*log, kind)),
                _ => None,
            });
        // A write of a group happens with the others of it, never as a part of what was refused before.
        let refused = refused.filter(|_| self.handling.group.is_none());
        match (refused, &under) {
            (Some((log, kind)), Under::Kept(image)) if self.is_proved(log)? => match kind {
                OperationKind::Command { .. } => self.amend_command(image, &pending, (log, changes)),
                OperationKind::Create(_)
                | OperationKind::Update(_)
                | OperationKind::Delete { .. }
                | OperationKind::Awaited { .. } => self.amend(image, log, &pending, changes),
            },
            _ => self.record(under, OperationKind::Update(changes), pending),
        }
    }

    fn delete(&self, id: RecordId) -> Result<(Written, Vec<Write>), EngineError> {
        if !self.entity.access.delete || self.entity.append_only {
            return Err(self.not_allowed("deleted"));
        }
        let (view, image) = self.standing(id)?;
        let (id, seen) = (view.id.clone(), view.fields.clone());
        let (under, pending) = self.grounds(&id, view, image)?;
        let kind = OperationKind::Delete {
            seen,
            raw: self.raw_stamp(),
            stamp: None,
        };
        self.record(under, kind, pending)
    }

    /// Makes the writes of a new operation: view, image if there was none, and the operation itself.
    pub(crate) fn record(
        &self,
        under: Under,
        kind: OperationKind,
        mut pending: Vec<Operation>,
    ) -> Result<(Written, Vec<Write>), EngineError> {
        let (image, is_kept) = match under {
            Under::Kept(image) => (image, true),
            Under::New(image) => (image, false),
        };
        let id = image.id.clone();
        if self.entity.local_only {
            return Ok((Written::of(id, None), self.local_only_writes(image, kind)));
        }
        let key = (self.entity.name.clone(), id.clone());
        let operation = Operation {
            record: id.clone(),
            base_revision: image.server.as_ref().map(|server| {
                let told = server.record.revision.clone();
                told.unwrap_or_else(Revision::untold)
            }),
            needs: depend::needs(self.store, self.schema, &key, &kind)?,
            kind,
            ..self.operation()?
        };
        let joined = self.join(&pending, &operation)?;
        let written = Written::of(id, Some(operation.id));
        // An update finds the row as the operations before it left it: only its own fields change.
        let view = match &operation.kind {
            OperationKind::Update(edits) => Write::PutRows(edited(&image, edits)),
            OperationKind::Create(_)
            | OperationKind::Delete { .. }
            | OperationKind::Command { .. }
            | OperationKind::Awaited { .. } => {
                pending.push(operation.clone());
                self.view_write(&image, &pending)
            }
        };
        let mut writes = vec![view];
        if !is_kept {
            writes.push(Write::PutImage(image));
        }
        writes.push(Write::PutOperation(Box::new(operation)));
        writes.extend(joined);
        Ok((written, writes))
    }

    /// Makes an operation with a number of its own that does nothing yet.
    pub(crate) fn operation(&self) -> Result<Operation, StoreError> {
        Ok(Operation {
            id: OperationId(self.host.uuid()),
            sequence: self.next_sequence()?,
            author: self.account.user.clone(),
            tenant: self.account.tenant.clone(),
            schema_version: self.schema.version.clone(),
            entity: self.entity.name.clone(),
            record: RecordId::from_canonical(""),
            base_revision: None,
            needs: BTreeSet::new(),
            kind: OperationKind::Update(BTreeMap::new()),
            state: OperationState::Queued,
            attempts: 0,
            rebased: 0,
            handling: self.handling,
        })
    }

    fn local_only_writes(&self, image: Image, kind: OperationKind) -> Vec<Write> {
        let (OperationKind::Create(edits) | OperationKind::Update(edits)) = kind else {
            return vec![Write::RemoveRows(image.entity, vec![image.id])];
        };
        let mut record = image.server.map(|s| s.record).unwrap_or_else(|| Record {
            entity: image.entity,
            id: image.id,
            revision: None,
            fields: Fields::new(),
        });
        record
            .fields
            .extend(edits.into_iter().map(|(field, edit)| (field, edit.new)));
        vec![Write::PutRows(whole_row(&self.entity, record))]
    }

    pub(crate) fn view_write(&self, image: &Image, pending: &[Operation]) -> Write {
        match shown(&self.entity, image, pending) {
            Some(mut record) => {
                record.fields.extend(key_fields(&self.entity, &record.id));
                Write::PutRows(whole_row(&self.entity, record))
            }
            None => Write::RemoveRows(image.entity.clone(), vec![image.id.clone()]),
        }
    }

    fn check(&self, fields: &Fields, purpose: Purpose) -> Result<(), EngineError> {
        let problems = problems(&self.entity, fields, purpose);
        if problems.is_empty() {
            return Ok(());
        }
        Err(EngineError::Invalid {
            entity: self.entity.name.to_string(),
            problems,
        })
    }

    pub(crate) fn not_allowed(&self, what: &'static str) -> EngineError {
        EngineError::NotAllowed {
            entity: self.entity.name.to_string(),
            what,
        }
    }
}

/// Returns the row of a record with the fields that an update changes.
fn edited(image: &Image, edits: &BTreeMap<FieldName, FieldEdit>) -> RowSet {
    let revision = image.server.as_ref().and_then(|s| s.record.revision.clone());
    RowSet {
        entity: image.entity.clone(),
        columns: edits.keys().cloned().collect(),
        rows: vec![Row {
            id: image.id.clone(),
            revision,
            values: edits.values().map(|edit| edit.new.clone()).collect(),
        }],
    }
}

/// Makes the edit of a field.
pub(crate) fn edit(old: Value, new: Value, raw: RawStamp) -> FieldEdit {
    FieldEdit {
        old,
        new,
        raw,
        stamp: None,
    }
}
