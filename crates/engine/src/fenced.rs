//! The store as a driver sees it: it takes commits only as long as nobody else has taken the lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use driftless_record::{
    EntityName, LogEntry, Operation, Query, Record, RecordId, RequestId, Revision, Schema, Sending, Timestamp,
};
use driftless_store::{
    CommitNumber, FileRow, Image, JournalReader, LogSelection, OperationSelection, RecordStore, Retry,
    StoreError, ViewReader, WriteBatch,
};

use crate::lease;

/// A store behind the fence of one driver.
pub(crate) struct Fenced<'a> {
    inner: &'a dyn RecordStore,
    fence: u64,
    lost: AtomicBool,
}

impl<'a> Fenced<'a> {
    /// Puts a store behind a fence.
    pub(crate) fn new(inner: &'a dyn RecordStore, fence: u64) -> Self {
        Self {
            inner,
            fence,
            lost: AtomicBool::new(false),
        }
    }

    /// Returns whether a commit was refused, or a look found, because another driver has taken the lease.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Looks whether the lease is still this driver's.
    pub(crate) fn look(&self) -> Result<(), StoreError> {
        if lease::is_last(self.inner, self.fence)? {
            return Ok(());
        }
        self.lost.store(true, Ordering::Release);
        Err(StoreError::Busy)
    }
}

impl ViewReader for Fenced<'_> {
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

impl JournalReader for Fenced<'_> {
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

impl RecordStore for Fenced<'_> {
    /// Commits what a driver has to say. A lease that is taken between the look and the commit makes the commit stale,
    /// and the next look finds it.
    fn commit(&self, batch: WriteBatch) -> Result<CommitNumber, StoreError> {
        if batch.expect.is_some() {
            self.look()?;
            return self.inner.commit(batch);
        }
        loop {
            let number = self.inner.position()?;
            self.look()?;
            let batch = WriteBatch {
                expect: Some(number),
                writes: batch.writes.clone(),
            };
            match self.inner.commit(batch) {
                Err(error) if error.retry() == Retry::Reread => {}
                done => return done,
            }
        }
    }

    fn position(&self) -> Result<CommitNumber, StoreError> {
        self.inner.position()
    }

    fn record_and_image(
        &self,
        entity: &EntityName,
        id: &RecordId,
    ) -> Result<(Option<Record>, Option<Image>), StoreError> {
        self.inner.record_and_image(entity, id)
    }
}
