//! From a reply to the one commit that keeps what it proves. Pure.

use std::collections::BTreeSet;

use driftless_record::{
    Applied, Cause, CauseClass, ChangeAction, Condition, EntitySchema, Fields, LogKind, Operation,
    OperationState, Record, Revision, Sending, ServerRecord, Timestamp,
};
use driftless_store::{Image, Write};
use driftless_transport::PushResult;

use crate::backoff;
use crate::fold::{key_fields, settle};
use crate::ground::{Ground, Key};
use crate::journal;
use crate::plan::{Draft, overtaken};
use crate::rebase::complete;

/// How often an operation may be overtaken between reading and writing before a person is asked.
const MAX_REBASES: u32 = 8;

/// What a reply came to.
#[derive(Debug, Default)]
pub(crate) struct Confirmed {
    /// What to commit.
    pub writes: Vec<Write>,
    /// Records whose server data have to be read again before their operations go on.
    pub refresh: BTreeSet<Key>,
    /// How many operations are on the server now.
    pub applied: usize,
    /// How many of them were merged with changes of others.
    pub merged: usize,
    /// How many were refused.
    pub refused: usize,
    /// How many have an unknown outcome.
    pub unknown: usize,
    /// How many wait for a time that the server or the pause between tries sets.
    pub waiting: usize,
}

impl Confirmed {
    /// Returns whether the reply brought anything on.
    pub(crate) fn changed_something(&self) -> bool {
        self.applied + self.refused + self.unknown + self.waiting > 0 || !self.refresh.is_empty()
    }
}

/// Works out what a result means for the operations that a sending carried, given the pending ones of its record.
///
/// Handling the same result twice does nothing more (law L11): operations that no longer belong to the sending are left
/// alone.
pub(crate) fn confirm(
    ground: &mut Ground,
    now: Timestamp,
    sending: &Sending,
    (result, of_record): (&PushResult, Vec<Operation>),
    into: &mut Confirmed,
) {
    let record: Key = (sending.change.entity.clone(), sending.change.record.clone());
    let (carried, rest): (Vec<Operation>, Vec<Operation>) = of_record
        .into_iter()
        .partition(|operation| belongs(operation, sending));
    let (Some(entity), Some(image)) = (
        ground.schema.entity(record.0.as_str()).cloned(),
        ground.images.get(&record),
    ) else {
        return;
    };
    if carried.is_empty() {
        into.writes.push(Write::DropSending(sending.id));
        return;
    }
    let desk = Desk {
        now,
        sending,
        record,
        entity: &entity,
        image: image.clone(),
        carried,
        rest,
    };
    match result {
        PushResult::Done { revision, record } => desk.done(ground, revision.clone(), record.as_deref(), into),
        PushResult::Failed { cause, retry_after } => {
            desk.failed(ground, cause, retry_after.map(|after| after.as_millis()), into);
        }
        PushResult::Skipped => desk.all(&OperationState::Queued, into),
        PushResult::Unknown => {
            into.unknown += desk.carried.len();
            let unknown = OperationState::Unknown(sending.id);
            into.writes.extend(
                desk.carried
                    .into_iter()
                    .map(|operation| put(operation, unknown.clone())),
            );
        }
    }
}

fn belongs(operation: &Operation, sending: &Sending) -> bool {
    match operation.state {
        OperationState::InFlight(id) | OperationState::Unknown(id) => id == sending.id,
        OperationState::Queued
        | OperationState::Waiting(_)
        | OperationState::Conflict(_)
        | OperationState::Refused(_)
        | OperationState::Applied(_)
        | OperationState::Superseded
        | OperationState::Reverted => false,
    }
}

fn put(operation: Operation, state: OperationState) -> Write {
    Write::PutOperation(Box::new(Operation { state, ..operation }))
}

struct Desk<'a> {
    now: Timestamp,
    sending: &'a Sending,
    record: Key,
    entity: &'a EntitySchema,
    image: Image,
    carried: Vec<Operation>,
    rest: Vec<Operation>,
}

