//! Sending what was refused without some of its fields.

use std::collections::BTreeSet;

use driftless_record::{FieldName, Fields, Operation, OperationKind};
use driftless_store::Write;

use super::desk::{Base, Desk};
use crate::depend::{pending_create, pending_key_targets};
use crate::obstacle::Obstacle;
use crate::{EngineError, NotPossible};

impl Desk<'_> {
    /// Leaves fields out of what the entry parked and puts the rest back into the queue. A new record is split only where
    /// the server does not take those fields whatever comes: it would have the record without what the person gave.
    pub(super) fn without(mut self, fields: &BTreeSet<FieldName>) -> Result<Self, EngineError> {
        let mut parked = self.parked();
        let id = self.entry.id;
        let is_of_fields = Obstacle::of_entry(self.entry).is_some_and(Obstacle::is_of_fields);
        let in_entry = |name: &FieldName| self.entry.fields.iter().any(|case| case.field == *name);
        let stand_in_the_way = is_of_fields && fields.iter().all(in_entry);
        let mut left_out = Fields::new();
        let pending = &self.ground.pending;
        for operation in &mut parked {
            let mut named = BTreeSet::new();
            let edits = match &mut operation.kind {
                OperationKind::Update(edits) => edits,
                OperationKind::Create(edits) if stand_in_the_way => edits,
                OperationKind::Create(_)
                | OperationKind::Delete { .. }
                | OperationKind::Command { .. }
                | OperationKind::Awaited { .. } => return Err(NotPossible::Whole(id).into()),
            };
            for field in fields {
                let Some(edit) = edits.remove(field) else { continue };
                named.extend(pending_create(pending, &edit.new));
                // A later change of the field rests on what this one rested on.
                left_out.entry(field.clone()).or_insert(edit.old);
            }
            let still = edits
                .values()
                .filter_map(|edit| pending_create(pending, &edit.new));
            let mut still: BTreeSet<_> = still.collect();
            still.extend(pending_key_targets(self.ground, operation));
            // What is not named any more is not waited for.
            operation
                .needs
                .retain(|need| still.contains(need) || !named.contains(need));
        }
        if let Some(name) = fields.iter().find(|name| !left_out.contains_key(*name)) {
            return Err(NotPossible::NotChanged(name.clone()).into());
        }
        let is_empty = |o: &Operation| o.kind.edits().is_none_or(|edits| edits.is_empty());
        if parked.iter().all(is_empty) {
            return Err(NotPossible::NothingElse(id).into());
        }
        self.rest_later_ones_on(left_out);
        self.amended = parked;
        self.requeue(Base::AsBefore);
        Ok(self)
    }

    /// Rests later changes of fields that were left out on what these rested on.
    fn rest_later_ones_on(&mut self, mut left_out: Fields) {
        for mut operation in self.ground.pending_of(&self.record) {
            if operation.state.parked() == Some(self.entry.id) {
                continue;
            }
            let mut changed = false;
            for (field, edit) in operation.kind.edits_mut().into_iter().flatten() {
                if let Some(old) = left_out.remove(field) {
                    edit.old = old;
                    changed = true;
                }
            }
            if changed {
                self.writes.push(Write::PutOperation(Box::new(operation)));
            }
        }
    }
}
