//! The store as a driver sees it: it takes commits only as long as nobody else has taken the lease.

use std::sync::atomic::{AtomicBool, Ordering};

use driftless_record::{EntityName, Record, RecordId};
use driftless_store::{CommitNumber, Image, Layer, RecordStore, Retry, StoreError, WriteBatch};

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

impl Layer for Fenced<'_> {
    fn below(&self) -> &dyn RecordStore {
        self.inner
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
