//! Pulls: by delta links, else by modification date, else everything by key.

use std::time::Duration;

use driftless_odata::payload::{self, Layout, RemovedReason};
use driftless_record::query::Comparison;
use driftless_record::time::TICKS_PER_SECOND;
use driftless_record::{DateTime, EntitySchema, Expr, FieldKind, FieldName, Query, Row, Value};
use driftless_transport::{ChangeDetection, Page, PullRequest, Removal, RemovalReason, TransportError};
use driftless_transport_http::{Reply, Url};

use crate::checkpoint::{DeltaPlace, Mark, Place};
use crate::exchange::PREFER_STAMPS;
use crate::read::{PREFER_TRACKING, after_key, after_place, ascending, selected};
use crate::transport::ODataTransport;
use crate::visited::{MAX_EMPTY, MAX_PAGES};

/// A page as it came, with what the checkpoint is made of.
struct Came {
    reply: Reply,
    page: payload::Page,
}

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
        let mark = if crate::probe::watermark(entity, &facts) {
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
    fn select(&self, entity: &EntitySchema) -> Vec<FieldName> {
        if self.learned.open().own == Some(true) {
            return Vec::new();
        }
        selected(entity)
            .into_iter()
            .filter_map(|name| entity.field(name))
            .map(|field| field.name.clone())
            .collect()
    }

    async fn get_page(
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

    async fn delta_page(&self, request: &PullRequest, place: DeltaPlace) -> Result<Page, TransportError> {
        let DeltaPlace {
            link,
            pages,
            empty,
            is_first_set,
            high,
        } = place;
        let url = self.http.root().join(&link)?;
        let mut prefer = vec![format!(
            "odata.maxpagesize={}",
            request.max_rows.clamp(1, self.options.page_rows)
        )];
        if is_first_set && pages == 0 {
            prefer.push(PREFER_TRACKING.to_owned());
        }
        // A later set is one of changes: few rows, whose stamps decide conflicts.
        if !is_first_set && self.is_own().await? {
            prefer.push(PREFER_STAMPS.to_owned());
        }
        let mut came = self.get_page(request, url, &prefer).await?;
        self.complete(request, &mut came).await?;
        let high = if is_first_set {
            later(high, highest(&request.entity, &came))
        } else {
            None
        };
        let is_empty = came.page.rows.rows.is_empty() && came.page.removed.is_empty();
        let empty = if is_empty { empty + 1 } else { 0 };
        if pages >= MAX_PAGES || empty >= MAX_EMPTY {
            return Err(TransportError::Protocol("its pages do not end".to_owned()));
        }
        let root = self.http.root();
        let relative = |text: &str| {
            let url = root.resolve(&came.reply.url, text)?;
            root.relative(&url)
                .ok_or_else(|| TransportError::Protocol("it holds a link out of the service".to_owned()))
        };
        let (next, last) = match (&came.page.next_link, &came.page.delta_link) {
            (Some(text), _) => {
                let next = relative(text)?;
                let mut known = self.learned.open();
                let visited = &mut known.entity(&request.entity.name).visited;
                if pages == 0 {
                    visited.clear();
                }
                visited.go(&link, &next)?;
                let place = DeltaPlace {
                    link: next,
                    pages: pages + 1,
                    empty,
                    is_first_set,
                    high,
                };
                (Mark::Delta(place), false)
            }
            (None, Some(text)) => {
                let link = relative(text)?;
                let place = DeltaPlace {
                    link,
                    pages: 0,
                    empty: 0,
                    is_first_set: false,
                    high: None,
                };
                (Mark::Delta(place), true)
            }
            (None, None) if is_first_set => {
                self.learned.open().entity(&request.entity.name).delta = Some(false);
                let since = request.entity.modified_field.as_ref().and(high);
                let next = match since {
                    Some(_) => Mark::Watermark {
                        since,
                        high: since,
                        at: None,
                    },
                    None => Mark::Full { at: None, then: None },
                };
                (next, true)
            }
            (None, None) => {
                return Err(TransportError::Protocol(
                    "it gives changes without a link to go on".to_owned(),
                ));
            }
        };
        finish(came, next, last)
    }

    /// Reads rows again that a service sent with only what changed in them.
    async fn complete(&self, request: &PullRequest, came: &mut Came) -> Result<(), TransportError> {
        let entity = &request.entity;
        let is_part = |missing: &[FieldName]| {
            missing.iter().any(|name| {
                entity
                    .field(name)
                    .is_some_and(|field| field.kind != FieldKind::File)
            })
        };
        let is_delta = came
            .page
            .context
            .as_deref()
            .is_some_and(|context| context.ends_with("$delta"));
        if !is_delta {
            return Ok(());
        }
        let parts: Vec<usize> = came
            .page
            .missing
            .iter()
            .filter(|(_, missing)| is_part(missing))
            .map(|(at, _)| *at)
            .collect();
        for at in parts {
            let Some(row) = came.page.rows.rows.get_mut(at) else {
                continue;
            };
            // What is gone by now comes as removed with the next set.
            if let Some(read) = self.read_one(&request.schema, &entity.name, &row.id).await? {
                let columns = &came.page.rows.columns;
                row.values = columns
                    .iter()
                    .map(|name| read.record.value(name).clone())
                    .collect();
                row.revision = read.record.revision;
            }
        }
        Ok(())
    }

    async fn keyset_page(&self, request: &PullRequest, mark: Mark) -> Result<Page, TransportError> {
        let entity = &request.entity;
        let asked = request.max_rows.clamp(1, self.options.page_rows);
        let (place, order) = self.keyset(entity, &mark)?;
        let query = Query {
            filter: Expr::and(request.filter.clone(), place),
            order: ascending(&order),
            top: Some(asked as u64),
            select: self.select(entity),
            ..Query::all(entity.name.clone())
        };
        let starts = matches!(
            &mark,
            Mark::Full { at: None, .. }
                | Mark::Watermark {
                    at: None,
                    since: None,
                    ..
                }
        );
        let url = self.query_url(&request.schema, entity, &query, starts)?;
        let came = self.get_page(request, url, &[]).await?;
        let rows = &came.page.rows.rows;
        let more = rows.len() >= asked || came.page.next_link.is_some();
        let last_row = rows.last();
        if more && last_row.is_none() {
            return Err(TransportError::Protocol(
                "it gives an empty page with a next one".to_owned(),
            ));
        }
        let next = match mark {
            Mark::Watermark { since, high, at } => {
                let high = later(high, highest(entity, &came));
                let place = last_row.map(|row| Place {
                    modified: modified(entity, &came, row),
                    id: row.id.clone(),
                });
                match place {
                    // The service keeps finer times than it tells, so that this place cannot be passed.
                    Some(place) if more && at.as_ref() == Some(&place) => Mark::Full {
                        at: None,
                        then: since.or(high),
                    },
                    Some(place) if more => {
                        self.pass(entity, at.as_ref().map(name_of), &name_of(&place))?;
                        Mark::Watermark {
                            since,
                            high,
                            at: Some(place),
                        }
                    }
                    _ => Mark::Watermark {
                        since: high,
                        high,
                        at: None,
                    },
                }
            }
            Mark::Full { at, then } => match last_row {
                Some(row) if more => {
                    self.pass(entity, at.map(|id| id.to_string()), row.id.as_str())?;
                    Mark::Full {
                        at: Some(row.id.clone()),
                        then,
                    }
                }
                _ => match then {
                    Some(_) => Mark::Watermark {
                        since: then,
                        high: then,
                        at: None,
                    },
                    None => Mark::Full { at: None, then: None },
                },
            },
            Mark::Delta(_) | Mark::Sweep { .. } => return Err(TransportError::CheckpointGone),
        };
        // The first page may find that another way must be gone; then the set is not over.
        let last = !more;
        finish(came, next, last)
    }

    /// Returns the filter for what comes after a mark, and the order to read in.
    fn keyset(
        &self,
        entity: &EntitySchema,
        mark: &Mark,
    ) -> Result<(Option<Expr>, Vec<FieldName>), TransportError> {
        match mark {
            Mark::Full { at, .. } => {
                let place = at.as_ref().map(|id| after_key(entity, id)).transpose()?;
                Ok((place, entity.key.clone()))
            }
            Mark::Watermark { since, at, .. } => {
                let field = entity
                    .modified_field
                    .as_ref()
                    .ok_or(TransportError::CheckpointGone)?;
                let place = match (at, since) {
                    (Some(at), _) => Some(after_place(entity, field, at)?),
                    (None, Some(since)) => {
                        let from = Value::DateTime(earlier(*since, self.options.overlap));
                        Some(Expr::compare(field.clone(), Comparison::Ge, from))
                    }
                    (None, None) => None,
                };
                let mut order = vec![field.clone()];
                order.extend(entity.key.iter().filter(|name| *name != field).cloned());
                Ok((place, order))
            }
            Mark::Delta(_) | Mark::Sweep { .. } => Err(TransportError::CheckpointGone),
        }
    }

    /// Notes that a set goes on at another place, and refuses one that it has passed before.
    fn pass(&self, entity: &EntitySchema, from: Option<String>, to: &str) -> Result<(), TransportError> {
        let mut known = self.learned.open();
        let visited = &mut known.entity(&entity.name).visited;
        if from.is_none() {
            visited.clear();
        }
        visited.go(from.as_deref().unwrap_or_default(), to)
    }
}

fn name_of(place: &Place) -> String {
    match place.modified {
        Some(modified) => format!("{modified} {}", place.id),
        None => format!("null {}", place.id),
    }
}

fn finish(came: Came, next: Mark, last: bool) -> Result<Page, TransportError> {
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

fn earlier(time: DateTime, by: Duration) -> DateTime {
    let ticks = i64::try_from(by.as_secs())
        .unwrap_or(i64::MAX)
        .saturating_mul(TICKS_PER_SECOND);
    DateTime {
        ticks: time.ticks.saturating_sub(ticks),
        offset_minutes: 0,
    }
}

fn later(a: Option<DateTime>, b: Option<DateTime>) -> Option<DateTime> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.ticks > a.ticks { b } else { a }),
        (one, None) | (None, one) => one,
    }
}

fn modified(entity: &EntitySchema, came: &Came, row: &Row) -> Option<DateTime> {
    let field = entity.modified_field.as_ref()?;
    let at = came.page.rows.columns.iter().position(|name| name == field)?;
    match row.values.get(at)? {
        Value::DateTime(time) => Some(*time),
        _ => None,
    }
}

/// Returns the largest modification date of a page, but not one in the server's future: changes made until then would
/// never be found.
fn highest(entity: &EntitySchema, came: &Came) -> Option<DateTime> {
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
