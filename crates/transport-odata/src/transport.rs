//! The transport.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use driftless_record::{EntityName, EntitySchema, RecordId, Schema, ServerRecord, Settings};
use driftless_transport::{
    Capabilities, Contact, Described, Page, PullRequest, PushItem, PushReply, SweepPage, SweepRequest,
    Transport, TransportError,
};
use driftless_transport_http::{ClientOptions, HttpClient, ServiceRoot};

use crate::learned::Learned;

/// What a connector may be told beside the address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ODataOptions {
    /// How far before the last modification date seen a pull begins, for changes that became visible late.
    pub overlap: Duration,
    /// The most rows that are asked for in a page.
    pub page_rows: usize,
    /// The most changes in one request.
    pub batch_limit: usize,
}

impl Default for ODataOptions {
    /// Ten minutes, 5,000 rows, 100 changes.
    fn default() -> Self {
        Self {
            overlap: Duration::from_secs(600),
            page_rows: 5_000,
            batch_limit: 100,
        }
    }
}

/// The way to any OData 4 service, the driftless server among them.
#[derive(Debug)]
pub struct ODataTransport {
    pub(crate) http: HttpClient,
    pub(crate) options: ODataOptions,
    pub(crate) learned: Learned,
}

impl ODataTransport {
    /// Makes the way to a service. Nothing is sent.
    ///
    /// # Errors
    /// As [`HttpClient::new`].
    pub fn new(
        root: ServiceRoot,
        client: ClientOptions,
        options: ODataOptions,
    ) -> Result<Self, TransportError> {
        Ok(Self {
            http: HttpClient::new(root, client)?,
            options,
            learned: Learned::default(),
        })
    }
}

#[async_trait]
impl Transport for ODataTransport {
    async fn contact(&self) -> Result<Contact, TransportError> {
        self.sign_in().await
    }

    async fn describe(&self) -> Result<Described, TransportError> {
        self.read_description().await
    }

    async fn settings(&self) -> Result<Option<Settings>, TransportError> {
        self.read_settings().await
    }

    async fn capabilities(&self, entity: &Arc<EntitySchema>) -> Result<Capabilities, TransportError> {
        self.probe(entity).await
    }

    async fn pull(&self, request: &PullRequest) -> Result<Page, TransportError> {
        self.pull_page(request).await
    }

    async fn sweep(&self, request: &SweepRequest) -> Result<SweepPage, TransportError> {
        self.sweep_page(request).await
    }

    async fn fetch(
        &self,
        schema: &Arc<Schema>,
        entity: &EntityName,
        id: &RecordId,
    ) -> Result<Option<ServerRecord>, TransportError> {
        self.read_one(schema, entity, id).await
    }

    async fn push(&self, schema: &Arc<Schema>, items: &[PushItem]) -> Result<PushReply, TransportError> {
        self.push_once(schema, items).await
    }
}
