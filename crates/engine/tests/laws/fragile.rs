//! A store under a process that is killed at one of its commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use driftless_store::{CommitNumber, Layer, MemoryStore, RecordStore, StoreError, WriteBatch};

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

impl Layer for Fragile {
    fn below(&self) -> &dyn RecordStore {
        &*self.inner
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
