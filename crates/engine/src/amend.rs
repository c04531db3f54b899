//! Mending refused operations: the same operations with new values, back in the queue.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{FieldEdit, FieldName, LogId, Operation, OperationId, OperationKind, OperationState};
use driftless_store::{Image, LogSelection, OperationSelection, Write};

use crate::EngineError;
use crate::depend::{Graph, needs};
use crate::edit::{Desk, Under};
use crate::ground::key;
use crate::journal::settled;
use crate::parts;
use crate::temporary::names_itself;
use crate::wish::Written;

pub(crate) type Changes = BTreeMap<FieldName, FieldEdit>;

impl Desk<'_> {
    /// Mends what a log entry parked. Every operation of it goes back into the queue, the last one with the changes;
    /// a lookup to a record that itself waits for these operations follows in an operation of its own (law L6).
    pub(crate) fn amend(
        &self,
        image: &Image,
        log: LogId,
        pending: &[Operation],
        changes: Changes,
    ) -> Result<(Written, Vec<Write>), EngineError> {
        let entry = self.store.log(&LogSelection::One(log))?.pop();
        let mut amended = pending.to_vec();
        let parked = |operation: &Operation| operation.state.parked() == Some(log);
        // What was edited again since goes on top of that.
        let behind = pending.iter().rev().take_while(|operation| !parked(operation));
        let behind: BTreeSet<FieldName> = behind
            .flat_map(|o| o.kind.edits().into_iter().flatten())
            .map(|(f, _)| f.clone())
            .collect();
        let mut later = Changes::new();
        let mut mended = None;
        for operation in amended.iter_mut().filter(|operation| parked(operation)) {
            operation.state = OperationState::Queued;
            operation.rebased = 0;
            operation.handling.conflict = self.handling.conflict.or(operation.handling.conflict);
            mended = Some(operation);
        }
        let mut written = None;
        if let Some(last) = mended {
            let is_part = parts::is_part(self.store, entry.as_ref(), last.id)?;
            let waiting = self.waiting_for(last.id)?;
            for (field, change) in changes {
                let alone = OperationKind::Update([(field.clone(), change.clone())].into());
                let needed = needs(self.store, self.schema, &key(last), &alone)?;
                let of_itself =
                    matches!(last.kind, OperationKind::Create(_)) && names_itself(&key(last), &change.new);
                // A part has the outcome of what was split off; what was never refused has one of its own.
                let is_apart = is_part && last.kind.edits().is_none_or(|edits| !edits.contains_key(&field));
                if is_apart
                    || behind.contains(&field)
                    || of_itself
                    || needed.iter().any(|id| waiting.contains(id))
                {
                    later.insert(field, change);
                    continue;
                }
                last.needs.extend(needed);
                if let OperationKind::Create(edits) | OperationKind::Update(edits) = &mut last.kind {
                    let old = edits.get(&field).map_or(change.old, |known| known.old.clone());
                    edits.insert(field, FieldEdit { old, ..change });
                }
            }
            written = Some(Written::of(last.record.clone(), Some(last.id)));
        }
        let mut writes = vec![self.view_write(image, &amended)];
        let changed = amended.iter().zip(pending).filter(|(new, old)| new != old);
        writes.extend(changed.map(|(operation, _)| Write::PutOperation(Box::new(operation.clone()))));
        writes.extend(entry.map(|entry| settled(entry, self.host.clock.now(), "set")));
        match written {
            Some(written) if later.is_empty() => Ok((written, writes)),
            _ => {
                let under = Under::Kept(image.clone());
                let (written, more) = self.record(under, OperationKind::Update(later), amended)?;
                writes.extend(more);
                Ok((written, writes))
            }
        }
    }

    /// Returns the operations that cannot go before a given one has gone.
    fn waiting_for(&self, operation: OperationId) -> Result<BTreeSet<OperationId>, EngineError> {
        let pending = self.store.operations(&OperationSelection::Pending(usize::MAX))?;
        let graph = Graph::new(&pending);
        Ok(graph
            .up_set(operation)
            .into_iter()
            .map(|operation| operation.id)
            .collect())
    }
}
