//! Editing a field that is in conflict: the edit joins the conflict, so that a person decides about what they see.

use driftless_record::{LogEntry, LogKind, Operation, OperationKind, OperationState};
use driftless_store::{JournalReader, LogSelection, StoreError, Write};

use crate::edit::Desk;

impl Desk<'_> {
    /// Parks an update with the conflict that its record ends in, where it sets a field again that is in conflict, and
    /// returns the entry with the new values. Behind the conflict it would overwrite in silence what someone else has
    /// written, whatever the person decides (law L29).
    pub(crate) fn join(
        &self,
        pending: &[Operation],
        update: &mut Operation,
    ) -> Result<Option<Write>, StoreError> {
        let Some(mut entry) = self.conflict_before(pending, update)? else {
            return Ok(None);
        };
        let OperationKind::Update(edits) = &update.kind else {
            return Ok(None);
        };
        if !entry.fields.iter().any(|case| edits.contains_key(&case.field)) {
            return Ok(None);
        }
        for case in &mut entry.fields {
            if let Some(edit) = edits.get(&case.field) {
                case.mine = edit.new.clone();
                // What was decided, was decided about another value, set at another time.
                (case.mine_at, case.winner, case.made) = (None, None, None);
            }
        }
        for (field, edit) in edits {
            if let Some(kept) = entry.kept.get_mut(field) {
                *kept = edit.new.clone();
            }
        }
        entry.operations.push(update.id);
        update.state = OperationState::Conflict(entry.id);
        Ok(Some(Write::PutLog(Box::new(entry))))
    }

    /// Returns the open conflict that a record's pending operations end in, if an update can be decided with them.
    fn conflict_before(
        &self,
        pending: &[Operation],
        update: &Operation,
    ) -> Result<Option<LogEntry>, StoreError> {
        let in_conflict = |last: &&Operation| {
            matches!(last.kind, OperationKind::Create(_) | OperationKind::Update(_))
                && last.author == update.author
                && last.schema_version == update.schema_version
                && last.handling.conflict == update.handling.conflict
                && last.handling.group == update.handling.group
        };
        let last = pending.last().filter(in_conflict);
        let Some(OperationState::Conflict(log)) = last.map(|last| &last.state) else {
            return Ok(None);
        };
        let entry = JournalReader::log(self.store, &LogSelection::One(*log))?.pop();
        Ok(entry.filter(|entry| entry.is_open() && entry.kind == LogKind::Conflict))
    }
}
