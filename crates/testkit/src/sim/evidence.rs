//! Every operation that a person was told of is still there, and none ends without a reason (I1, I5, I11).

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{
    FieldEdit, FieldName, Fields, LogEntry, LogId, Operation, OperationId, OperationKind, OperationState,
    Value,
};
use driftless_store::{LogSelection, OperationSelection};

use super::device::Device;
use super::oracle::Oracle;
use super::order::Order;
use super::run::Violation;
use super::schema::{meant, says_the_same};

/// More answers than this never bring an operation no further without a person being asked.
const MAX_TRIES: u32 = 30;

/// Checks the operations of a device.
pub(super) fn check(
    device: &mut Device,
    oracle: &Oracle,
    order: &mut Order,
    now: i64,
) -> Result<(), Violation> {
    let operations = device.store.operations(&OperationSelection::Latest(1_000_000))?;
    order.look(device.number, &device.clock, &operations, now);
    let log = device.store.log(&LogSelection::Latest(1_000_000))?;
    let by_id: BTreeMap<OperationId, &Operation> = operations.iter().map(|o| (o.id, o)).collect();
    for (id, record) in &device.acknowledged {
        let is_there = match by_id.get(id) {
            Some(operation) if operation.record == *record => true,
            // The server may have given the record another id since: the old one leads there then.
            Some(operation) => {
                let alias = format!("alias/{}/{record}", operation.entity);
                device.store.note(&alias)?.is_some()
            }
            None => false,
        };
        if !is_there {
            let text = format!("device {}: the saved operation {id} is gone", device.number);
            return Err(Violation::new("I1", text));
        }
    }
    entries_have_parked(device, &operations, &log)?;
    let told: BTreeSet<OperationId> = log.iter().flat_map(|entry| &entry.operations).copied().collect();
    for operation in &operations {
        ends_with_reason(device, operation, &operations, (&told, oracle))?;
        parked_has_entry(device, operation, &log)?;
        if operation.rebased > MAX_TRIES {
            let text = format!(
                "operation {} was tried {} times in vain",
                operation.id, operation.rebased
            );
            return Err(Violation::new("I11", text));
        }
        let before = device.ended.get(&operation.id).copied();
        let word = operation.state.word();
        if before.is_some_and(|before| before != word) {
            let text = format!("operation {} had ended and is {word} now", operation.id);
            return Err(Violation::new("I5", text));
        }
        if operation.state.is_final() {
            device.ended.insert(operation.id, word);
        }
    }
    Ok(())
}

fn parked_has_entry(device: &Device, operation: &Operation, log: &[LogEntry]) -> Result<(), Violation> {
    let Some(parked) = operation.state.parked() else {
        return Ok(());
    };
    let open = |entry: &LogEntry| entry.id == parked && entry.is_open();
    if log.iter().any(open) {
        return Ok(());
    }
    let text = format!(
        "device {}: operation {} is parked, and no open entry of the log says so",
        device.number, operation.id
    );
    Err(Violation::new("I5", text))
}

/// Checks that what waits for a person is there to be decided.
fn entries_have_parked(device: &Device, operations: &[Operation], log: &[LogEntry]) -> Result<(), Violation> {
    let parked: BTreeSet<LogId> = operations.iter().filter_map(|o| o.state.parked()).collect();
    let asks = |entry: &&LogEntry| entry.is_open() && !parked.contains(&entry.id);
    let Some(entry) = log.iter().find(asks) else {
        return Ok(());
    };
    let text = format!(
        "device {}: what entry {} asks about is gone",
        device.number, entry.id
    );
    Err(Violation::new("I5", text))
}

fn ends_with_reason(
    device: &Device,
    operation: &Operation,
    all: &[Operation],
    (told, oracle): (&BTreeSet<OperationId>, &Oracle),
) -> Result<(), Violation> {
    if device.ended.contains_key(&operation.id) {
        return Ok(());
    }
    let by_person = device.decided.contains(&operation.id);
    let in_log = told.contains(&operation.id);
    // What the same person did to the record afterwards, and what has ended too.
    let later: Vec<&OperationKind> = all
        .iter()
        .filter(|other| other.entity == operation.entity && other.record == operation.record)
        .filter(|other| other.sequence > operation.sequence && other.state.is_final())
        .map(|other| &other.kind)
        .collect();
    let deleted = matches!(operation.kind, OperationKind::Delete { .. })
        || later
            .iter()
            .any(|kind| matches!(kind, OperationKind::Delete { .. }));
    let has_reason = match operation.state {
        OperationState::Applied(_) => {
            oracle.had_effect(cause(operation)) || in_log || is_there(operation, (all, &later), oracle)
        }
        OperationState::Superseded => by_person || in_log || deleted,
        OperationState::Reverted => by_person,
        _ => true,
    };
    if has_reason {
        return Ok(());
    }
    let text = format!(
        "device {}: operation {} ended as {} without a reason",
        device.number,
        operation.id,
        operation.state.word()
    );
    Err(Violation::new("I5", text))
}

/// Returns the operation that has the effect: for what a command makes, the one that runs it.
fn cause(operation: &Operation) -> OperationId {
    match operation.kind {
        OperationKind::Awaited { by, .. } => by,
        OperationKind::Create(_)
        | OperationKind::Update(_)
        | OperationKind::Delete { .. }
        | OperationKind::Command { .. } => operation.id,
    }
}

/// Returns whether the server had once what an operation asks for, without it, but for what its author has changed
/// again since.
fn is_there(operation: &Operation, (all, later): (&[Operation], &[&OperationKind]), oracle: &Oracle) -> bool {
    let key = (operation.entity.clone(), operation.record.clone());
    let Some(edits) = operation.kind.edits() else {
        return oracle.was_unseen(&key) || oracle.was(&key, |state| state.is_none());
    };
    let overtaken = |field: &FieldName| {
        let sets = |edits: &BTreeMap<FieldName, _>| edits.keys().any(|name| meant(name) == meant(field));
        later.iter().any(|kind| kind.edits().is_none_or(sets))
    };
    // What an earlier operation had brought to the server already, whatever the server made of it.
    let brought = |(field, edit): (&FieldName, &FieldEdit)| {
        let mut earlier = all.iter().filter(|other| {
            (&other.entity, &other.record) == (&operation.entity, &operation.record)
                && other.sequence < operation.sequence
        });
        earlier.any(|other| {
            let edits = other.kind.edits();
            let same = |edits: &BTreeMap<FieldName, FieldEdit>| {
                edits
                    .iter()
                    .any(|(name, other)| meant(name) == meant(field) && other.new == edit.new)
            };
            oracle.had_effect(cause(other)) && edits.is_some_and(same)
        })
    };
    let left: Vec<_> = edits
        .iter()
        .filter(|(field, edit)| !overtaken(field) && !brought((field, edit)))
        .collect();
    left.is_empty()
        || oracle.was(&key, |state| {
            let is_there = |fields: &Fields, (field, edit): &(&FieldName, &FieldEdit)| {
                let found = fields.iter().find(|(name, _)| meant(name) == meant(field));
                says_the_same(found.map_or(&Value::Null, |(_, value)| value), &edit.new)
            };
            state.is_some_and(|fields| left.iter().all(|edit| is_there(fields, edit)))
        })
}
