//! A witness on the wire: counts which operations the server confirmed under which request id, and can lose an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use driftless_record::{
    EntityName, EntitySchema, OperationId, RecordId, RequestId, Schema, ServerRecord, Settings,
};
use driftless_transport::{
    Capabilities, Contact, Described, Page, PullRequest, PushItem, PushReply, PushResult, SweepPage,
    SweepRequest, Transport, TransportError,
};

/// A transport that another one does the work for.
pub(super) struct Witness {
    inner: Box<dyn Transport>,
    seen: Mutex<Seen>,
}

/// What a witness has seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Under which request ids the server confirmed each operation.
    pub(super) confirmed: BTreeMap<OperationId, BTreeSet<RequestId>>,
    /// How many changes were in the requests whose answers were lost.
    pub(super) lost: usize,
    /// How many requests carried changes.
    pub(super) pushes: usize,
    lose_next: bool,
}

impl Witness {
    pub(super) fn new(inner: Box<dyn Transport>) -> Self {
        Self {
            inner,
            seen: Mutex::default(),
        }
    }

    /// Lets the next request with changes reach the server and its answer get lost.
    pub(super) fn lose_next_answer(&self) {
        self.open().lose_next = true;
    }

    /// Returns what was seen up to now.
    pub(super) fn seen(&self) -> Seen {
        self.open().clone()
    }

    fn open(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, items: &[PushItem], reply: &PushReply) {
        let mut seen = self.open();
        for item in items {
            if let Some(PushResult::Done { .. }) = reply.results.get(&item.sending.id) {
                for operation in &item.sending.operations {
                    seen.confirmed
                        .entry(*operation)
                        .or_default()
                        .insert(item.sending.id);
                }
            }
        }
    }
}

#[async_trait]
impl Transport for Witness {
    async fn contact(&self) -> Result<Contact, TransportError> {
        self.inner.contact().await
    }

    async fn describe(&self) -> Result<Described, TransportError> {
        self.inner.describe().await
    }

    async fn settings(&self) -> Result<Option<Settings>, TransportError> {
        self.inner.settings().await
    }

    async fn capabilities(&self, entity: &Arc<EntitySchema>) -> Result<Capabilities, TransportError> {
        self.inner.capabilities(entity).await
    }

    async fn pull(&self, request: &PullRequest) -> Result<Page, TransportError> {
        self.inner.pull(request).await
    }

    async fn sweep(&self, request: &SweepRequest) -> Result<SweepPage, TransportError> {
        self.inner.sweep(request).await
    }

    async fn fetch(
        &self,
        schema: &Arc<Schema>,
        entity: &EntityName,
        id: &RecordId,
    ) -> Result<Option<ServerRecord>, TransportError> {
        self.inner.fetch(schema, entity, id).await
    }

    async fn push(&self, schema: &Arc<Schema>, items: &[PushItem]) -> Result<PushReply, TransportError> {
        self.open().pushes += 1;
        let reply = self.inner.push(schema, items).await?;
        {
            let mut seen = self.open();
            if std::mem::take(&mut seen.lose_next) {
                seen.lost += items.len();
                return Err(TransportError::Lost {
                    host: "the server".to_owned(),
                    detail: "the demo threw the answer away".to_owned(),
                });
            }
        }
        self.note(items, &reply);
        Ok(reply)
    }
}
