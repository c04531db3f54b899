//! Decisions on log entries, carried out in one commit.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{
    FieldName, Fields, LogEntry, LogId, LogKind, Operation, OperationId, OperationKind, RecordId, Side,
};
use driftless_store::{LogSelection, RecordStore, Retry, Write};

use super::desk::Desk;
use super::link;
use super::pick::{is_all_theirs, picked};
use super::undo::{entries_left_empty, take_back};
use crate::depend::Graph;
use crate::ground::{Ground, Key, key};
use crate::host::{Account, Host};
use crate::journal::{self, gone_on, settle_entry};
use crate::{EngineError, NotPossible, alias};

/// What a person decides about a log entry that waits for him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// My values, on top of the server's latest data.
    Mine,
    /// The server's values; what I changed elsewhere in the record is still sent.
    Theirs,
    /// A side for each field; those that the rules have decided may be left out.
    Pick(BTreeMap<FieldName, Side>),
    /// These values.
    Set(Fields),
    /// The same again without these fields, whose values stay in the entry.
    Without(BTreeSet<FieldName>),
    /// The record that I made is this one, which the server has: what refers to mine refers to it from now on, mine
    /// ends, and those of my values that it has not stay in the entry.
    Link(RecordId),
    /// Every pending change of the record is taken back, and of those that need it.
    Revert,
    /// The same again.
    Retry,
    /// This change is taken back, and those that need it.
    Discard,
}

impl Decision {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::Theirs => "theirs",
            Self::Pick(_) => "pick",
            Self::Set(_) => "set",
            Self::Without(_) => "without",
            Self::Link(_) => "link",
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
    /// Operations on other records that refer to another record from now on, in sequence.
    pub redirected: Vec<OperationId>,
    /// Other operations that wait behind these, in sequence: they can go on once nothing else holds them.
    pub behind: Vec<OperationId>,
}

/// Says what a decision would touch.
pub(crate) fn plan(
    store: &dyn RecordStore,
    host: &Host,
    account: &Account,
    log: LogId,
    decision: &Decision,
) -> Result<Touched, EngineError> {
    let ground = Ground::read(store)?;
    Ok(work_out(store, &ground, (host, account), log, decision)?.0)
}

/// Carries a decision out in one commit.
pub(crate) fn decide(
    store: &dyn RecordStore,
    host: &Host,
    account: &Account,
    log: LogId,
    decision: &Decision,
) -> Result<Touched, EngineError> {
    loop {
        let mut ground = Ground::read(store)?;
        let entry = one(store, log)?;
        let (touched, mut writes) = work_out(store, &ground, (host, account), log, decision)?;
        let mut settled = entries_left_empty(&ground, &touched);
        settled.remove(&log);
        for log in settled {
            writes.extend(settle_entry(store, host, log, decision.word())?);
        }
        let entry = match decision {
            Decision::Pick(picks) => {
                let entry = picked(&entry, picks)?;
                if is_all_theirs(&entry) {
                    entry
                } else {
                    gone_on(entry)
                }
            }
            Decision::Without(fields) => keeping(gone_on(entry), &ground, fields),
            Decision::Link(other) => link::keeping(store, &ground, gone_on(entry), other)?,
            Decision::Mine | Decision::Retry => gone_on(entry),
            Decision::Set(fields) => replacing(entry, fields),
            Decision::Theirs => giving_up(entry, &ground),
            Decision::Revert | Decision::Discard => entry,
        };
        writes.push(journal::settled(entry, host.clock.now(), decision.word()));
        match ground.commit(store, writes) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|()| touched).map_err(Into::into),
        }
    }
}

/// Returns an entry that keeps the changes that end with a delete which gives way: it shows the server's record alone.
fn giving_up(mut entry: LogEntry, ground: &Ground) -> LogEntry {
    let parked = ground
        .pending
        .iter()
        .filter(|o| o.state.parked() == Some(entry.id));
    let parked: Vec<Operation> = parked.cloned().collect();
    let deletes = |operation: &Operation| matches!(operation.kind, OperationKind::Delete { .. });
    if entry.kind == LogKind::Conflict && parked.iter().any(deletes) && parked.len() > 1 {
        entry.kept = journal::values(&parked);
    }
    entry
}

