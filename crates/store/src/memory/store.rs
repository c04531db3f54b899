//! The store itself: its state behind a lock.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::state::State;
use crate::{CommitNumber, RecordStore, StoreError, WriteBatch};

/// A store in memory, for tests and small tools. It keeps the contract of the port but for one thing: its data live as
/// long as it does.
///
/// Texts compare by code point.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: RwLock<State>,
}

impl MemoryStore {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecordStore for MemoryStore {
    fn commit(&self, batch: WriteBatch) -> Result<CommitNumber, StoreError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match batch.expect {
            Some(expected) if expected != state.number => {
                let found = state.number;
                Err(StoreError::Stale { expected, found })
            }
            _ => state.commit(batch.writes),
        }
    }

    fn position(&self) -> Result<CommitNumber, StoreError> {
        Ok(self.state().number)
    }
}
