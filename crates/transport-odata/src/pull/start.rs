//! Where a pull begins, and which way it goes.

use driftless_record::{EntitySchema, FieldName, Query};
use driftless_transport::{ChangeDetection, Page, PullRequest, TransportError};

use crate::checkpoint::{DeltaPlace, Mark};
use crate::probe::watermark;
use crate::read::selected;
use crate::transport::ODataTransport;

impl ODataTransport {
    pub(crate) async fn pull_page(&self, request: &PullRequest) -> Result<Page, TransportError> {
        match request.checkpoint.as_ref().map(Mark::read).transpose()? {
            None => self.first_page(request).await,
            Some(Mark::Delta(place)) => self.delta_page(request, place).await,
            Some(mark @ (Mark::Watermark { .. } | Mark::Full { .. })) => {
                self.keyset_page(request, mark).await
            }
            Some(Mark::Sweep { .. }) => Err(TransportError::CheckpointGone),
        }
    }

    async fn first_page(&self, request: &PullRequest) -> Result<Page, TransportError> {
        let entity = &request.entity;
        let capabilities = self.probe(entity).await?;
        if capabilities.changes == ChangeDetection::Delta {
            let query = Query {
                filter: request.filter.clone(),
                select: self.select(entity),
                ..Query::all(entity.name.clone())
            };
            let count = self.learned.open().own == Some(true);
            let url = self.query_url(&request.schema, entity, &query, count)?;
            let link = self.http.root().relative(&url).unwrap_or_default();
            let start = DeltaPlace {
                link,
                pages: 0,
                empty: 0,
                is_first_set: true,
                high: None,
            };
            match self.delta_page(request, start).await {
                // Tracking may be refused together with a filter, or for this user; then it is not there.
                Err(TransportError::Refused(_)) => {
                    self.learned.open().entity(&entity.name).delta = Some(false);
                }
                other => return other,
            }
        }
        let facts = self.facts(&entity.name).await?;
        let mark = if watermark(entity, &facts) {
            Mark::Watermark {
                since: None,
                high: None,
                at: None,
            }
        } else {
            Mark::Full { at: None, then: None }
        };
        self.keyset_page(request, mark).await
    }

    /// The fields to ask for by name; our own server gives all of them without.
    pub(super) fn select(&self, entity: &EntitySchema) -> Vec<FieldName> {
        if self.learned.open().own == Some(true) {
            return Vec::new();
        }
        selected(entity)
            .into_iter()
            .filter_map(|name| entity.field(name))
            .map(|field| field.name.clone())
            .collect()
    }
}
