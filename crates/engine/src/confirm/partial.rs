//! Partial accept: a field that the server forbids is split off, and the rest of the change goes on (feature B7).

use std::collections::{BTreeMap, BTreeSet};

use driftless_conflict::MergedEdits;
use driftless_record::{
    Cause, ChangeAction, FieldEdit, FieldName, Fields, Operation, OperationId, OperationKind, OperationState,
    Settings,
};
use driftless_store::Write;

use super::{Confirmed, Desk, put};
use crate::ground::Ground;
use crate::journal::{self, Parking, Reason};
use crate::plan::merge;

impl Desk<'_> {
    /// Parks what the server forbids: the field that it names alone, where the administrator allows that and nothing is
    /// cut that belongs together; else the whole change.
    pub(super) fn forbidden(self, ground: &mut Ground, cause: &Cause, into: &mut Confirmed) {
        match self.part(&ground.settings, cause) {
            Some(field) => self.split(ground, (cause, &field), into),
            None => self.refuse(ground, cause.clone(), into),
        }
    }

    /// Returns the field that may be split off. A new record is never split: the server would have it without what the
    /// person gave. Neither is what later operations of the record stand on.
    fn part(&self, settings: &Settings, cause: &Cause) -> Option<FieldName> {
        let field = cause
            .field
            .as_ref()
            .filter(|_| settings.park_forbidden_field_alone)?;
        let ChangeAction::Update(sent) = &self.sending.change.action else {
            return None;
        };
        let is_alone = |operation: &Operation| {
            matches!(operation.kind, OperationKind::Update(_)) && operation.handling.group.is_none()
        };
        let stands_apart = |operation: &Operation| match &operation.kind {
            OperationKind::Update(edits) => !edits.contains_key(field),
            OperationKind::Create(_)
            | OperationKind::Delete { .. }
            | OperationKind::Command { .. }
            | OperationKind::Awaited { .. } => false,
        };
        let splits = sent.contains_key(field)
            && sent.len() > 1
            && !is_tied(settings, self, field, sent)
            && self.carried.iter().all(is_alone)
            && self.rest.iter().all(stands_apart);
        splits.then(|| field.clone())
    }

    fn split(self, ground: &mut Ground, (cause, field): (&Cause, &FieldName), into: &mut Confirmed) {
        let title = self.title();
        let with_field = |operation: &&Operation| {
            let edits = operation.kind.edits();
            edits.is_some_and(|edits| edits.contains_key(field))
        };
        let of_field: Vec<Operation> = self.carried.iter().filter(with_field).cloned().collect();
        let (Some(edit), Some(last), Some(id)) = (
            merged(&of_field, field),
            of_field.last().cloned(),
            into.spare_ids.pop(),
        ) else {
            return self.refuse(ground, cause.clone(), into);
        };
        let case = self.case(field, &edit.old, &edit.new);
        let log = ground.take_log_id();
        let part = Operation {
            id: OperationId(id),
            sequence: ground.take_sequence(),
            kind: OperationKind::Update(BTreeMap::from([(field.clone(), edit.clone())])),
            needs: needs_of_part(&of_field, field),
            state: OperationState::Refused(log),
            attempts: 0,
            rebased: 0,
            ..last
        };
        let of_part: Vec<OperationId> = of_field.iter().map(|operation| operation.id).collect();
        let parking = Parking {
            id: log,
            at: self.now,
            record: &self.record,
            operations: of_part.iter().copied().chain([part.id]).collect(),
            title,
            kept: journal::values(std::slice::from_ref(&part)),
        };
        let entry = journal::parked(parking, Reason::Split(Box::new(cause.clone()), Box::new(case)));
        into.writes.push(Write::PutLog(Box::new(entry)));
        into.parts.extend(of_part.iter().map(|whole| (*whole, part.id)));
        into.refused += 1;
        for mut operation in self.carried {
            if let Some(edits) = operation.kind.edits_mut() {
                edits.remove(field);
            }
            let is_empty = operation.kind.edits().is_none_or(BTreeMap::is_empty);
            // Of one that had nothing else, the part is all that there is.
            let state = if is_empty {
                OperationState::Superseded
            } else {
                OperationState::Queued
            };
            into.writes.push(put(operation, state));
        }
        into.writes.push(Write::PutOperation(Box::new(part)));
        into.writes.push(Write::DropSending(self.sending.id));
    }
}

/// Returns whether the administrator has declared that a field belongs together with another one of a change.
fn is_tied(settings: &Settings, desk: &Desk<'_>, field: &FieldName, sent: &Fields) -> bool {
    let groups = settings.field_groups.get(&desk.record.0).into_iter().flatten();
    groups.filter(|group| group.contains(field)).any(|group| {
        group
            .iter()
            .any(|other| other != field && sent.contains_key(other))
    })
}

/// Returns what the operations make of the field together.
fn merged(operations: &[Operation], field: &FieldName) -> Option<FieldEdit> {
    let mut merged = MergedEdits::new();
    for edit in operations
        .iter()
        .filter_map(|operation| operation.kind.edits()?.get(field))
    {
        merge(&mut merged, &BTreeMap::from([(field.clone(), edit.clone())]));
    }
    merged.remove(field)
}

/// Returns what the part needs: the last of the operations that had the field and have something else too. The part is
/// sent after it, and taken back with it.
fn needs_of_part(operations: &[Operation], field: &FieldName) -> BTreeSet<OperationId> {
    let has_more = |operation: &&Operation| {
        let edits = operation.kind.edits();
        edits.is_some_and(|edits| edits.keys().any(|other| other != field))
    };
    let whole = operations.iter().rev().find(has_more);
    whole.map(|operation| operation.id).into_iter().collect()
}
