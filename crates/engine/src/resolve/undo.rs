//! Taking operations back, with all that need them.

use std::collections::BTreeSet;

use driftless_record::{Fields, LogId, Operation, OperationId, OperationKind, OperationState};
use driftless_store::{RecordStore, Retry, StoreError, Write};

use super::Touched;
use super::decision::with_those_behind;
use crate::depend::Graph;
use crate::fold::settle_in;
use crate::ground::{Ground, Key, key};
use crate::host::Host;
use crate::journal::settle_entry;
use crate::{EngineError, NotPossible};

/// Says which operations an undo would take back.
pub(crate) fn plan_undo(store: &dyn RecordStore, operation: OperationId) -> Result<Touched, EngineError> {
    Ok(work_out(store, &Ground::read(store)?, operation)?.0)
}

/// Takes back one operation and those that need it.
pub(crate) fn undo(
    store: &dyn RecordStore,
    host: &Host,
    operation: OperationId,
) -> Result<Touched, EngineError> {
    loop {
        let mut ground = Ground::read(store)?;
        let (touched, mut writes) = work_out(store, &ground, operation)?;
        for log in entries_left_empty(&ground, &touched) {
            writes.extend(settle_entry(store, host, log, "discard")?);
        }
        match ground.commit(store, writes) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|()| touched).map_err(Into::into),
        }
    }
}

fn work_out(
    store: &dyn RecordStore,
    ground: &Ground,
    operation: OperationId,
) -> Result<(Touched, Vec<Write>), EngineError> {
    if ground.operation(operation).is_none() {
        return Err(not_pending(store, operation)?);
    }
    let (touched, writes) = take_back(ground, &[operation])?;
    Ok((with_those_behind(ground, touched), writes))
}

/// Returns the log entries that have parked nothing any more once the operations have ended.
pub(super) fn entries_left_empty(ground: &Ground, touched: &Touched) -> BTreeSet<LogId> {
    let ends = |operation: &Operation| touched.ended.iter().any(|(id, _)| *id == operation.id);
    let parked = |ended: bool| {
        let some = ground
            .pending
            .iter()
            .filter(move |operation| ends(operation) == ended);
        some.filter_map(|operation| operation.state.parked())
            .collect::<BTreeSet<_>>()
    };
    &parked(true) - &parked(false)
}

fn not_pending(store: &dyn RecordStore, id: OperationId) -> Result<EngineError, StoreError> {
    let known = store
        .operations(&driftless_store::OperationSelection::One(id))?
        .pop();
    Ok(match known {
        Some(o) => {
            let state = o.state.word();
            NotPossible::Ended { operation: id, state }.into()
        }
        None => EngineError::NoOperation(id),
    })
}

/// Makes the writes that take operations back, with all that need them; views and bases of what stays are mended.
pub(super) fn take_back(ground: &Ground, ids: &[OperationId]) -> Result<(Touched, Vec<Write>), EngineError> {
    let graph = Graph::new(&ground.pending);
    // What a command is expected to make is there with the command or not at all.
    let begun_by = |id: &OperationId| match ground.operation(*id).map(|operation| &operation.kind) {
        Some(OperationKind::Awaited { by, .. }) => *by,
        _ => *id,
    };
    let mut ended: Vec<&Operation> = Vec::new();
    let mut open: Vec<OperationId> = ids.iter().map(begun_by).collect();
    while let Some(next) = open.pop() {
        for operation in graph.up_set(next) {
            if ended.iter().any(|known| known.id == operation.id) {
                continue;
            }
            ended.push(operation);
            // A group happens whole or not at all.
            let of_group = |other: &&Operation| {
                operation.handling.group.is_some() && other.handling.group == operation.handling.group
            };
            open.extend(
                ground
                    .pending
                    .iter()
                    .filter(of_group)
                    .map(|other| begun_by(&other.id)),
            );
        }
    }
    ended.sort_by_key(|operation| operation.sequence);
    if let Some(away) = ended.iter().find(|o| o.state.sending().is_some()) {
        return Err(NotPossible::MaybeSent(away.id).into());
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
        let Some(image) = ground.images.get(&record) else {
            continue;
        };
        let left = left_over(&ground.pending_of(&record), &ended);
        writes.extend(
            left.iter()
                .cloned()
                .map(|operation| Write::PutOperation(Box::new(operation))),
        );
        settle_in(&ground.schema, image.clone(), &left, &mut writes);
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
            for (field, edit) in operation.kind.edits().into_iter().flatten() {
                rests_on.entry(field.clone()).or_insert_with(|| edit.old.clone());
            }
            continue;
        }
        let mut operation = operation.clone();
        for (field, edit) in operation.kind.edits_mut().into_iter().flatten() {
            if let Some(old) = rests_on.remove(field) {
                edit.old = old;
            }
        }
        if let OperationKind::Delete { seen, .. } = &mut operation.kind {
            seen.extend(std::mem::take(&mut rests_on));
        }
        left.push(operation);
    }
    left
}
