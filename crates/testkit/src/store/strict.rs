//! A store that takes every liberty that the port leaves, so that nothing comes to rely on one store's habits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use driftless_record::{
    EntityName, LogEntry, Operation, Query, Record, RecordId, RequestId, Revision, Schema, Sending, Timestamp,
};
use driftless_store::{
    CommitNumber, FileRow, Image, JournalReader, LogSelection, MemoryStore, OperationSelection, RecordStore,
    StoreError, ViewReader, WriteBatch,
};

/// A memory store that leaves gaps between the numbers of commits, answers lists of no promised order backwards, and
/// is busy on schedule.
#[derive(Debug, Default)]
pub struct StrictStore {
    inner: MemoryStore,
    /// Every how many commits one is refused as busy; 0 means never.
    busy_every: u64,
    commits: AtomicU64,
}

/// How far apart the numbers of commits are.
const GAP: u64 = 7;

impl StrictStore {
    /// Makes an empty store that is never busy.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty store that refuses every `n`th commit as busy.
    #[must_use]
    pub fn busy_every(n: u64) -> Self {
        Self {
            busy_every: n,
            ..Self::default()
        }
    }
}

fn reversed<T>(list: Result<Vec<T>, StoreError>) -> Result<Vec<T>, StoreError> {
    list.map(|mut list| {
        list.reverse();
        list
    })
}

fn outer(number: CommitNumber) -> CommitNumber {
    CommitNumber(number.0 * GAP)
}

impl ViewReader for StrictStore {
    fn schema(&self) -> Result<Arc<Schema>, StoreError> {
        self.inner.schema()
    }

    fn get(&self, entity: &EntityName, id: &RecordId) -> Result<Option<Record>, StoreError> {
        self.inner.get(entity, id)
    }

    fn query(&self, query: &Query, now: Timestamp) -> Result<Vec<Record>, StoreError> {
        self.inner.query(query, now)
    }

    fn count(&self, query: &Query, now: Timestamp) -> Result<u64, StoreError> {
        self.inner.count(query, now)
    }

    fn ids(
        &self,
        entity: &EntityName,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, Option<Revision>)>, StoreError> {
        self.inner.ids(entity, after, limit)
    }

    fn loading(&self) -> Result<Vec<EntityName>, StoreError> {
        reversed(self.inner.loading())
    }
}

impl JournalReader for StrictStore {
    fn operations(&self, selection: &OperationSelection) -> Result<Vec<Operation>, StoreError> {
        self.inner.operations(selection)
    }

    fn pending(&self) -> Result<u64, StoreError> {
        self.inner.pending()
    }

    fn sending(&self, id: RequestId) -> Result<Option<Sending>, StoreError> {
        self.inner.sending(id)
    }

    fn image(&self, entity: &EntityName, id: &RecordId) -> Result<Option<Image>, StoreError> {
        self.inner.image(entity, id)
    }

    fn unsettled(&self, entity: &EntityName) -> Result<Vec<RecordId>, StoreError> {
        reversed(self.inner.unsettled(entity))
    }

    fn log(&self, selection: &LogSelection) -> Result<Vec<LogEntry>, StoreError> {
        self.inner.log(selection)
    }

    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.note(name)
    }

    fn files(&self, entity: &EntityName, id: &RecordId) -> Result<Vec<FileRow>, StoreError> {
        self.inner.files(entity, id)
    }
}

impl RecordStore for StrictStore {
    fn commit(&self, mut batch: WriteBatch) -> Result<CommitNumber, StoreError> {
        let turn = self.commits.fetch_add(1, Ordering::Relaxed) + 1;
        if self.busy_every > 0 && turn.is_multiple_of(self.busy_every) {
            return Err(StoreError::Busy);
        }
        if let Some(expected) = &mut batch.expect {
            let found = self.position()?;
            if *expected != found {
                return Err(StoreError::Stale {
                    expected: *expected,
                    found,
                });
            }
            expected.0 /= GAP;
        }
        match self.inner.commit(batch) {
            Ok(number) => Ok(outer(number)),
            Err(StoreError::Stale { expected, found }) => Err(StoreError::Stale {
                expected: outer(expected),
                found: outer(found),
            }),
            Err(error) => Err(error),
        }
    }

    fn position(&self) -> Result<CommitNumber, StoreError> {
        self.inner.position().map(outer)
    }
}
