//! Which operations must be applied before which others.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use driftless_record::{
    EntityName, GroupId, Operation, OperationId, OperationKind, OperationState, RecordId, Schema, Value,
};
use driftless_store::{OperationSelection, RecordStore, StoreError};

use crate::ground::{Ground, Key, key};

/// Returns the operations on other records that a new operation cannot be without: those with which records begin that
/// it refers to, also by its key or by what a command is given. What a delete has to wait for is worked out from what is pending when it is to go, see
/// [`Needs`].
pub(crate) fn needs(
    store: &dyn RecordStore,
    schema: &Schema,
    record: &Key,
    kind: &OperationKind,
) -> Result<BTreeSet<OperationId>, StoreError> {
    let by_key = match kind {
        OperationKind::Create(_) => key_targets(schema, record),
        OperationKind::Update(_)
        | OperationKind::Delete { .. }
        | OperationKind::Command { .. }
        | OperationKind::Awaited { .. } => Vec::new(),
    };
    let by_parameter = match kind {
        OperationKind::Command { call, .. } => Some(call.parameters.values().filter_map(lookup)),
        OperationKind::Create(_)
        | OperationKind::Update(_)
        | OperationKind::Delete { .. }
        | OperationKind::Awaited { .. } => None,
    };
    let by_field = kind.edits().into_iter().flat_map(BTreeMap::values);
    let by_field = by_field.filter_map(|edit| lookup(&edit.new));
    let by_key = by_key.iter().map(|(entity, id)| (entity, id));
    let mut needs = BTreeSet::new();
    for target in by_field.chain(by_key).chain(by_parameter.into_iter().flatten()) {
        if target != (&record.0, &record.1) {
            let of_target = OperationSelection::PendingOf(target.0.clone(), target.1.clone());
            needs.extend(create_of(&store.operations(&of_target)?, target));
        }
    }
    Ok(needs)
}

/// Returns the records that the key of a record names.
pub(crate) fn key_targets(schema: &Schema, (entity, id): &Key) -> Vec<Key> {
    let Some(entity) = schema.entity(entity.as_str()) else {
        return Vec::new();
    };
    let Ok(values) = id.key_values(entity) else {
        return Vec::new();
    };
    let named = entity.key.iter().zip(&values);
    named
        .flat_map(|(field, value)| {
            let targets = entity.key_targets.get(field).into_iter().flatten();
            targets.filter_map(move |target| {
                let target = schema.entity(target.as_str())?;
                let key = std::slice::from_ref(value);
                let id = (target.key.len() == 1).then(|| RecordId::from_key(target, key).ok())??;
                Some((target.name.clone(), id))
            })
        })
        .collect()
}

/// Returns the pending creates of the records that the key of a new record names.
pub(crate) fn pending_key_targets(ground: &Ground, operation: &Operation) -> BTreeSet<OperationId> {
    if !operation.kind.is_create() {
        return BTreeSet::new();
    }
    let named = key_targets(&ground.schema, &key(operation));
    let creates = named
        .iter()
        .map(|(entity, id)| create_of(&ground.pending, (entity, id)));
    creates.flatten().collect()
}

/// Returns the pending create of the record that a value refers to.
pub(crate) fn pending_create(pending: &[Operation], value: &Value) -> Option<OperationId> {
    create_of(pending, lookup(value)?)
}

fn create_of(pending: &[Operation], (entity, id): Target<'_>) -> Option<OperationId> {
    let makes = |o: &&Operation| o.entity == *entity && o.record == *id && o.kind.begins_record();
    // The last one: a record may be deleted and made again.
    pending.iter().rev().find(makes).map(|operation| operation.id)
}

/// A record that something refers to.
pub(crate) type Target<'a> = (&'a EntityName, &'a RecordId);

/// Returns the record that a value refers to.
pub(crate) fn lookup(value: &Value) -> Option<Target<'_>> {
    match value {
        Value::Lookup(to) => Some((&to.entity, &to.id)),
        _ => None,
    }
}

fn target(operation: &Operation) -> Target<'_> {
    (&operation.entity, &operation.record)
}

