//! Runs: operations of one record that travel as one sending.

use std::collections::{BTreeMap, BTreeSet};

use driftless_conflict::MergedEdits;
use driftless_record::{
    CommandCall, EntitySchema, FieldEdit, FieldName, Fields, GroupId, Operation, OperationId, OperationKind,
    OperationState, RawStamp, Stamp, Value,
};

use crate::backoff;
use crate::depend::Needs;
use crate::ground::key;
use crate::obstacle::Obstacle;
use crate::temporary;

/// Operations of one record, in sequence, that are sent together, merged into one effect.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// The operations; at least one.
    pub operations: Vec<Operation>,
}

/// The one effect of a run.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// Makes the record.
    Create(MergedEdits),
    /// Changes the record.
    Update(MergedEdits),
    /// Deletes the record, as seen before the run's own updates.
    Delete {
        seen: Fields,
        own: MergedEdits,
        raw: RawStamp,
        stamp: Option<Stamp>,
    },
    /// Makes and deletes a record that never left the device.
    Nothing,
    /// Runs a command.
    Command(CommandCall, MergedEdits),
}

impl Run {
    /// Takes the longest run from the start of a record's pending operations; `None` if the first cannot be sent now.
    ///
    /// `needed` are the operations that another one of `needs` needs: the run ends behind one of them (law L14).
    pub(crate) fn take(
        entity: &EntitySchema,
        of_record: &[&Operation],
        now: driftless_record::Timestamp,
        needs: &Needs,
        needed: &BTreeSet<OperationId>,
    ) -> Option<Self> {
        let (first, rest) = of_record.split_first()?;
        // What a command makes is there once the command has been run.
        let is_awaited = matches!(first.kind, OperationKind::Awaited { .. });
        if is_awaited || !is_due(first, now) {
            return None;
        }
        let mut operations = vec![(*first).clone()];
        for next in rest {
            // What was put off together goes again as it was: a copy of the request may still be on its way.
            if next.state != first.state || !joins(entity, &operations, next, (needs, needed)) {
                break;
            }
            operations.push((*next).clone());
        }
        Some(Self { operations })
    }

    /// Returns whether operations of one record come to one effect.
    pub(crate) fn is_one(
        entity: &EntitySchema,
        operations: &[Operation],
        needs: (&Needs, &BTreeSet<OperationId>),
    ) -> bool {
        (1..operations.len()).all(|at| joins(entity, &operations[..at], &operations[at], needs))
    }

    /// Returns the ids of the operations.
    pub(crate) fn ids(&self) -> Vec<OperationId> {
        self.operations.iter().map(|operation| operation.id).collect()
    }

    /// Returns the group of the operations.
    pub(crate) fn group(&self) -> Option<GroupId> {
        self.operations
            .first()
            .and_then(|operation| operation.handling.group)
    }

    /// Returns the sequence number of the first operation.
    pub(crate) fn first(&self) -> u64 {
        self.operations.first().map_or(0, |operation| operation.sequence)
    }

    /// Returns whether a field has a value on the way from what it was to what the run makes it.
    pub(crate) fn passes_through(&self, field: &FieldName, value: &Value) -> bool {
        let edits = self
            .operations
            .iter()
            .filter_map(|operation| operation.kind.edits()?.get(field));
        edits.map(|edit| &edit.new).any(|new| new == value)
    }

    /// Returns what the operations come to together.
    pub(crate) fn effect(&self) -> Effect {
        let mut created = false;
        let mut merged = MergedEdits::new();
        for operation in &self.operations {
            match &operation.kind {
                OperationKind::Create(edits) => {
                    created = true;
                    merge(&mut merged, edits);
                }
                OperationKind::Update(edits) | OperationKind::Awaited { edits, .. } => {
                    merge(&mut merged, edits);
                }
                OperationKind::Command { call, edits, .. } => {
                    return Effect::Command((**call).clone(), edits.clone());
                }
                OperationKind::Delete { .. } if created => return Effect::Nothing,
                OperationKind::Delete { seen, raw, stamp } => {
                    return Effect::Delete {
                        seen: seen.clone(),
                        own: merged,
                        raw: *raw,
                        stamp: *stamp,
                    };
                }
            }
        }
        if created {
            Effect::Create(merged)
        } else {
            Effect::Update(merged)
        }
    }
}

