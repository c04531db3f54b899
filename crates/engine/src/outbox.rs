//! The outbox as people see it, and the outcome of one operation.

use std::collections::BTreeSet;

use driftless_record::{Applied, LogId, Operation, OperationId, OperationState};
use driftless_store::{LogSelection, OperationSelection, RecordStore, StoreError};

use crate::EngineError;
use crate::depend::Graph;
use crate::fold;
use crate::ground::Ground;
use crate::parts;

/// A pending operation with what a person wants to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxItem {
    /// The operation.
    pub operation: Operation,
    /// The record's display name.
    pub title: String,
    /// Operations that it waits for: parked or unknown ones that it needs, directly or through others.
    pub blocked_by: Vec<OperationId>,
    /// Why it is not simply sent with the next synchronization, in a sentence for people; `None` if it is.
    pub reason: Option<String>,
}

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Not decided yet.
    Pending,
    /// On the server.
    Applied(Applied),
    /// Gave way to the server's values.
    Superseded,
    /// Taken back.
    Reverted,
    /// Waits for a person; may change. Names the log entry.
    Parked(LogId),
}

/// Reads the outbox, in sequence.
pub(crate) fn outbox(store: &dyn RecordStore) -> Result<Vec<OutboxItem>, StoreError> {
    let ground = Ground::read(store)?;
    let mut blocked = Graph::new(&ground.pending).blocked_by();
    let mut items = Vec::with_capacity(ground.pending.len());
    for operation in &ground.pending {
        let fields = match (&operation.kind, store.get(&operation.entity, &operation.record)) {
            (driftless_record::OperationKind::Delete { seen, .. }, _) => seen.clone(),
            (_, Ok(record)) => record.map(|record| record.fields).unwrap_or_default(),
            (_, Err(_)) => driftless_record::Fields::new(),
        };
        let title = match ground.schema.entity(operation.entity.as_str()) {
            Some(entity) => fold::title(entity, &operation.record, &fields),
            None => operation.record.to_string(),
        };
        let blocked_by: Vec<_> = blocked.remove(&operation.id).into_iter().flatten().collect();
        items.push(OutboxItem {
            reason: reason(store, operation, &blocked_by)?,
            operation: operation.clone(),
            title,
            blocked_by,
        });
    }
    Ok(items)
}

fn reason(
    store: &dyn RecordStore,
    operation: &Operation,
    blocked_by: &[OperationId],
) -> Result<Option<String>, StoreError> {
    Ok(match &operation.state {
        OperationState::Conflict(log) | OperationState::Refused(log) => {
            let entry = store.log(&LogSelection::One(*log))?.pop();
            entry.map(|entry| entry.reason)
        }
        OperationState::Waiting(_) => Some(format!(
            "the server could not take it yet, at try {}; it is tried again later",
            operation.rebased
        )),
        OperationState::Unknown(_) if operation.rebased > 1 => Some(
            "it was sent, and what became of it is asked for with growing pauses, as no answer has told it yet"
                .to_owned(),
        ),
        OperationState::InFlight(_) | OperationState::Unknown(_) => {
            Some("it was sent, and what became of it is asked for first".to_owned())
        }
        OperationState::Queued => blocked_by
            .first()
            .map(|other| format!("operation {other} has to be on the server before")),
        OperationState::Applied(_) | OperationState::Superseded | OperationState::Reverted => None,
    })
}

/// Reads what became of an operation, as far as the device knows, with what was split off it.
pub(crate) fn outcome(store: &dyn RecordStore, id: OperationId) -> Result<Outcome, EngineError> {
    with_parts(store, id, &mut BTreeSet::new())
}

/// Parts of parts are followed to the last, each operation once.
fn with_parts(
    store: &dyn RecordStore,
    id: OperationId,
    seen: &mut BTreeSet<OperationId>,
) -> Result<Outcome, EngineError> {
    let own = of_one(store, id)?;
    let mut parts = Vec::new();
    for part in parts::of(store, id)? {
        if !seen.insert(part) {
            continue;
        }
        parts.push(match own {
            // It had nothing else, so what was added to its part since says nothing of it.
            Outcome::Superseded => last_part(store, part, seen)?,
            _ => with_parts(store, part, seen)?,
        });
    }
    Ok(parts::together(own, &parts))
}

/// Returns what became of what was split off last, of the part of a part and so on.
fn last_part(
    store: &dyn RecordStore,
    mut id: OperationId,
    seen: &mut BTreeSet<OperationId>,
) -> Result<Outcome, EngineError> {
    while let Some(part) = parts::of(store, id)?.last().copied() {
        if !seen.insert(part) {
            break;
        }
        id = part;
    }
    of_one(store, id)
}

fn of_one(store: &dyn RecordStore, id: OperationId) -> Result<Outcome, EngineError> {
    let operation = store
        .operations(&OperationSelection::One(id))?
        .pop()
        .ok_or(EngineError::NoOperation(id))?;
    Ok(match operation.state {
        OperationState::Queued
        | OperationState::InFlight(_)
        | OperationState::Unknown(_)
        | OperationState::Waiting(_) => Outcome::Pending,
        OperationState::Conflict(log) | OperationState::Refused(log) => Outcome::Parked(log),
        OperationState::Applied(how) => Outcome::Applied(how),
        OperationState::Superseded => Outcome::Superseded,
        OperationState::Reverted => Outcome::Reverted,
    })
}
