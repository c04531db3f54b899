//! Edits of a field that is in conflict: they join the conflict, so that a person decides about the value that they see.
//! Behind it they would overwrite in silence what someone else has written, whatever the person decides (law L29).

use driftless_record::{FieldCase, Fields, LogKind, Operation, OperationKind, OperationState};
use driftless_store::{JournalReader, LogSelection, StoreError, Write};

use crate::edit::Desk;

/// Returns those of the operations behind a conflict that are decided with it: up to the last one that sets a field of it
/// again.
pub(crate) fn joining<'a>(
    last: &Operation,
    behind: &'a [Operation],
    fields: &[FieldCase],
) -> &'a [Operation] {
    let alike = |next: &&Operation| {
        matches!(last.kind, OperationKind::Create(_) | OperationKind::Update(_))
            && matches!(next.kind, OperationKind::Update(_))
            && next.state == OperationState::Queued
            && last.author == next.author
            && last.handling.group == next.handling.group
    };
    let sets_again = |next: &Operation| {
        let edits = next.kind.edits();
        edits.is_some_and(|edits| fields.iter().any(|case| edits.contains_key(&case.field)))
    };
    let run = behind.iter().take_while(alike).count();
    let joining = behind[..run].iter().rposition(sets_again);
    &behind[..joining.map_or(0, |last| last + 1)]
}

/// Brings a conflict after the operations that join it.
pub(crate) fn bring_after(fields: &mut [FieldCase], kept: &mut Fields, joining: &[Operation]) {
    for (field, edit) in joining.iter().filter_map(|next| next.kind.edits()).flatten() {
        for case in fields.iter_mut().filter(|case| case.field == *field) {
            case.mine = edit.new.clone();
            // What was decided, was decided about another value, set at another time.
            (case.mine_at, case.winner, case.made) = (None, None, None);
        }
        if let Some(kept) = kept.get_mut(field) {
            *kept = edit.new.clone();
        }
    }
}

impl Desk<'_> {
    /// Returns the writes that let an update join the conflict that its record's pending operations end in; none if it
    /// has nothing to do with one.
    pub(crate) fn join(&self, pending: &[Operation], update: &Operation) -> Result<Vec<Write>, StoreError> {
        let parked = pending
            .iter()
            .rposition(|operation| operation.state.parked().is_some());
        let Some(at) = parked else {
            return Ok(Vec::new());
        };
        let OperationState::Conflict(log) = pending[at].state else {
            return Ok(Vec::new());
        };
        let entry = JournalReader::log(self.store, &LogSelection::One(log))?.pop();
        let Some(mut entry) = entry.filter(|entry| entry.is_open() && entry.kind == LogKind::Conflict) else {
            return Ok(Vec::new());
        };
        let behind = [&pending[at + 1..], std::slice::from_ref(update)].concat();
        let joining = joining(&pending[at], &behind, &entry.fields);
        if joining.len() < behind.len() {
            return Ok(Vec::new());
        }
        bring_after(&mut entry.fields, &mut entry.kept, joining);
        entry
            .operations
            .extend(joining.iter().map(|operation| operation.id));
        let parked = joining.iter().map(|operation| {
            Write::PutOperation(Box::new(Operation {
                state: OperationState::Conflict(log),
                ..operation.clone()
            }))
        });
        Ok(parked.chain([Write::PutLog(Box::new(entry))]).collect())
    }
}