/// Adds later edits to earlier ones: the first `old` stays, the last value and the latest stamp win.
pub(crate) fn merge(into: &mut MergedEdits, edits: &BTreeMap<driftless_record::FieldName, FieldEdit>) {
    for (field, edit) in edits {
        let mut edit = edit.clone();
        if let Some(known) = into.remove(field) {
            edit.old = known.old;
            if known.stamp > edit.stamp {
                (edit.raw, edit.stamp) = (known.raw, known.stamp);
            }
        }
        into.insert(field.clone(), edit);
    }
}

fn is_due(operation: &Operation, now: driftless_record::Timestamp) -> bool {
    match operation.state {
        OperationState::Queued => true,
        // A time further away than any pause comes from a clock that was turned since.
        OperationState::Waiting(until) => until <= now || until.millis_since(now) > backoff::MAX_WAIT_MILLIS,
        OperationState::InFlight(_)
        | OperationState::Unknown(_)
        | OperationState::Conflict(_)
        | OperationState::Refused(_)
        | OperationState::Applied(_)
        | OperationState::Superseded
        | OperationState::Reverted => false,
    }
}

fn joins(
    entity: &EntitySchema,
    run: &[Operation],
    next: &Operation,
    (needs, needed): (&Needs, &BTreeSet<OperationId>),
) -> bool {
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return false;
    };
    let ends = ends_a_run(last) || begins_a_run(next);
    let same_hands = last.author == next.author
        && last.schema_version == next.schema_version
        && last.handling.conflict == next.handling.conflict
        && last.handling.group == next.handling.group;
    let someone_needs = run.iter().any(|operation| needed.contains(&operation.id));
    let drops_create = matches!(next.kind, OperationKind::Delete { .. })
        && run.iter().any(|o| matches!(o.kind, OperationKind::Create(_)));
    let too_early = run.iter().any(|o| matches!(o.kind, OperationKind::Create(_))) && names_itself(next);
    let never_sent = run.iter().all(|operation| operation.attempts == 0);
    !ends
        && same_hands
        && !too_early
        && !someone_needs
        && (!drops_create || never_sent)
        && needs
            .of(next.id)
            .all(|need| needs.of(first.id).any(|other| other == need))
        && Obstacle::against(entity, next).is_none()
        && !loses_a_transition(entity, run, next)
}

/// Whether an operation makes its record refer to itself, which a create cannot.
fn names_itself(next: &Operation) -> bool {
    let mut edits = next.kind.edits().into_iter().flatten();
    edits.any(|(_, edit)| temporary::names_itself(&key(next), &edit.new))
}

/// Whether nothing joins an operation from behind (law L14).
fn ends_a_run(operation: &Operation) -> bool {
    match operation.kind {
        OperationKind::Create(_) | OperationKind::Update(_) => false,
        OperationKind::Delete { .. } | OperationKind::Command { .. } | OperationKind::Awaited { .. } => true,
    }
}

/// Whether an operation joins nothing before it (law L14).
fn begins_a_run(operation: &Operation) -> bool {
    match operation.kind {
        OperationKind::Update(_) | OperationKind::Delete { .. } => false,
        OperationKind::Create(_) | OperationKind::Command { .. } | OperationKind::Awaited { .. } => true,
    }
}

/// Whether a transition that counts would be lost: of a field that both the run and the next operation change, or of one
/// that the run changes in a record that the next operation deletes. A record that never was there has no transitions.
fn loses_a_transition(entity: &EntitySchema, run: &[Operation], next: &Operation) -> bool {
    let edits = |operation: &Operation, field| operation.kind.edits().is_some_and(|e| e.contains_key(field));
    let is_new = run.iter().any(|operation| operation.kind.begins_record());
    let deletes = matches!(next.kind, OperationKind::Delete { .. }) && !is_new;
    entity
        .fields
        .iter()
        .filter(|field| field.each_transition_matters)
        .filter(|field| deletes || edits(next, &field.name))
        .any(|field| run.iter().any(|operation| edits(operation, &field.name)))
}

#[cfg(test)]
mod tests;
