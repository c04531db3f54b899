//! A store between an engine and its real store: it counts calls, and the process may end at each.

use std::fmt;
use std::sync::Arc;

use driftless_record::{
    EntityName, LogEntry, Operation, Query, Record, RecordId, RequestId, Revision, Schema, Sending, Timestamp,
};
use driftless_store::{
    CommitNumber, FileRow, Image, JournalReader, LogSelection, OperationSelection, RecordStore, StoreError,
    ViewReader, WriteBatch,
};

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

    fn read<T>(&self, read: impl FnOnce(&dyn RecordStore) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match self.life.enter() {
            Turn::Goes | Turn::Fails(Ailment::Full, _) => read(&*self.inner),
            Turn::Fails(ailment, _) => Err(ailment.error()),
            Turn::GoesUnseen | Turn::Dead => Err(over()),
        }
    }
}

impl ViewReader for SimStore {
    fn schema(&self) -> Result<Arc<Schema>, StoreError> {
        self.read(|store| store.schema())
    }

    fn get(&self, entity: &EntityName, id: &RecordId) -> Result<Option<Record>, StoreError> {
        self.read(|store| store.get(entity, id))
    }

    fn query(&self, query: &Query, now: Timestamp) -> Result<Vec<Record>, StoreError> {
        self.read(|store| store.query(query, now))
    }

    fn count(&self, query: &Query, now: Timestamp) -> Result<u64, StoreError> {
        self.read(|store| store.count(query, now))
    }

    fn ids(
        &self,
        entity: &EntityName,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, Option<Revision>)>, StoreError> {
        self.read(|store| store.ids(entity, after, limit))
    }

    fn loading(&self) -> Result<Vec<EntityName>, StoreError> {
        self.read(|store| store.loading())
    }
}

impl JournalReader for SimStore {
    fn operations(&self, selection: &OperationSelection) -> Result<Vec<Operation>, StoreError> {
        self.read(|store| store.operations(selection))
    }

    fn pending(&self) -> Result<u64, StoreError> {
        self.read(|store| store.pending())
    }

    fn sending(&self, id: RequestId) -> Result<Option<Sending>, StoreError> {
        self.read(|store| store.sending(id))
    }

    fn image(&self, entity: &EntityName, id: &RecordId) -> Result<Option<Image>, StoreError> {
        self.read(|store| store.image(entity, id))
    }

    fn unsettled(&self, entity: &EntityName) -> Result<Vec<RecordId>, StoreError> {
        self.read(|store| store.unsettled(entity))
    }

    fn log(&self, selection: &LogSelection) -> Result<Vec<LogEntry>, StoreError> {
        self.read(|store| store.log(selection))
    }

    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|store| store.note(name))
    }

    fn files(&self, entity: &EntityName, id: &RecordId) -> Result<Vec<FileRow>, StoreError> {
        self.read(|store| store.files(entity, id))
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
