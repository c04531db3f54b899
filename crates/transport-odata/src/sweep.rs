//! Sweeps: the ids on the server, in the order of the key.

use driftless_odata::payload::Layout;
use driftless_record::{Expr, Query};
use driftless_transport::{SweepPage, SweepRequest, TransportError};

use crate::checkpoint::Mark;
use crate::read::{after_key, ascending};
use crate::transport::ODataTransport;

impl ODataTransport {
    pub(crate) async fn sweep_page(&self, request: &SweepRequest) -> Result<SweepPage, TransportError> {
        let entity = &request.entity;
        let at = match request.checkpoint.as_ref().map(Mark::read).transpose()? {
            None => None,
            Some(Mark::Sweep { at }) => Some(at),
            Some(_) => return Err(TransportError::CheckpointGone),
        };
        let facts = self.facts(&entity.name).await?;
        let asked = request.max_rows.clamp(1, self.options.page_rows);
        let place = at.as_ref().map(|id| after_key(entity, id)).transpose()?;
        let query = Query {
            filter: Expr::and(request.filter.clone(), place),
            order: ascending(&entity.key),
            top: Some(asked as u64),
            select: entity.key.clone(),
            ..Query::all(entity.name.clone())
        };
        let url = self.query_url(&request.schema, entity, &query, false)?;
        let reply = self.read_json(url, &[]).await?;
        let layout = Layout::new(&request.schema, entity, &entity.key, Some(&facts));
        let page = self.parse_page(&reply, &layout)?;
        let more = page.rows.rows.len() >= asked || page.next_link.is_some();
        let last = page.rows.rows.last().map(|row| row.id.clone());
        let next = match last.filter(|_| more) {
            Some(last) => {
                let mut known = self.learned.open();
                let swept = &mut known.entity(&entity.name).swept;
                if at.is_none() {
                    swept.clear();
                }
                swept.go(at.as_ref().map_or("", |id| id.as_str()), last.as_str())?;
                Some(Mark::Sweep { at: last }.write()?)
            }
            None if page.next_link.is_some() => {
                return Err(TransportError::Protocol(
                    "it gives an empty page with a next one".to_owned(),
                ));
            }
            None => None,
        };
        Ok(SweepPage {
            ids: page
                .rows
                .rows
                .into_iter()
                .map(|row| (row.id, row.revision))
                .collect(),
            next,
        })
    }
}
