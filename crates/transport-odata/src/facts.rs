//! The service's own description, read when it is first needed.

use std::sync::Arc;

use driftless_odata::csdl::{self, EntityFacts, Metadata};
use driftless_record::{EntityName, Settings};
use driftless_transport::{Described, TransportError};
use driftless_transport_http::StatusCode;

use crate::transport::ODataTransport;

impl ODataTransport {
    pub(crate) async fn read_description(&self) -> Result<Described, TransportError> {
        let metadata = self.read_metadata().await?;
        let notes = metadata.notes.iter().map(|note| match &note.property {
            Some(property) => format!("{}.{property}: {}", note.entity, note.text),
            None => format!("{}: {}", note.entity, note.text),
        });
        Ok(Described {
            schema: metadata.schema.clone(),
            notes: notes.collect(),
        })
    }

    /// Returns what the metadata says of an entity, reading it if that has not been done yet.
    pub(crate) async fn facts(&self, entity: &EntityName) -> Result<EntityFacts, TransportError> {
        let known = self.learned.open().metadata.clone();
        let metadata = match known {
            Some(metadata) => metadata,
            None => self.read_metadata().await?,
        };
        Ok(metadata.facts.get(entity).cloned().unwrap_or_default())
    }

    async fn read_metadata(&self) -> Result<Arc<Metadata>, TransportError> {
        let url = self.http.root().join("$metadata")?;
        let reply = self.read(url, "application/xml", &[]).await?;
        self.expect_success(&reply)?;
        let metadata =
            csdl::read(&reply.body).map_err(|error| TransportError::Protocol(error.to_string()))?;
        let metadata = Arc::new(metadata);
        self.learned.open().metadata = Some(Arc::clone(&metadata));
        Ok(metadata)
    }

    pub(crate) async fn read_settings(&self) -> Result<Option<Settings>, TransportError> {
        if !self.is_own().await? {
            return Ok(None);
        }
        let reply = self
            .read(
                self.http.root().join("driftless/settings")?,
                "application/json",
                &[],
            )
            .await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.expect_success(&reply)?;
        serde_json::from_slice(&reply.body)
            .map(Some)
            .map_err(|error| TransportError::Protocol(format!("its settings cannot be read: {error}")))
    }
}