/// The records that an operation's record refers, or referred, to, each with whether the operation ends that.
fn references(operation: &Operation) -> BTreeMap<Target<'_>, bool> {
    let mut found = BTreeMap::new();
    match &operation.kind {
        OperationKind::Create(edits)
        | OperationKind::Update(edits)
        | OperationKind::Command { edits, .. }
        | OperationKind::Awaited { edits, .. } => {
            let old = edits.values().filter_map(|edit| lookup(&edit.old));
            found.extend(old.map(|target| (target, true)));
            let new = edits.values().filter_map(|edit| lookup(&edit.new));
            found.extend(new.map(|target| (target, false)));
        }
        OperationKind::Delete { seen, .. } => {
            found.extend(seen.values().filter_map(lookup).map(|target| (target, true)));
        }
    }
    found.remove(&target(operation));
    found
}

/// What pending operations need of each other across records: what was noted when they were made, the creates of
/// records that they named before these were made, and what a delete waits for (law L5): every pending create, move and
/// delete of a record that refers to the deleted one, made before the delete or, if it ends the reference, after it.
/// Where two records refer to each other, the earlier delete waits for nothing.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    of: BTreeMap<OperationId, BTreeSet<OperationId>>,
}

impl Needs {
    /// Works out the needs of pending operations, given in sequence.
    pub(crate) fn of_all(pending: &[Operation]) -> Self {
        let noted = pending.iter().filter(|operation| !operation.needs.is_empty());
        let mut needs = Self {
            of: noted
                .map(|operation| (operation.id, operation.needs.clone()))
                .collect(),
        };
        needs.of_later_creates(pending);
        let deletes: Vec<&Operation> = pending
            .iter()
            .filter(|operation| matches!(operation.kind, OperationKind::Delete { .. }))
            .collect();
        if deletes.is_empty() {
            return needs;
        }
        let mut children: HashMap<Target<'_>, Vec<(&Operation, bool)>> = deletes
            .iter()
            .map(|delete| (target(delete), Vec::new()))
            .collect();
        for operation in pending {
            for (to, ends) in references(operation) {
                if let Some(children) = children.get_mut(&to) {
                    children.push((operation, ends));
                }
            }
        }
        let order = Order::of(pending);
        // What was there first goes first; an edge that would close a circle is left out.
        for later in [false, true] {
            for delete in &deletes {
                for (child, ends) in children.get(&target(delete)).into_iter().flatten() {
                    let wanted = (child.sequence > delete.sequence) == later && (*ends || !later);
                    if wanted && !needs.leads(&order, child, delete.id) {
                        needs.of.entry(delete.id).or_default().insert(child.id);
                    }
                }
            }
        }
        needs
    }

    /// Adds what names a record that was made only afterwards: it waits for the create.
    fn of_later_creates(&mut self, pending: &[Operation]) {
        let mut first: HashMap<Target<'_>, &Operation> = HashMap::new();
        for operation in pending {
            first.entry(target(operation)).or_insert(operation);
        }
        first.retain(|_, operation| matches!(operation.kind, OperationKind::Create(_)));
        if first.is_empty() {
            return;
        }
        for operation in pending {
            for (to, ends) in references(operation) {
                let later = first
                    .get(&to)
                    .filter(|create| create.sequence > operation.sequence);
                if let Some(create) = later.filter(|_| !ends) {
                    self.of.entry(operation.id).or_default().insert(create.id);
                }
            }
        }
    }

