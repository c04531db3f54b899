//! Settings from a file, for a back end that serves none.

use std::sync::Arc;

use async_trait::async_trait;
use driftless_record::{EntityName, EntitySchema, RecordId, Schema, ServerRecord, Settings};
use driftless_transport::{
    Capabilities, Contact, Described, Page, PullRequest, PushItem, PushReply, SweepPage, SweepRequest,
    Transport, TransportError,
};

/// A transport with settings of its own where the back end has none.
pub(crate) struct WithProfile {
    pub(crate) inner: Box<dyn Transport>,
    pub(crate) profile: Option<Settings>,
}

#[async_trait]
impl Transport for WithProfile {
    async fn contact(&self) -> Result<Contact, TransportError> {
        self.inner.contact().await
    }

    async fn describe(&self) -> Result<Described, TransportError> {
        self.inner.describe().await
    }

    async fn settings(&self) -> Result<Option<Settings>, TransportError> {
        let served = self.inner.settings().await?;
        Ok(served.or_else(|| self.profile.clone()))
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
        self.inner.push(schema, items).await
    }
}
