//! A store on top of another one that reads from there.

use std::sync::Arc;

use driftless_record::{
    EntityName, LogEntry, Operation, Query, Record, RecordId, RequestId, Revision, Schema, Sending, Timestamp,
};

use crate::{
    FileRow, Image, JournalReader, LogSelection, OperationSelection, RecordStore, StoreError, ViewReader,
};

/// A store that adds something to another one (a count, a fence, a fault) and reads what that one has.
///
/// It is a [`ViewReader`] and a [`JournalReader`] by this alone. What commits mean to it is its own:
/// [`RecordStore`] is left to be implemented.
///
/// ```
/// use driftless_store::{CommitNumber, Layer, MemoryStore, RecordStore, StoreError, ViewReader, WriteBatch};
///
/// /// A store that nobody may write to.
/// struct ReadOnly(MemoryStore);
///
/// impl Layer for ReadOnly {
///     fn below(&self) -> &dyn RecordStore {
///         &self.0
///     }
/// }
///
/// impl RecordStore for ReadOnly {
///     fn commit(&self, _: WriteBatch) -> Result<CommitNumber, StoreError> {
///         Err(StoreError::Busy)
///     }
///
///     fn position(&self) -> Result<CommitNumber, StoreError> {
///         self.0.position()
///     }
/// }
///
/// assert!(ReadOnly(MemoryStore::new()).schema()?.entities.is_empty());
/// # Ok::<(), StoreError>(())
/// ```
pub trait Layer {
    /// Returns the store that this one is on top of.
    fn below(&self) -> &dyn RecordStore;

    /// Carries one reading out. Every reading goes through here: a layer that does something at each says so in its
    /// own version.
    ///
    /// # Errors
    /// Those of the reading; a layer may add its own.
    fn read<T>(
        &self,
        reading: impl FnOnce(&dyn RecordStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError>
    where
        Self: Sized,
    {
        reading(self.below())
    }
}

impl<L: Layer> ViewReader for L {
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

impl<L: Layer> JournalReader for L {
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
