//! Lanes: more urgent operations go first, with what they need. The order on a record stays as it is.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use driftless_record::{Operation, OperationId, Urgency};

use crate::depend::Needs;
use crate::ground::{Key, key};

/// Sorts the first operations of records, given as places among the pending ones in sequence, by how urgent it is that
/// they go: as urgent as the most urgent operation that has to wait for them.
pub(super) fn sort(firsts: &mut [usize], pending: &[Operation], needs: &Needs) {
    if pending
        .iter()
        .all(|operation| operation.handling.urgency == Urgency::Normal)
    {
        return;
    }
    let urgent = spread(pending, needs);
    firsts.sort_by_key(|first| {
        let operation = &pending[*first];
        (Reverse(urgent.get(&operation.id).copied()), operation.sequence)
    });
}

/// Works out how urgent every operation is, with what waits for it: what comes later on its record, and what needs it.
fn spread(pending: &[Operation], needs: &Needs) -> BTreeMap<OperationId, Urgency> {
    let mut previous: BTreeMap<OperationId, OperationId> = BTreeMap::new();
    let mut last: BTreeMap<Key, OperationId> = BTreeMap::new();
    for operation in pending {
        if let Some(before) = last.insert(key(operation), operation.id) {
            previous.insert(operation.id, before);
        }
    }
    let mut urgent: BTreeMap<OperationId, Urgency> = pending
        .iter()
        .map(|operation| (operation.id, operation.handling.urgency))
        .collect();
    let mut open: Vec<OperationId> = pending.iter().map(|operation| operation.id).collect();
    while let Some(next) = open.pop() {
        let Some(at_least) = urgent.get(&next).copied() else {
            continue;
        };
        for before in needs.of(next).chain(previous.get(&next).copied()) {
            if let Some(known) = urgent.get_mut(&before).filter(|known| **known < at_least) {
                *known = at_least;
                open.push(before);
            }
        }
    }
    urgent
}