    /// Returns what an operation needs on other records; some of it may be on the server by now.
    pub(crate) fn of(&self, operation: OperationId) -> impl Iterator<Item = OperationId> + '_ {
        self.of.get(&operation).into_iter().flatten().copied()
    }

    /// Returns every operation that another one needs.
    pub(crate) fn needed(&self) -> BTreeSet<OperationId> {
        self.of.values().flatten().copied().collect()
    }

    /// Returns every operation that one beside its own group needs: within a change set nothing comes between.
    pub(crate) fn needed_beyond_groups(&self, pending: &[Operation]) -> BTreeSet<OperationId> {
        let groups: HashMap<OperationId, GroupId> = pending
            .iter()
            .filter_map(|operation| Some((operation.id, operation.handling.group?)))
            .collect();
        let edges = self
            .of
            .iter()
            .flat_map(|(id, needs)| needs.iter().map(move |need| (id, need)));
        let apart = |(id, need): &(&OperationId, &OperationId)| {
            groups
                .get(*need)
                .is_none_or(|group| groups.get(*id) != Some(group))
        };
        edges.filter(apart).map(|(_, need)| *need).collect()
    }

    /// Returns whether an operation has to wait for another one, directly or through others.
    fn leads(&self, order: &Order<'_>, from: &Operation, to: OperationId) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from.id];
        while let Some(next) = open.pop() {
            if next == to {
                return true;
            }
            if seen.insert(next) {
                open.extend(self.of(next));
                open.extend(order.previous.get(&next).map(|operation| operation.id));
            }
        }
        false
    }
}

/// The order of operations on one record.
struct Order<'a> {
    /// By operation, the one before it on its record.
    previous: HashMap<OperationId, &'a Operation>,
}

impl<'a> Order<'a> {
    fn of(pending: &'a [Operation]) -> Self {
        let mut last: HashMap<Target<'_>, &Operation> = HashMap::new();
        let mut previous = HashMap::new();
        for operation in pending {
            if let Some(before) = last.insert(target(operation), operation) {
                previous.insert(operation.id, before);
            }
        }
        Self { previous }
    }
}

/// The pending operations by id, and what each waits for.
pub(crate) struct Graph<'a> {
    pending: &'a [Operation],
    by_id: HashMap<OperationId, &'a Operation>,
    order: Order<'a>,
    needs: Needs,
}

impl<'a> Graph<'a> {
    /// Builds the graph of pending operations, given in sequence.
    pub(crate) fn new(pending: &'a [Operation]) -> Self {
        Self {
            pending,
            by_id: pending
                .iter()
                .map(|operation| (operation.id, operation))
                .collect(),
            order: Order::of(pending),
            needs: Needs::of_all(pending),
        }
    }

    /// Returns the operations that must come right before another one and are still pending.
    fn before(&self, operation: OperationId) -> impl Iterator<Item = &'a Operation> + '_ {
        let needed = self.needs.of(operation);
        let needed = needed.filter_map(|id| self.by_id.get(&id).copied());
        needed.chain(self.order.previous.get(&operation).copied())
    }

