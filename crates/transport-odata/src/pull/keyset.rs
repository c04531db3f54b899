//! Pages by modification date and key, or by key alone.

use std::time::Duration;

use driftless_record::query::Comparison;
use driftless_record::time::TICKS_PER_SECOND;
use driftless_record::{DateTime, EntitySchema, Expr, FieldName, Query, RecordId, Value};
use driftless_transport::{Page, PullRequest, TransportError};

use super::page::{finish, highest, later, modified};
use crate::checkpoint::{Mark, Place};
use crate::read::{after_key, after_place, ascending};
use crate::transport::ODataTransport;

impl ODataTransport {
    pub(super) async fn keyset_page(
        &self,
        request: &PullRequest,
        mark: Mark,
    ) -> Result<Page, TransportError> {
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
                        self.pass(entity, at.as_ref().map(name_of).as_deref(), &name_of(&place))?;
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
                    self.pass(entity, at.as_ref().map(RecordId::as_str), row.id.as_str())?;
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
    fn pass(&self, entity: &EntitySchema, from: Option<&str>, to: &str) -> Result<(), TransportError> {
        let mut known = self.learned.open();
        let visited = &mut known.entity(&entity.name).visited;
        if from.is_none() {
            visited.clear();
        }
        visited.go(from.unwrap_or_default(), to)
    }
}

fn name_of(place: &Place) -> String {
    match place.modified {
        Some(modified) => format!("{modified} {}", place.id),
        None => format!("null {}", place.id),
    }
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
