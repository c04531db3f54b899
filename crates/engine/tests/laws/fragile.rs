//! A store under a process that is killed at one of its commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use driftless_record::{
    EntityName, LogEntry, Operation, Query, Record, RecordId, RequestId, Revision, Schema, Sending, Timestamp,
};
use driftless_store::{
    CommitNumber, FileRow, Image, JournalReader, LogSelection, MemoryStore, OperationSelection, RecordStore,
    StoreError, ViewReader, WriteBatch,
};

/// When a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kill {
    /// Right before the commit.
    Before,
    /// Right after it, before anybody learns of it.
    After,
}

/// A store over one that outlives the process.
pub(crate) struct Fragile {
    inner: Arc<MemoryStore>,
    kill: Kill,
    /// How many commits go well; below zero nothing does any more.
    left: AtomicI64,
}

impl Fragile {
    /// Makes a process that is killed at its next commit but so many.
    pub(crate) fn new(inner: Arc<MemoryStore>, kill: Kill, left: i64) -> Self {
        let left = AtomicI64::new(left);
        Self { inner, kill, left }
    }

    /// Returns whether the process is still there.
    pub(crate) fn lives(&self) -> bool {
        self.left.load(Ordering::Acquire) >= 0
    }
}

fn killed() -> StoreError {
    StoreError::Backend("the process was killed".into())
}

impl ViewReader for Fragile {
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
        self.inner.loading()
    }
}

impl JournalReader for Fragile {
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
        self.inner.unsettled(entity)
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

impl RecordStore for Fragile {
    fn commit(&self, batch: WriteBatch) -> Result<CommitNumber, StoreError> {
        let left = self.left.fetch_sub(1, Ordering::AcqRel);
        match self.kill {
            _ if left > 0 => self.inner.commit(batch),
            Kill::After if left == 0 => self.inner.commit(batch).and(Err(killed())),
            Kill::Before | Kill::After => Err(killed()),
        }
    }

    fn position(&self) -> Result<CommitNumber, StoreError> {
        self.inner.position()
    }
}
