//! From a reply to the one commit that keeps what it proves. Pure.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{
    Applied, Cause, CauseClass, ChangeAction, Condition, EntityName, EntitySchema, Fields, LogKind,
    Operation, OperationId, OperationState, Record, Revision, Sending, ServerRecord, Timestamp,
};
use driftless_store::{Image, Write};
use driftless_transport::PushResult;
use uuid::Uuid;

use crate::awaited::settle_results;
use crate::backoff::{self, MAX_TRIES};
use crate::fold::{key_fields, settle};
use crate::ground::{Ground, Key};
use crate::journal::{self, Parking, Reason};
use crate::left::Left;
use crate::plan::{Draft, Objection, overtaken};
use crate::rebase::{complete, last_known};
use crate::refit;
use crate::remap::{Renamed, Renames};

mod objected;
mod partial;

/// What is known of a sending now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum News {
    /// What the server answered: [`PushResult::Unknown`] if the answer says nothing of this sending.
    Answer(PushResult),
    /// The request was lost, or its answer says nothing about this sending: that counts as no try.
    Lost,
    /// Reading the record proved that it was not done.
    NotDone(Sent),
    /// Nothing can prove what became of it, because of this.
    Unproved(Cause),
}

/// When a sending left the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// In an earlier synchronization.
    Earlier,
    /// In this one.
    Now,
    /// At any time, and it may still arrive: no proof that it was not done until now counts.
    Blindly,
}

/// What a reply came to.
#[derive(Debug, Default)]
pub(crate) struct Confirmed {
    /// What to commit.
    pub writes: Vec<Write>,
    /// Records whose server data have to be read again before their operations go on.
    pub refresh: BTreeSet<Key>,
    /// Those of them that commands of ours have just left as they are, where the first request was answered.
    pub left: BTreeMap<Key, Left>,
    /// Entities of records that commands have made and nobody here has expected: they have to be read.
    pub made_in: BTreeSet<EntityName>,
    /// What the server has against values, by record: a policy is to be asked.
    pub objections: BTreeMap<Key, Objection>,
    /// New ids for operations that are split off others.
    pub spare_ids: Vec<Uuid>,
    /// Operations of which a part was split off, each with the part.
    pub parts: Vec<(OperationId, OperationId)>,
    /// Records whose keys the server has made.
    pub renames: Renames,
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
        self.applied + self.refused + self.unknown + self.waiting > 0
            || !self.refresh.is_empty()
            || !self.objections.is_empty()
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
    (news, of_record): (&News, Vec<Operation>),
    into: &mut Confirmed,
) {
    let record: Key = (sending.change.entity.clone(), sending.change.record.clone());
    let (carried, rest): (Vec<Operation>, Vec<Operation>) = of_record
        .into_iter()
        .partition(|operation| belongs(operation, sending));
    let entity = ground.schema.entity(record.0.as_str()).cloned();
    let Some(image) = ground.images.get(&record) else {
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
        entity: entity.as_deref(),
        image: image.clone(),
        carried,
        rest,
    };
    match news {
        News::Answer(PushResult::Done { revision, record }) => {
            desk.done(ground, revision.clone(), record.as_deref(), into);
        }
        News::Answer(PushResult::Ran { revision, made }) => {
            let commands: Vec<_> = desk.carried.iter().map(|operation| operation.id).collect();
            // A copy of a request that was put off may have been carried out, and others have changed that since.
            let is_first = desk.tries() == 0;
            let edits = desk.carried.iter().filter_map(|command| command.kind.edits());
            let fields = edits.flat_map(|edits| edits.keys().cloned()).collect();
            let record = desk.record.clone();
            into.refresh.insert(record.clone());
            desk.done(ground, revision.clone(), None, into);
            let made = settle_results(ground, now, (&commands, made), into);
            if is_first {
                into.left.insert(record, Left::Set(fields, revision.clone()));
                into.left
                    .extend(made.into_iter().map(|record| (record, Left::Made)));
            }
        }
        News::Answer(PushResult::Failed { cause, retry_after }) => {
            desk.failed(ground, cause, retry_after.map(|after| after.as_millis()), into);
        }
        News::Answer(PushResult::Skipped) => desk.all(&OperationState::Queued, into),
        News::Answer(PushResult::Unknown) => desk.counted().unknown(into),
        News::Lost => desk.unknown(into),
        // It goes again at once, but not again and again in one synchronization.
        News::NotDone(Sent::Earlier) if desk.tries() < MAX_TRIES => desk.all(&OperationState::Queued, into),
        News::NotDone(Sent::Now) if desk.tries() <= 1 => desk.all(&OperationState::Queued, into),
        News::NotDone(Sent::Blindly) => desk.park(ground, Reason::Unproved(maybe_sent()), into),
        News::NotDone(Sent::Earlier | Sent::Now) => desk.later(ground, &no_answer(), None, into),
        News::Unproved(cause) => desk.park(ground, Reason::Unproved(cause.clone()), into),
    }
}