/// Returns an entry that keeps the values that others take the place of.
fn replacing(mut entry: LogEntry, fields: &Fields) -> LogEntry {
    if entry.kind != LogKind::Conflict {
        entry.kept.retain(|field, _| fields.contains_key(field));
    }
    entry
}

/// Returns an entry that keeps the values of fields that are left out of what it parked.
fn keeping(mut entry: LogEntry, ground: &Ground, fields: &BTreeSet<FieldName>) -> LogEntry {
    let parked = ground
        .pending
        .iter()
        .filter(|operation| operation.state.parked() == Some(entry.id));
    let edits = parked.filter_map(|operation| operation.kind.edits()).flatten();
    let left_out = edits.filter(|(field, _)| fields.contains(*field));
    entry
        .kept
        .extend(left_out.map(|(field, edit)| (field.clone(), edit.new.clone())));
    entry
}

fn one(store: &dyn RecordStore, log: LogId) -> Result<LogEntry, EngineError> {
    let found = store.log(&LogSelection::One(log))?.pop();
    found.ok_or(EngineError::NoLogEntry(log))
}

/// Returns what a decision touches, and the writes that carry it out.
fn work_out(
    store: &dyn RecordStore,
    ground: &Ground,
    (host, account): (&Host, &Account),
    log: LogId,
    decision: &Decision,
) -> Result<(Touched, Vec<Write>), EngineError> {
    let mut entry = one(store, log)?;
    if let Some((entity, id)) = &mut entry.record
        && let Some(now) = alias::now(store, entity, id)?
    {
        *id = now;
    }
    if !entry.is_open() {
        return Err(NotPossible::Settled(log).into());
    }
    if let Decision::Pick(picks) = decision {
        entry = picked(&entry, picks)?;
    }
    let desk = || Desk::new(ground, host, account, &entry);
    let desk = match decision {
        Decision::Mine => desk()?.mine()?,
        Decision::Theirs => desk()?.theirs()?,
        Decision::Pick(_) if is_all_theirs(&entry) => desk()?.theirs()?,
        Decision::Pick(_) => desk()?.mine()?,
        Decision::Set(fields) => desk()?.set(fields)?,
        Decision::Without(fields) => desk()?.without(fields)?,
        Decision::Link(other) => return link::work_out(store, &desk()?, other, host.clock.now()),
        Decision::Retry => desk()?.retry(),
        Decision::Discard => return end(ground, log, |o| o.state.parked() == Some(log)),
        Decision::Revert => return end(ground, log, |o| entry.record == Some(key(o))),
    };
    Ok((with_those_behind(ground, desk.touched), desk.writes))
}

/// Returns what is touched with the operations that wait behind it.
pub(super) fn with_those_behind(ground: &Ground, mut touched: Touched) -> Touched {
    let blocked = Graph::new(&ground.pending).blocked_by();
    let ids = touched.ended.iter().map(|(id, _)| *id);
    let ids: BTreeSet<OperationId> = ids.chain(touched.queued.iter().copied()).collect();
    let waits = |operation: &&Operation| {
        let by = blocked.get(&operation.id);
        !ids.contains(&operation.id) && by.is_some_and(|by| !by.is_disjoint(&ids))
    };
    let behind = ground.pending.iter().filter(waits);
    touched.behind = behind.map(|operation| operation.id).collect();
    touched
}

/// Takes back what an entry names.
fn end(
    ground: &Ground,
    log: LogId,
    named: impl Fn(&Operation) -> bool,
) -> Result<(Touched, Vec<Write>), EngineError> {
    let pending = ground.pending.iter().filter(|operation| named(operation));
    let ended: Vec<OperationId> = pending.map(|operation| operation.id).collect();
    if ended.is_empty() {
        return Err(NotPossible::NothingLeft(log).into());
    }
    let (touched, writes) = take_back(ground, &ended)?;
    Ok((with_those_behind(ground, touched), writes))
}
