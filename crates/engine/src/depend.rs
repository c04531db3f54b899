//! Which operations must be applied before which others.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{EntityName, Operation, OperationId, OperationKind, OperationState, RecordId, Value};
use driftless_store::{JournalReader, OperationSelection, RecordStore, StoreError};

use crate::ground::{Key, key};

/// Returns the operations on other records that a new operation needs: the creates of records that it refers to, and,
/// for a delete, everything pending on records that refer to the deleted one.
pub(crate) fn needs(
    store: &dyn RecordStore,
    record: &Key,
    kind: &OperationKind,
) -> Result<BTreeSet<OperationId>, StoreError> {
    match kind {
        OperationKind::Create(edits) | OperationKind::Update(edits) => {
            let mut needs = BTreeSet::new();
            for target in edits.values().filter_map(|edit| lookup(&edit.new)) {
                if target != (&record.0, &record.1) {
                    let of_target = OperationSelection::PendingOf(target.0.clone(), target.1.clone());
                    needs.extend(create_of(&store.operations(&of_target)?, target));
                }
            }
            Ok(needs)
        }
        OperationKind::Delete { .. } => {
            let pending = JournalReader::operations(store, &OperationSelection::Pending(usize::MAX))?;
            let children = pending
                .iter()
                .filter(|other| key(other) != *record && refers(other, record));
            Ok(children.map(|child| child.id).collect())
        }
    }
}

/// Returns the pending create of the record that a value refers to.
pub(crate) fn pending_create(pending: &[Operation], value: &Value) -> Option<OperationId> {
    create_of(pending, lookup(value)?)
}

fn create_of(pending: &[Operation], (entity, id): (&EntityName, &RecordId)) -> Option<OperationId> {
    let makes =
        |o: &&Operation| o.entity == *entity && o.record == *id && matches!(o.kind, OperationKind::Create(_));
    pending.iter().find(makes).map(|operation| operation.id)
}

fn lookup(value: &Value) -> Option<(&EntityName, &RecordId)> {
    match value {
        Value::Lookup(to) => Some((&to.entity, &to.id)),
        _ => None,
    }
}

/// Returns whether an operation's record refers, or referred, to another record.
fn refers(operation: &Operation, record: &Key) -> bool {
    let points = |value: &Value| lookup(value) == Some((&record.0, &record.1));
    match &operation.kind {
        OperationKind::Create(edits) | OperationKind::Update(edits) => {
            edits.values().any(|edit| points(&edit.old) || points(&edit.new))
        }
        OperationKind::Delete { seen, .. } => seen.values().any(points),
    }
}

/// The pending operations by id, and those that wait for each.
pub(crate) struct Graph<'a> {
    by_id: BTreeMap<OperationId, &'a Operation>,
    by_record: BTreeMap<(&'a EntityName, &'a RecordId), Vec<&'a Operation>>,
}

impl<'a> Graph<'a> {
    /// Builds the graph of pending operations, given in sequence.
    pub(crate) fn new(pending: &'a [Operation]) -> Self {
        let mut by_record: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for operation in pending {
            by_record
                .entry((&operation.entity, &operation.record))
                .or_default()
                .push(operation);
        }
        Self {
            by_id: pending
                .iter()
                .map(|operation| (operation.id, operation))
                .collect(),
            by_record,
        }
    }

    /// Returns the operations that must come right before another one and are still pending.
    fn before(&self, operation: &'a Operation) -> Vec<&'a Operation> {
        let of_record = self
            .by_record
            .get(&(&operation.entity, &operation.record))
            .map_or(&[][..], Vec::as_slice);
        let earlier = of_record
            .iter()
            .rev()
            .find(|other| other.sequence < operation.sequence)
            .copied();
        let needed = operation
            .needs
            .iter()
            .filter_map(|id| self.by_id.get(id).copied());
        needed.chain(earlier).collect()
    }

    /// Returns the parked or unknown operations that an operation waits for, directly or through others.
    pub(crate) fn blocked_by(&self, operation: &'a Operation) -> Vec<OperationId> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = self.before(operation);
        while let Some(next) = open.pop() {
            if !seen.insert(next.id) {
                continue;
            }
            match next.state {
                OperationState::Conflict(_) | OperationState::Refused(_) | OperationState::Unknown(_) => {
                    found.insert(next.id);
                }
                OperationState::Queued
                | OperationState::InFlight(_)
                | OperationState::Waiting(_)
                | OperationState::Applied(_)
                | OperationState::Superseded
                | OperationState::Reverted => open.extend(self.before(next)),
            }
        }
        found.into_iter().collect()
    }

    /// Returns the operations that cannot be carried out without a given one, itself first, in sequence: those that
    /// need it and, if it creates the record, all later ones of the record.
    pub(crate) fn up_set(&self, start: OperationId) -> Vec<&'a Operation> {
        let mut found: BTreeMap<u64, &'a Operation> = BTreeMap::new();
        let mut open: Vec<OperationId> = vec![start];
        while let Some(id) = open.pop() {
            let Some(operation) = self.by_id.get(&id).copied() else {
                continue;
            };
            if found.insert(operation.sequence, operation).is_some() {
                continue;
            }
            open.extend(
                self.by_id
                    .values()
                    .filter(|other| other.needs.contains(&id))
                    .map(|other| other.id),
            );
            if matches!(operation.kind, OperationKind::Create(_)) {
                let of_record = self.by_record.get(&(&operation.entity, &operation.record));
                let later = of_record
                    .into_iter()
                    .flatten()
                    .filter(|other| other.sequence > operation.sequence);
                open.extend(later.map(|other| other.id));
            }
        }
        found.into_values().collect()
    }
}
