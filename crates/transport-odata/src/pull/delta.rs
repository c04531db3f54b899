//! Pages by the links that the service gives.

use driftless_record::{FieldKind, FieldName};
use driftless_transport::{Page, PullRequest, TransportError};

use super::page::{Came, finish, highest, later};
use crate::checkpoint::{DeltaPlace, Mark};
use crate::exchange::PREFER_STAMPS;
use crate::read::PREFER_TRACKING;
use crate::transport::ODataTransport;
use crate::visited::{MAX_EMPTY, MAX_PAGES};

impl ODataTransport {
    pub(super) async fn delta_page(
        &self,
        request: &PullRequest,
        place: DeltaPlace,
    ) -> Result<Page, TransportError> {
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
}
