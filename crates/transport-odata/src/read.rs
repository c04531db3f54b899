//! Reading pages and single records.

use std::sync::Arc;

use driftless_odata::payload::{self, Layout};
use driftless_odata::query::{Names, raise_query};
use driftless_record::query::{Comparison, Order};
use driftless_record::{
    EntityName, EntitySchema, Expr, FieldKind, FieldName, Query, RecordId, Schema, ServerRecord, Value,
};
use driftless_transport::TransportError;
use driftless_transport_http::{Reply, StatusCode, Url};

use crate::exchange::{ACCEPT_JSON, PREFER_STAMPS, refusal};
use crate::transport::ODataTransport;

/// The preference for delta links.
pub(crate) const PREFER_TRACKING: &str = "odata.track-changes";

/// Whether a reply says that changes are tracked from here on.
pub(crate) fn applies_tracking(reply: &Reply) -> bool {
    reply
        .header("preference-applied")
        .is_some_and(|text| text.contains("track-changes"))
}

impl ODataTransport {
    /// Reads a page out of a reply.
    pub(crate) fn parse_page(&self, reply: &Reply, layout: &Layout) -> Result<payload::Page, TransportError> {
        payload::read_page(&reply.body, layout).map_err(|error| TransportError::Protocol(error.to_string()))
    }

    /// Makes the URL of a query.
    pub(crate) fn query_url(
        &self,
        schema: &Schema,
        entity: &EntitySchema,
        query: &Query,
        count: bool,
    ) -> Result<Url, TransportError> {
        let metadata = self.learned.open().metadata.clone();
        let facts = metadata.as_ref().map(|metadata| &metadata.facts);
        let options = raise_query(query, Names { schema, facts })
            .map_err(|error| TransportError::Protocol(error.to_string()))?;
        let mut text = driftless_odata::syntax::to_query_string(&options);
        if count {
            text.push_str("&$count=true");
        }
        self.http
            .root()
            .join(&format!("{}?{}", entity.set, text.trim_start_matches('&')))
    }

    /// Makes the URL of a record.
    pub(crate) fn record_path(&self, entity: &EntitySchema, id: &RecordId) -> Result<String, TransportError> {
        payload::record_link(entity, id)
            .ok_or_else(|| TransportError::Protocol(format!("{id} is not an id of {}", entity.name)))
    }

    pub(crate) async fn read_one(
        &self,
        schema: &Arc<Schema>,
        entity: &EntityName,
        id: &RecordId,
    ) -> Result<Option<ServerRecord>, TransportError> {
        let entity = schema
            .entity(entity.as_str())
            .ok_or_else(|| TransportError::Protocol(format!("there is no entity {entity}")))?;
        let own = self.is_own().await?;
        let facts = self.facts(&entity.name).await?;
        let mut relative = self.record_path(entity, id)?;
        if !own {
            relative.push_str(&format!("?$select={}", selected(entity).join(",")));
        }
        let prefer = if own {
            vec![PREFER_STAMPS.to_owned()]
        } else {
            Vec::new()
        };
        let reply = self
            .read(self.http.root().join(&relative)?, ACCEPT_JSON, &prefer)
            .await?;
        if matches!(reply.status, StatusCode::NOT_FOUND | StatusCode::GONE) && refusal(&reply).is_own {
            return Ok(None);
        }
        self.expect_success(&reply)?;
        let layout = Layout::new(schema, entity, &[], Some(&facts));
        let mut record = payload::read_record(&reply.body, &layout)
            .map_err(|error| TransportError::Protocol(error.to_string()))?;
        if record.record.id != *id {
            return Err(TransportError::Protocol(
                "it gives another record than the one asked for".to_owned(),
            ));
        }
        if record.record.revision.is_none() {
            record.record.revision = reply
                .header("etag")
                .map(|tag| driftless_record::Revision(tag.to_owned()));
        }
        Ok(Some(record))
    }
}

/// The fields that are asked for by name: all but files, whose bytes live beside the record.
pub(crate) fn selected(entity: &EntitySchema) -> Vec<&str> {
    entity
        .fields
        .iter()
        .filter(|field| field.kind != FieldKind::File)
        .map(|field| field.name.as_str())
        .collect()
}

/// Makes the order by some fields, smallest first.
pub(crate) fn ascending<'a>(fields: impl IntoIterator<Item = &'a FieldName>) -> Vec<Order> {
    fields
        .into_iter()
        .map(|field| Order {
            by: Expr::field(field.clone()),
            descending: false,
        })
        .collect()
}

/// Makes the filter for what comes after a key in the order by key.
pub(crate) fn after_key(entity: &EntitySchema, id: &RecordId) -> Result<Expr, TransportError> {
    let values = id
        .key_values(entity)
        .map_err(|_| TransportError::CheckpointGone)?;
    let parts: Vec<(FieldName, Value)> = entity.key.iter().cloned().zip(values).collect();
    Ok(after(&parts))
}

/// Makes the filter for what comes after a place in a lexicographic order: `a gt 1 or (a eq 1 and b gt 2)`.
fn after(parts: &[(FieldName, Value)]) -> Expr {
    let Some(((field, value), rest)) = parts.split_first() else {
        return Expr::Or(Vec::new());
    };
    let greater = Expr::compare(field.clone(), Comparison::Gt, value.clone());
    if rest.is_empty() {
        return greater;
    }
    let equal = Expr::compare(field.clone(), Comparison::Eq, value.clone());
    Expr::Or(vec![greater, Expr::And(vec![equal, after(rest)])])
}

/// Makes the filter for what comes after a place in the order by modification date and key; null dates come first.
pub(crate) fn after_place(
    entity: &EntitySchema,
    modified: &FieldName,
    place: &crate::checkpoint::Place,
) -> Result<Expr, TransportError> {
    let key = after_key(entity, &place.id)?;
    let value = place.modified.map_or(Value::Null, Value::DateTime);
    let greater = if value.is_null() {
        Comparison::Ne
    } else {
        Comparison::Gt
    };
    Ok(Expr::Or(vec![
        Expr::compare(modified.clone(), greater, value.clone()),
        Expr::And(vec![Expr::compare(modified.clone(), Comparison::Eq, value), key]),
    ]))
}