impl Desk<'_> {
    fn done(
        self,
        ground: &mut Ground,
        revision: Option<Revision>,
        echo: Option<&ServerRecord>,
        into: &mut Confirmed,
    ) {
        let merged = self
            .carried
            .iter()
            .any(|operation| overtaken(operation, &self.sending.change.condition));
        if merged {
            let title = journal::title(self.entity, &self.image, &self.carried);
            let ids = self.carried.iter().map(|operation| operation.id).collect();
            let draft = Draft {
                kind: LogKind::Merged,
                fields: Vec::new(),
                reason: "someone else changed other fields of this record; both changes were kept".to_owned(),
                kept: Fields::new(),
            };
            let entry = journal::entry(ground.take_log_id(), self.now, &self.record, ids, title, draft);
            into.writes.push(Write::PutLog(Box::new(entry)));
            into.merged += self.carried.len();
        }
        into.applied += self.carried.len();
        let how = OperationState::Applied(if merged {
            Applied::Merged
        } else {
            Applied::Accepted
        });
        let old_revision = self.image.server.as_ref().and_then(|s| s.record.revision.clone());
        let image = after(self.entity, self.image, self.sending, revision, echo);
        let new_revision = image.server.as_ref().and_then(|s| s.record.revision.clone());
        into.writes.extend(
            self.carried
                .into_iter()
                .map(|operation| put(operation, how.clone())),
        );
        let rest: Vec<Operation> = self
            .rest
            .into_iter()
            .map(|operation| {
                let follows = operation.base_revision.is_none() || operation.base_revision == old_revision;
                let base_revision = if follows {
                    new_revision.clone()
                } else {
                    operation.base_revision
                };
                Operation {
                    base_revision,
                    ..operation
                }
            })
            .collect();
        into.writes.extend(
            rest.iter()
                .cloned()
                .map(|operation| Write::PutOperation(Box::new(operation))),
        );
        settle(self.entity, image, &rest, &mut into.writes);
        into.writes.push(Write::DropSending(self.sending.id));
    }

    fn failed(self, ground: &mut Ground, cause: &Cause, retry_after: Option<u128>, into: &mut Confirmed) {
        match cause.class {
            CauseClass::Auth => self.all(&OperationState::Queued, into),
            CauseClass::Precondition | CauseClass::Conflict | CauseClass::Gone => {
                self.overtaken(ground, cause, into)
            }
            CauseClass::Throttled | CauseClass::Transient => {
                let attempts = self
                    .carried
                    .iter()
                    .map(|operation| operation.attempts)
                    .max()
                    .unwrap_or(1);
                let wait = retry_after
                    .map_or_else(|| backoff::ceiling(attempts), |ms| i64::try_from(ms).unwrap_or(0));
                let until = self.now.plus_millis(wait.min(backoff::MAX_WAIT_MILLIS));
                into.waiting += self.carried.len();
                self.all(&OperationState::Waiting(until), into);
            }
            CauseClass::Permission
            | CauseClass::Validation
            | CauseClass::MissingReference
            | CauseClass::Unique
            | CauseClass::TooLarge
            | CauseClass::Unsupported => self.refuse(ground, cause.clone(), into),
        }
    }

    /// The server's record is not what the sending was based on: read it again, then plan anew, but not for ever.
    fn overtaken(mut self, ground: &mut Ground, cause: &Cause, into: &mut Confirmed) {
        if self
            .carried
            .iter()
            .any(|operation| operation.rebased >= MAX_REBASES)
        {
            return self.refuse(ground, cause.clone(), into);
        }
        for operation in &mut self.carried {
            operation.rebased += 1;
        }
        into.refresh.insert(self.record.clone());
        self.all(&OperationState::Queued, into);
    }

    fn refuse(self, ground: &mut Ground, cause: Cause, into: &mut Confirmed) {
        let title = journal::title(self.entity, &self.image, &self.carried);
        let ids = self.carried.iter().map(|operation| operation.id).collect();
        let entry = journal::refused(ground.take_log_id(), self.now, &self.record, ids, title, cause);
        into.refused += self.carried.len();
        let state = OperationState::Refused(entry.id);
        into.writes.push(Write::PutLog(Box::new(entry)));
        self.all(&state, into);
    }

    /// Ends the sending, proved not done, with its operations in one state.
    fn all(self, state: &OperationState, into: &mut Confirmed) {
        into.writes.extend(
            self.carried
                .into_iter()
                .map(|operation| put(operation, state.clone())),
        );
        into.writes.push(Write::DropSending(self.sending.id));
    }
}

/// Returns whether the image was read after the change was done: it is not what the change was conditional on, and
/// the server would not have done it on anything else. A late reply changes such an image no more (law L11).
fn is_newer(image: &Image, condition: &Condition) -> bool {
    let found = image.server.as_ref().filter(|_| !image.gone);
    match condition {
        Condition::Absent => found.is_some(),
        Condition::Revision(revision) => found.is_none_or(|s| s.record.revision.as_ref() != Some(revision)),
        Condition::Exists => found.is_none(),
    }
}

/// Returns the image after a change was done.
fn after(
    entity: &EntitySchema,
    image: Image,
    sending: &Sending,
    revision: Option<Revision>,
    echo: Option<&ServerRecord>,
) -> Image {
    if is_newer(&image, &sending.change.condition) {
        return image;
    }
    if let Some(echo) = echo {
        let echo = complete(image.server.clone(), echo.clone());
        let revision = echo.record.revision.clone().or(revision);
        let record = Record {
            revision,
            ..echo.record.clone()
        };
        return Image {
            server: Some(ServerRecord {
                record,
                stamps: echo.stamps.clone(),
            }),
            gone: false,
            ..image
        };
    }
    let known = image.server;
    let (fields, gone) = match &sending.change.action {
        ChangeAction::Create(fields) => {
            let mut all = key_fields(entity, &image.id);
            all.extend(fields.clone());
            (all, false)
        }
        ChangeAction::Update(fields) => {
            let mut all = known
                .as_ref()
                .map(|s| s.record.fields.clone())
                .unwrap_or_default();
            all.extend(fields.clone());
            (all, false)
        }
        ChangeAction::Delete => {
            return Image {
                server: known,
                gone: true,
                ..image
            };
        }
    };
    let mut stamps = known.map(|s| s.stamps).unwrap_or_default();
    stamps.extend(sending.change.stamps.clone());
    let record = Record {
        entity: image.entity.clone(),
        id: image.id.clone(),
        revision,
        fields,
    };
    Image {
        server: Some(ServerRecord { record, stamps }),
        gone,
        ..image
    }
}
