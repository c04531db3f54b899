//! What the service can do with an entity: from its metadata, from what was seen, or from one small read.

use std::sync::Arc;

use driftless_odata::csdl::EntityFacts;
use driftless_odata::payload::Layout;
use driftless_record::{EntitySchema, Schema};
use driftless_transport::{
    Batch, Capabilities, ChangeDetection, CompareAndSet, Deletions, Idempotency, TransportError,
};

use crate::learned::BatchForm;
use crate::read::{PREFER_TRACKING, applies_tracking};
use crate::transport::ODataTransport;

/// The most rows that are asked for in a page of a service that is not ours.
const FOREIGN_PAGE_ROWS: usize = 1_000;

impl ODataTransport {
    pub(crate) async fn probe(&self, entity: &Arc<EntitySchema>) -> Result<Capabilities, TransportError> {
        let own = self.is_own().await?;
        let facts = self.facts(&entity.name).await?;
        let (delta, revisions) = self.ways(entity, &facts, own).await?;
        let changes = if delta {
            ChangeDetection::Delta
        } else if watermark(entity, &facts) {
            ChangeDetection::Watermark
        } else {
            ChangeDetection::FullRead
        };
        let known = self.learned.open();
        let repeatable = known.repeatable == Some(true);
        let single = known.form == BatchForm::Single;
        Ok(Capabilities {
            changes,
            deletions: if delta {
                Deletions::Reported
            } else {
                Deletions::Sweep
            },
            compare_and_set: if revisions {
                CompareAndSet::Revision
            } else {
                CompareAndSet::None
            },
            idempotency: if repeatable {
                Idempotency::Repeatable
            } else if has_client_key(entity) {
                Idempotency::ClientKey
            } else {
                Idempotency::None
            },
            batch: Batch {
                limit: if single { 1 } else { self.options.batch_limit },
                depends_on: known.form == BatchForm::Json,
                groups: known.form != BatchForm::Single,
            },
            stamps: own,
            stamp_error: 0,
            page_rows: if own {
                self.options.page_rows
            } else {
                FOREIGN_PAGE_ROWS.min(self.options.page_rows)
            },
        })
    }

    /// Returns whether delta links are offered and whether records have revisions.
    async fn ways(
        &self,
        entity: &Arc<EntitySchema>,
        facts: &EntityFacts,
        own: bool,
    ) -> Result<(bool, bool), TransportError> {
        let (mut delta, mut revisions) = {
            let mut known = self.learned.open();
            let tracking = known.tracking;
            let of_entity = known.entity(&entity.name);
            let told = facts.change_tracking.or(own.then_some(true));
            let delta = of_entity.delta.or(told).or(tracking.filter(|tracking| !tracking));
            let told = facts.concurrency.as_ref().map(|_| true).or(own.then_some(true));
            (delta, of_entity.revisions.or(told))
        };
        if delta.is_none() || revisions.is_none() {
            let (seen_delta, seen_revisions) = self.look(entity, facts, delta.is_none()).await?;
            delta = delta.or(seen_delta);
            revisions = revisions.or(seen_revisions);
        }
        Ok((delta.unwrap_or(false), revisions.unwrap_or(false)))
    }

    /// Reads the key of a record or a few, to see what comes along.
    async fn look(
        &self,
        entity: &Arc<EntitySchema>,
        facts: &EntityFacts,
        tracking: bool,
    ) -> Result<(Option<bool>, Option<bool>), TransportError> {
        // A limit by `$top` would make change tracking meaningless; the preference limits instead.
        let keys: Vec<&str> = entity
            .key
            .iter()
            .map(driftless_record::FieldName::as_str)
            .collect();
        let top = if tracking { "" } else { "&$top=1" };
        let url = self
            .http
            .root()
            .join(&format!("{}?$select={}{top}", entity.set, keys.join(",")))?;
        let mut prefer = vec!["odata.maxpagesize=1".to_owned()];
        if tracking {
            prefer.push(PREFER_TRACKING.to_owned());
        }
        let reply = self.read(url, crate::exchange::ACCEPT_JSON, &prefer).await?;
        let mut known = self.learned.open();
        if !reply.status.is_success() {
            // What cannot be read this way is not tracked for this user; whether it can be read at all shows at the pull.
            known.entity(&entity.name).delta = Some(false);
            return Ok((Some(false), None));
        }
        let layout = Layout::new(&Schema::default(), entity, &entity.key, Some(facts));
        let page = self.parse_page(&reply, &layout)?;
        let delta = tracking.then(|| applies_tracking(&reply) || page.delta_link.is_some());
        if let Some(delta) = delta {
            known.tracking = Some(known.tracking.unwrap_or(false) || delta);
        }
        let of_entity = known.entity(&entity.name);
        of_entity.delta = of_entity.delta.or(delta);
        let first = page.rows.rows.first();
        let revisions = first.map(|row| row.revision.is_some());
        of_entity.revisions = of_entity.revisions.or(revisions);
        Ok((delta, revisions))
    }
}

/// Whether changes can be found by modification date.
pub(crate) fn watermark(entity: &EntitySchema, facts: &EntityFacts) -> bool {
    entity
        .modified_field
        .as_ref()
        .is_some_and(|field| !facts.not_filterable.contains(field) && !facts.not_sortable.contains(field))
}

/// Whether the device makes up the key.
fn has_client_key(entity: &EntitySchema) -> bool {
    entity.key.iter().all(|name| {
        entity
            .field(name)
            .is_some_and(|field| !field.server_made && !field.read_only)
    })
}
