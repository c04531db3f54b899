//! A page as it came, and as the engine takes it.

use driftless_odata::payload::{self, Layout, RemovedReason};
use driftless_record::{DateTime, EntitySchema, Row, Value};
use driftless_transport::{Page, PullRequest, Removal, RemovalReason, TransportError};
use driftless_transport_http::{Reply, Url};

use crate::checkpoint::Mark;
use crate::transport::ODataTransport;

/// A page as it came.
pub(super) struct Came {
    pub(super) reply: Reply,
    pub(super) page: payload::Page,
}

impl ODataTransport {
    pub(super) async fn get_page(
        &self,
        request: &PullRequest,
        url: Url,
        prefer: &[String],
    ) -> Result<Came, TransportError> {
        let facts = self.facts(&request.entity.name).await?;
        let layout = Layout::new(&request.schema, &request.entity, &[], Some(&facts));
        let reply = self.read_json(url, prefer).await?;
        let page = self.parse_page(&reply, &layout)?;
        if page.rows.rows.iter().any(|row| row.revision.is_some()) {
            self.learned.open().entity(&request.entity.name).revisions = Some(true);
        }
        Ok(Came { reply, page })
    }
}

/// Makes the page for the engine.
pub(super) fn finish(came: Came, next: Mark, last: bool) -> Result<Page, TransportError> {
    let removed = came.page.removed.into_iter().map(|removed| Removal {
        id: removed.id,
        reason: match removed.reason {
            RemovedReason::Deleted => RemovalReason::Deleted,
            RemovedReason::Changed => RemovalReason::Changed,
        },
    });
    Ok(Page {
        removed: removed.collect(),
        rows: came.page.rows,
        stamps: came
            .page
            .stamps
            .into_iter()
            .map(|(at, stamps)| (at, stamps.into_iter().collect()))
            .collect(),
        next: next.write()?,
        last,
        total: came.page.count,
        bytes: came.reply.received,
        server_time: came.reply.server_time(),
    })
}

/// Returns the later of two times.
pub(super) fn later(a: Option<DateTime>, b: Option<DateTime>) -> Option<DateTime> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.ticks > a.ticks { b } else { a }),
        (one, None) | (None, one) => one,
    }
}

/// Returns a row's modification date.
pub(super) fn modified(entity: &EntitySchema, came: &Came, row: &Row) -> Option<DateTime> {
    let field = entity.modified_field.as_ref()?;
    let at = came.page.rows.columns.iter().position(|name| name == field)?;
    match row.values.get(at)? {
        Value::DateTime(time) => Some(*time),
        _ => None,
    }
}

/// Returns the largest modification date of a page, but not one in the server's future: changes made until then would
/// never be found.
pub(super) fn highest(entity: &EntitySchema, came: &Came) -> Option<DateTime> {
    let now = came.reply.server_time().map(DateTime::from_timestamp);
    came.page
        .rows
        .rows
        .iter()
        .filter_map(|row| modified(entity, came, row))
        .map(|time| match now {
            Some(now) if now.ticks < time.ticks => now,
            _ => time,
        })
        .max_by_key(|time| time.ticks)
}
