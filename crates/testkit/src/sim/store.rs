//! A store between an engine and its real store: it counts calls, and the process may end at each.

use std::fmt;
use std::sync::Arc;

use driftless_store::{CommitNumber, Layer, RecordStore, StoreError, WriteBatch};

use super::life::{Ailment, Crash, Life, Turn, over};

/// The store as one process sees it.
pub(super) struct SimStore {
    inner: Arc<dyn RecordStore>,
    life: Arc<Life>,
    /// What a broken store makes of a commit.
    tamper: Option<fn(&mut WriteBatch)>,
}

impl fmt::Debug for SimStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimStore")
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

impl SimStore {
    /// Puts a process's life in front of a store.
    pub(super) fn new(
        inner: Arc<dyn RecordStore>,
        life: Arc<Life>,
        tamper: Option<fn(&mut WriteBatch)>,
    ) -> Self {
        Self { inner, life, tamper }
    }
}

impl Layer for SimStore {
    fn below(&self) -> &dyn RecordStore {
        &*self.inner
    }

    fn read<T>(
        &self,
        reading: impl FnOnce(&dyn RecordStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.life.enter() {
            Turn::Goes | Turn::Fails(Ailment::Full, _) => reading(self.below()),
            Turn::Fails(ailment, _) => Err(ailment.error()),
            Turn::GoesUnseen | Turn::Dead => Err(over()),
        }
    }
}

impl RecordStore for SimStore {
    fn commit(&self, mut batch: WriteBatch) -> Result<CommitNumber, StoreError> {
        if let Some(tamper) = self.tamper {
            tamper(&mut batch);
        }
        match self.life.enter() {
            Turn::Goes => self.inner.commit(batch),
            Turn::GoesUnseen => self.inner.commit(batch).and(Err(over())),
            Turn::Fails(ailment, Crash::Before) => Err(ailment.error()),
            Turn::Fails(ailment, Crash::After) => self.inner.commit(batch).and(Err(ailment.error())),
            Turn::Dead => Err(over()),
        }
    }

    fn position(&self) -> Result<CommitNumber, StoreError> {
        self.read(|store| store.position())
    }
}
