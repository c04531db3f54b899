//! Counts what leaves a device and what its store commits.

use driftless_record::{
    EntityName, LogEntry, Operation, Query, Record, RecordId, RequestId, Revision, Schema, Sending, Timestamp,
};
use driftless_store::{
    CommitNumber, FileRow, Image, JournalReader, LogSelection, OperationSelection, RecordStore, StoreError,
    ViewReader, Write, WriteBatch,
};
use driftless_transport_http::{Exchange, WireTrace};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts requests.
#[derive(Debug, Default)]
pub(super) struct Requests(AtomicUsize);

impl Requests {
    /// How many there were since the last call.
    pub(super) fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl WireTrace for Requests {
    fn exchange(&self, _: &Exchange) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A store that counts the commits that confirm replies: those that end sendings.
#[derive(Debug)]
pub(super) struct Counting<S> {
    inner: S,
    confirms: AtomicUsize,
}

impl<S> Counting<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            confirms: AtomicUsize::new(0),
        }
    }

    /// How many there were since the last call.
    pub(super) fn take(&self) -> usize {
        self.confirms.swap(0, Ordering::Relaxed)
    }
}

impl<S: RecordStore> RecordStore for Counting<S> {
    fn commit(&self, batch: WriteBatch) -> Result<CommitNumber, StoreError> {
        let confirms = batch
            .writes
            .iter()
            .any(|write| matches!(write, Write::DropSending(_)));
        let number = self.inner.commit(batch)?;
        self.confirms.fetch_add(usize::from(confirms), Ordering::Relaxed);
        Ok(number)
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

impl<S: ViewReader> ViewReader for Counting<S> {
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

impl<S: JournalReader> JournalReader for Counting<S> {
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