    /// Returns the operations between one that names a record made only afterwards and itself, itself first, each
    /// followed by one that it waits for; `None` if it does not wait for itself through that record's create.
    pub(crate) fn circle(&self, operation: OperationId) -> Option<Vec<&'a Operation>> {
        let start = self.by_id.get(&operation).copied()?;
        let later = |other: &&Operation| other.sequence > start.sequence && target(other) != target(start);
        let mut came_from: BTreeMap<OperationId, OperationId> = BTreeMap::new();
        let mut open: Vec<OperationId> = self
            .before(operation)
            .filter(later)
            .map(|other| other.id)
            .collect();
        came_from.extend(open.iter().map(|first| (*first, operation)));
        while let Some(next) = open.pop() {
            for before in self.before(next) {
                if before.id == operation {
                    let mut around = vec![next];
                    while let Some(from) = came_from.get(around.last()?).filter(|from| **from != operation) {
                        around.push(*from);
                    }
                    around.push(operation);
                    around.reverse();
                    return Some(
                        around
                            .iter()
                            .filter_map(|id| self.by_id.get(id).copied())
                            .collect(),
                    );
                }
                if let Entry::Vacant(unseen) = came_from.entry(before.id) {
                    unseen.insert(next);
                    open.push(before.id);
                }
            }
        }
        None
    }

    /// Returns for every operation the parked or unknown ones that it waits for, directly or through others; none for
    /// those that wait for nothing.
    pub(crate) fn blocked_by(&self) -> BTreeMap<OperationId, BTreeSet<OperationId>> {
        let mut blocked: BTreeMap<OperationId, BTreeSet<OperationId>> = BTreeMap::new();
        let mut begun = BTreeSet::new();
        let mut done = BTreeSet::new();
        let mut open: Vec<OperationId> = self.pending.iter().rev().map(|operation| operation.id).collect();
        while let Some(next) = open.last().copied() {
            if begun.insert(next) {
                // Whatever comes before is worked out before.
                open.extend(self.before(next).map(|o| o.id).filter(|id| !begun.contains(id)));
                continue;
            }
            open.pop();
            if done.insert(next) {
                let mut by = BTreeSet::new();
                for before in self.before(next) {
                    if stands_still(before) {
                        by.insert(before.id);
                    } else {
                        by.extend(blocked.get(&before.id).into_iter().flatten());
                    }
                }
                if !by.is_empty() {
                    blocked.insert(next, by);
                }
            }
        }
        self.spread_over_groups(&mut blocked);
        blocked
    }

    /// Adds what the rest of their groups waits for, to operations of groups and to what waits for these: a group goes
    /// whole or not at all.
    fn spread_over_groups(&self, blocked: &mut BTreeMap<OperationId, BTreeSet<OperationId>>) {
        let mut groups: BTreeMap<GroupId, Vec<&Operation>> = BTreeMap::new();
        for operation in self.pending {
            if let Some(group) = operation.handling.group {
                groups.entry(group).or_default().push(operation);
            }
        }
        let mut changed = !groups.is_empty();
        while std::mem::take(&mut changed) {
            for operation in self.pending {
                let peers = operation.handling.group.and_then(|group| groups.get(&group));
                let peers = peers
                    .into_iter()
                    .flatten()
                    .filter(|other| other.id != operation.id);
                let mut by = blocked.get(&operation.id).cloned().unwrap_or_default();
                let known = by.len();
                for other in self.before(operation.id).chain(peers.copied()) {
                    if stands_still(other) {
                        by.insert(other.id);
                    } else {
                        by.extend(blocked.get(&other.id).into_iter().flatten());
                    }
                }
                by.remove(&operation.id);
                if by.len() > known {
                    blocked.insert(operation.id, by);
                    changed = true;
                }
            }
        }
    }

    /// Returns the operations that cannot be carried out without a given one, itself first, in sequence: those whose
    /// values refer to the record that it creates and, if it creates the record, all later ones of the record. What
    /// only has to wait for it can go without it.
    pub(crate) fn up_set(&self, start: OperationId) -> Vec<&'a Operation> {
        let mut without: HashMap<OperationId, Vec<&'a Operation>> = HashMap::new();
        let mut of_record: HashMap<Target<'a>, Vec<&'a Operation>> = HashMap::new();
        for operation in self.pending {
            of_record.entry(target(operation)).or_default().push(operation);
            if !matches!(operation.kind, OperationKind::Delete { .. }) {
                for need in self.needs.of(operation.id) {
                    without.entry(need).or_default().push(operation);
                }
            }
        }
        let mut found: BTreeMap<u64, &'a Operation> = BTreeMap::new();
        let mut open: Vec<&'a Operation> = self.by_id.get(&start).copied().into_iter().collect();
        while let Some(operation) = open.pop() {
            if found.insert(operation.sequence, operation).is_some() {
                continue;
            }
            open.extend(without.get(&operation.id).into_iter().flatten());
            if operation.kind.begins_record() {
                let all = of_record.get(&target(operation)).into_iter().flatten();
                open.extend(all.filter(|other| other.sequence > operation.sequence));
            }
        }
        found.into_values().collect()
    }
}

/// Returns whether an operation goes on only after a person or the server has said something.
fn stands_still(operation: &Operation) -> bool {
    match operation.state {
        OperationState::Conflict(_) | OperationState::Refused(_) | OperationState::Unknown(_) => true,
        OperationState::Queued
        | OperationState::InFlight(_)
        | OperationState::Waiting(_)
        | OperationState::Applied(_)
        | OperationState::Superseded
        | OperationState::Reverted => false,
    }
}

#[cfg(test)]
mod tests;
