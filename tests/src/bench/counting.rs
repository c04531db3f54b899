//! Counts what leaves a device and what its store commits.

use driftless_record::{EntityName, Record, RecordId};
use driftless_store::{CommitNumber, Image, Layer, RecordStore, StoreError, Write, WriteBatch};
use driftless_transport_http::{Exchange, WireTrace};
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

impl<S: RecordStore> Layer for Counting<S> {
    fn below(&self) -> &dyn RecordStore {
        &self.inner
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
