//! Reading the journal.

use driftless_record::{EntityName, LogEntry, Operation, RecordId, RequestId, Sending};

use super::MemoryStore;
use crate::{FileRow, Image, JournalReader, LogSelection, OperationSelection, StoreError};

impl JournalReader for MemoryStore {
    fn operations(&self, selection: &OperationSelection) -> Result<Vec<Operation>, StoreError> {
        let state = self.state();
        Ok(match selection {
            OperationSelection::Pending(limit) => state.pending().take(*limit).cloned().collect(),
            OperationSelection::PendingOf(entity, id) => {
                let sequences = state.pending.get(&(entity.clone(), id.clone()));
                let operation = |sequence| state.operations.get(sequence).cloned();
                sequences.into_iter().flatten().filter_map(operation).collect()
            }
            OperationSelection::One(id) => {
                let sequence = state.sequences.get(id);
                let operation = sequence.and_then(|sequence| state.operations.get(sequence));
                operation.into_iter().cloned().collect()
            }
            OperationSelection::Latest(limit) => latest(state.operations.values(), *limit),
        })
    }

    fn pending(&self) -> Result<u64, StoreError> {
        let state = self.state();
        Ok(state
            .pending
            .values()
            .map(|sequences| sequences.len() as u64)
            .sum())
    }

    fn sending(&self, id: RequestId) -> Result<Option<Sending>, StoreError> {
        Ok(self.state().sendings.get(&id).cloned())
    }

    fn image(&self, entity: &EntityName, id: &RecordId) -> Result<Option<Image>, StoreError> {
        let place = (entity.clone(), id.clone());
        Ok(self.state().images.get(&place).cloned())
    }

    fn unsettled(&self, entity: &EntityName) -> Result<Vec<RecordId>, StoreError> {
        let state = self.state();
        let places = state.images.keys().filter(|(of, _)| of == entity);
        Ok(places.map(|(_, id)| id.clone()).collect())
    }

    fn log(&self, selection: &LogSelection) -> Result<Vec<LogEntry>, StoreError> {
        let state = self.state();
        Ok(match selection {
            LogSelection::Open => state
                .log
                .values()
                .filter(|entry| entry.is_open())
                .cloned()
                .collect(),
            LogSelection::One(id) => state.log.get(id).into_iter().cloned().collect(),
            LogSelection::Latest(limit) => latest(state.log.values(), *limit),
        })
    }

    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state().notes.get(name).cloned())
    }

    fn files(&self, entity: &EntityName, id: &RecordId) -> Result<Vec<FileRow>, StoreError> {
        let state = self.state();
        let files = state.files.values();
        Ok(files
            .filter(|file| file.entity == *entity && file.id == *id)
            .cloned()
            .collect())
    }
}

/// Returns the last entries, the oldest of them first.
fn latest<'a, T: Clone + 'a>(entries: impl DoubleEndedIterator<Item = &'a T>, limit: usize) -> Vec<T> {
    let mut found: Vec<T> = entries.rev().take(limit).cloned().collect();
    found.reverse();
    found
}
