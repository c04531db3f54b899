//! The port.

use std::sync::Arc;

use async_trait::async_trait;
use driftless_record::{
    EntityName, EntitySchema, OperationId, RecordId, Schema, ServerRecord, Settings, TenantId, Timestamp,
    UserId,
};

use crate::{Capabilities, Page, PullRequest, PushItem, PushReply, SweepPage, SweepRequest, TransportError};

/// Who is signed in where, as the back end tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The user.
    pub user: UserId,
    /// The user's display name.
    pub display_name: String,
    /// The tenant: service root and organisation.
    pub tenant: TenantId,
    /// The back end's name and version, for people.
    pub server: String,
    /// The server's time when it answered.
    pub server_time: Option<Timestamp>,
    /// How far `server_time` may be off by the way it is told, in milliseconds: an HTTP date knows whole seconds only.
    pub server_time_error: i64,
}

/// The back end's description of its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The schema.
    pub schema: Schema,
    /// What could not be taken over, in sentences for people.
    pub notes: Vec<String>,
}

/// The way to a back end, for one signed-in user.
///
/// # Contract
/// A call makes as many requests as it needs, but [`Transport::push`] makes exactly one that can have an effect, and
/// makes it once: retries belong to the engine. Dropping a future abandons the call. Every error says by
/// [`TransportError::may_have_happened`] whether the request may have had its effect.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Signs in, or proves that the sign-in still holds.
    async fn contact(&self) -> Result<Contact, TransportError>;

    /// Reads the description of the back end's data.
    async fn describe(&self) -> Result<Described, TransportError>;

    /// Reads the administrator's settings; `None` if the back end serves none.
    async fn settings(&self) -> Result<Option<Settings>, TransportError>;

    /// Returns what the back end can do with an entity, probing it where its description does not say.
    async fn capabilities(&self, entity: &Arc<EntitySchema>) -> Result<Capabilities, TransportError>;

    /// Reads a page of changes.
    ///
    /// Pages of one set come in a stable order, so that a set goes on at its checkpoint after a cut. Whatever changes
    /// while a set is read comes with it or with the next.
    async fn pull(&self, request: &PullRequest) -> Result<Page, TransportError>;

    /// Reads a page of the ids on the server.
    async fn sweep(&self, request: &SweepRequest) -> Result<SweepPage, TransportError>;

    /// Reads one record with its stamps; `None` if the back end has no such record, or the user may not see it.
    async fn fetch(
        &self,
        schema: &Arc<Schema>,
        entity: &EntityName,
        id: &RecordId,
    ) -> Result<Option<ServerRecord>, TransportError>;

    /// Finds the record that an operation has made. Only where [`Capabilities::idempotency`] is
    /// [`Idempotency::Marker`](crate::Idempotency::Marker): `push` writes the id of the first operation of a sending
    /// that creates into the marker field then.
    async fn made_by(
        &self,
        _schema: &Arc<Schema>,
        entity: &EntityName,
        _operation: OperationId,
    ) -> Result<Option<ServerRecord>, TransportError> {
        let text = format!("{entity} has no field that tells which operation made a record");
        Err(TransportError::Protocol(text))
    }

    /// Sends changes in one request, in order.
    async fn push(&self, schema: &Arc<Schema>, items: &[PushItem]) -> Result<PushReply, TransportError>;
}

const _: fn(&dyn Transport) = |_| {};