fn belongs(operation: &Operation, sending: &Sending) -> bool {
    operation.state.sending() == Some(sending.id)
}

fn is_unknown(operation: &Operation) -> bool {
    matches!(operation.state, OperationState::Unknown(_))
}

fn put(operation: Operation, state: OperationState) -> Write {
    Write::PutOperation(Box::new(Operation { state, ..operation }))
}

struct Desk<'a> {
    now: Timestamp,
    sending: &'a Sending,
    record: Key,
    /// The entity, unless it has left the schema.
    entity: Option<&'a EntitySchema>,
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
        let Some(entity) = self.entity else {
            return self.unknown(into);
        };
        let is_create = matches!(self.sending.change.action, ChangeAction::Create(_));
        let told = echo.map(|echo| &echo.record.id).filter(|_| is_create);
        if is_create && entity.server_makes_key() && told.is_none() {
            return self.park(ground, Reason::Unproved(nameless()), into);
        }
        let renamed = told.filter(|id| **id != self.record.1).cloned();
        // Of a record that is deleted nothing of theirs stays: what was lost was told when it was decided.
        let merged = self.sending.change.action != ChangeAction::Delete
            && self
                .carried
                .iter()
                .any(|operation| overtaken(operation, &self.sending.change.condition));
        if merged {
            let title = self.title();
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
        // What was read while the answer was missing may be newer than what was sent, and no revision tells.
        if echo.is_none()
            && self.sending.change.condition == Condition::Exists
            && self.carried.iter().any(is_unknown)
        {
            into.refresh.insert(self.record.clone());
        }
        let how = OperationState::Applied(if merged {
            Applied::Merged
        } else {
            Applied::Accepted
        });
        let old_revision = self.image.server.as_ref().and_then(|s| s.record.revision.clone());
        let image = after(entity, self.image, (self.sending, &self.carried), revision, echo);
        let new_revision = image.server.as_ref().and_then(|s| s.record.revision.clone());
        into.writes.extend(
            self.carried
                .into_iter()
                .map(|operation| put(operation, how.clone())),
        );
        let next = new_revision.or_else(|| match self.sending.change.action {
            ChangeAction::Create(_) | ChangeAction::Update(_) => Some(Revision::untold()),
            // What a command sets is no change by somebody else.
            ChangeAction::Delete | ChangeAction::Command(_) => None,
        });
        let follows = |base: &Revision| base.is_untold() || Some(base) == old_revision.as_ref();
        let mut rest = self.rest;
        for operation in &mut rest {
            if operation.base_revision.as_ref().is_none_or(follows) {
                operation.base_revision.clone_from(&next);
            }
        }
        into.writes.extend(
            rest.iter()
                .cloned()
                .map(|operation| Write::PutOperation(Box::new(operation))),
        );
        match renamed {
            Some(id) => {
                let named = |server: ServerRecord| ServerRecord {
                    record: Record {
                        id: id.clone(),
                        ..server.record
                    },
                    ..server
                };
                let server = image.server.map(named);
                into.renames.insert(self.record, Renamed { id, server });
            }
            None => settle(entity, image, &rest, &mut into.writes),
        }
        into.writes.push(Write::DropSending(self.sending.id));
    }

    fn failed(self, ground: &mut Ground, cause: &Cause, retry_after: Option<u128>, into: &mut Confirmed) {
        match cause.class {
            CauseClass::Auth => self.all(&OperationState::Queued, into),
            CauseClass::Precondition | CauseClass::Conflict | CauseClass::Gone => {
                self.overtaken(ground, cause, into)
            }
            CauseClass::Throttled | CauseClass::Transient => {
                self.counted().later(ground, cause, retry_after, into);
            }
            // The server has this very record already: it is read and compared.
            CauseClass::Unique if cause.other.as_ref() == Some(&self.record.1) => {
                self.overtaken(ground, cause, into)
            }
            CauseClass::Unique | CauseClass::MissingReference => self.objected(ground, cause, into),
            CauseClass::Permission => self.forbidden(ground, cause, into),
            CauseClass::Validation
            | CauseClass::Referenced
            | CauseClass::TooLarge
            | CauseClass::Unsupported => self.refuse(ground, cause.clone(), into),
        }
    }

    /// The server's record is not what the sending was based on: read it again, then plan anew, but not for ever.
    fn overtaken(self, ground: &mut Ground, cause: &Cause, into: &mut Confirmed) {
        let makes_key = self.entity.is_some_and(EntitySchema::server_makes_key);
        let is_create = matches!(self.sending.change.action, ChangeAction::Create(_));
        let counted = self.counted();
        // There is nothing to read of a record that the server has under no id that is known.
        if counted.tries() >= MAX_TRIES || (makes_key && is_create) {
            return counted.refuse(ground, cause.clone(), into);
        }
        into.refresh.insert(counted.record.clone());
        counted.all(&OperationState::Queued, into);
    }

    fn title(&self) -> String {
        journal::title(self.entity, Some(&self.image), &self.record, &self.carried)
    }

    /// Counts an answer that brought the operations no further.
    fn counted(mut self) -> Self {
        for operation in &mut self.carried {
            operation.rebased = operation.rebased.saturating_add(1);
        }
        self
    }

    /// Returns how many answers brought the operations no further.
    fn tries(&self) -> u32 {
        let each = self.carried.iter().map(|operation| operation.rebased);
        each.max().unwrap_or_default()
    }

    /// Proved not done, and the same may work later: waits longer from try to try, and asks a person in the end.
    fn later(self, ground: &mut Ground, cause: &Cause, after: Option<u128>, into: &mut Confirmed) {
        let asked = after.map_or(0, |millis| i64::try_from(millis).unwrap_or(i64::MAX));
        let Some(wait) = backoff::wait(self.tries(), asked) else {
            return self.refuse(ground, cause.clone(), into);
        };
        into.waiting += self.carried.len();
        let until = self.now.plus_millis(wait);
        self.all(&OperationState::Waiting(until), into);
    }

    fn unknown(self, into: &mut Confirmed) {
        into.unknown += self.carried.len();
        let unknown = OperationState::Unknown(self.sending.id);
        let carried = self.carried.into_iter();
        into.writes
            .extend(carried.map(|operation| put(operation, unknown.clone())));
    }

    fn refuse(self, ground: &mut Ground, cause: Cause, into: &mut Confirmed) {
        self.park(ground, Reason::Refused(cause), into);
    }

    fn park(self, ground: &mut Ground, reason: Reason, into: &mut Confirmed) {
        let parking = Parking {
            id: ground.take_log_id(),
            at: self.now,
            record: &self.record,
            operations: self.carried.iter().map(|operation| operation.id).collect(),
            title: self.title(),
            kept: journal::values(&self.carried),
        };
        let entry = journal::parked(parking, reason);
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

/// The cause where the server was asked and said nothing that could be used.
fn no_answer() -> Cause {
    Cause {
        class: CauseClass::Transient,
        field: None,
        other: None,
        code: "no-answer".to_owned(),
        text: "no usable answer came, and the change was not carried out".to_owned(),
    }
}

/// The cause where a record was not found that may still be made by a request on its way.
fn maybe_sent() -> Cause {
    Cause {
        class: CauseClass::Transient,
        field: None,
        other: None,
        code: "maybe-sent".to_owned(),
        text: "no answer came, and sending it again might make the record twice".to_owned(),
    }
}

/// The cause where the server made a record, and told nobody what it is called.
fn nameless() -> Cause {
    Cause {
        class: CauseClass::Transient,
        field: None,
        other: None,
        code: "no-id".to_owned(),
        text: "the server made this record and did not tell its key".to_owned(),
    }
}

/// Returns whether the image was read after the change was done: it is not what the change was conditional on, and
/// the server would not have done it on anything else. A late reply changes such an image no more (law L11).
fn is_newer(image: &Image, condition: &Condition) -> bool {
    let found = image.present();
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
    (sending, carried): (&Sending, &[Operation]),
    revision: Option<Revision>,
    echo: Option<&ServerRecord>,
) -> Image {
    if is_newer(&image, &sending.change.condition) {
        return image;
    }
    if let Some(echo) = echo {
        let known = last_known(&image).or_else(|| made(sending, echo));
        let echo = complete(known, echo.clone());
        let revision = echo.record.revision.clone().or(revision);
        let record = Record {
            id: image.id.clone(),
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
            all.extend(refit::values(entity, fields));
            (all, false)
        }
        ChangeAction::Update(fields) => {
            let mut all = known
                .as_ref()
                .map(|s| s.record.fields.clone())
                .unwrap_or_default();
            all.extend(refit::values(entity, fields));
            (all, false)
        }
        ChangeAction::Command(_) => {
            let mut all = known
                .as_ref()
                .map(|s| s.record.fields.clone())
                .unwrap_or_default();
            // Until the record is read again: what the command was expected to do.
            let expected = carried
                .iter()
                .filter_map(|operation| operation.kind.edits())
                .flatten();
            let expected = expected.map(|(field, edit)| (field.clone(), edit.new.clone()));
            all.extend(refit::values(entity, &expected.collect()));
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
    stamps.extend(refit::stamps(entity, &sending.change.stamps));
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

/// Returns what the server has of a record that was just made, as far as it was asked for.
fn made(sending: &Sending, echo: &ServerRecord) -> Option<ServerRecord> {
    let ChangeAction::Create(fields) = &sending.change.action else {
        return None;
    };
    Some(ServerRecord {
        record: Record {
            entity: sending.change.entity.clone(),
            id: sending.change.record.clone(),
            revision: echo.record.revision.clone(),
            fields: fields.clone(),
        },
        stamps: sending.change.stamps.clone(),
    })
}

#[cfg(test)]
mod tests;
