//! Pages of an entity set, and of what changed in it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use driftless_odata::headers::Preferences;
use driftless_odata::payload::{DeltaForm, Layout, PageWriter, Removed, RemovedReason, Unknown};
use driftless_odata::query::QueryOptions;
use driftless_record::{DeviceId, FieldName, RecordId, Stamp, Timestamp};
use http::StatusCode;

use crate::db::feed;
use crate::db::row::Stamps;
use crate::db::state;
use crate::db::table::Table;
use crate::db::write::Writing;
use crate::query::{self, Leads};
use crate::reply::{Refusal, Reply};
use crate::request::Request;
use crate::rows::{self, Limit};
use crate::service::Service;
use crate::token::{self, DeltaToken, Next, SkipToken};

/// The most rows of a page.
const MOST_ROWS: usize = 5_000;
/// The rows of a page if the client does not say.
const USUAL_ROWS: usize = 1_000;

/// One request for a page.
struct Pager<'a> {
    service: &'a Service,
    writing: &'a Writing<'a>,
    request: &'a Request,
    table: &'a Table,
    asked: QueryOptions,
    layout: Cow<'a, Layout>,
    database: String,
    with_stamps: bool,
}

/// Answers a request for an entity set.
pub(crate) fn respond(
    service: &Service,
    writing: &Writing<'_>,
    request: &Request,
    table: &Table,
    preferences: &Preferences,
) -> Result<Reply, Refusal> {
    let asked = query::read(service, request, table)?;
    let layout = chosen(service, table, &asked.query.select)?;
    let pager = Pager {
        service,
        writing,
        request,
        table,
        layout,
        database: service.database.simple().to_string(),
        with_stamps: preferences.stamps,
        asked,
    };
    let (seq, floor) = state::seq_and_floor(writing.connection)?;
    let seq = seq.max(writing.seq);
    if let Some(text) = &pager.asked.delta_token {
        let token: DeltaToken = token::read(text).ok_or_else(token::gone)?;
        if token.database != pager.database || token.seq < floor || token.seq > seq {
            return Err(token::gone());
        }
        let page = page_size(preferences);
        return pager.changes(token.seq, seq, page, &applied(preferences, Tracking::Off));
    }
    if let Some(text) = &pager.asked.skip_token {
        let token: SkipToken = token::read(text).ok_or_else(token::gone)?;
        if token.database != pager.database || token.tracked_from.is_some_and(|from| from < floor) {
            return Err(token::gone());
        }
        return match token.next {
            Next::Changes(after, _) if after < floor => Err(token::gone()),
            Next::Changes(after, up_to) => pager.changes(after, up_to, token.page, &[]),
            _ => pager.rows(&token, None, &[]),
        };
    }
    let whole = query::is_whole(&pager.asked);
    let token = SkipToken {
        database: pager.database.clone(),
        next: if pager.asked.query.order.is_empty() && pager.asked.query.skip == 0 {
            Next::AfterKey(0)
        } else {
            Next::AfterCount(0)
        },
        tracked_from: (preferences.track_changes && whole).then_some(seq),
        remaining: pager.asked.query.top,
        page: page_size(preferences),
    };
    let count = if pager.asked.count {
        Some(pager.count()?)
    } else {
        None
    };
    let tracking = match token.tracked_from {
        Some(_) => Tracking::On,
        None => Tracking::Off,
    };
    pager.rows(&token, count, &applied(preferences, tracking))
}

/// Answers a request for the number of records.
pub(crate) fn count(
    service: &Service,
    writing: &Writing<'_>,
    request: &Request,
    table: &Table,
) -> Result<Reply, Refusal> {
    let asked = query::read(service, request, table)?;
    let count = rows::count(service, writing.connection, &asked.query, writing.now)?;
    Ok(Reply::empty(StatusCode::OK)
        .header("content-type", "text/plain;charset=utf-8")
        .body(count.to_string().into_bytes()))
}

/// Returns the size of pages that was asked for.
fn page_size(preferences: &Preferences) -> Option<usize> {
    preferences
        .max_page_size
        .and_then(|size| usize::try_from(size).ok())
}

/// Whether the last page has a delta link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tracking {
    On,
    Off,
}

/// Returns which preferences were followed.
fn applied(preferences: &Preferences, tracking: Tracking) -> Vec<String> {
    let mut applied = Vec::new();
    if tracking == Tracking::On {
        applied.push("odata.track-changes".to_owned());
    }
    if let Some(size) = page_size(preferences) {
        applied.push(format!("odata.maxpagesize={}", size.clamp(1, MOST_ROWS)));
    }
    applied
}

/// Returns how bodies look that have the selected fields of an entity.
pub(crate) fn layout<'a>(
    service: &'a Service,
    request: &Request,
    table: &Table,
) -> Result<Cow<'a, Layout>, Refusal> {
    let fields = if request.is_read() {
        query::select(service, request, table)?
    } else {
        Vec::new()
    };
    chosen(service, table, &fields)
}

fn chosen<'a>(service: &'a Service, table: &Table, fields: &[FieldName]) -> Result<Cow<'a, Layout>, Refusal> {
    if !fields.is_empty() {
        let facts = service
            .facts
            .as_ref()
            .and_then(|facts| facts.get(&table.entity.name));
        let layout = Layout::new(&service.schema, &table.entity, fields, facts).unknown(Unknown::Refuse);
        return Ok(Cow::Owned(layout));
    }
    let layout = service.layouts.get(&table.entity.name);
    layout
        .map(Cow::Borrowed)
        .ok_or_else(|| Refusal::not_found("there is no such resource"))
}

/// Returns the stamps to write with a row; none if there are none to write.
pub(crate) fn stamps(
    layout: &Layout,
    stamps: Option<&Stamps>,
    server: DeviceId,
) -> BTreeMap<FieldName, Stamp> {
    let Some(stamps) = stamps else {
        return BTreeMap::new();
    };
    let entity = layout.entity();
    let least = Stamp {
        time: Timestamp(0),
        counter: 0,
        device: server,
    };
    let is_edited = |name: &&FieldName| {
        let made = entity.field(name).is_some_and(|field| field.server_made);
        !made && !entity.is_key(name) && entity.modified_field.as_ref() != Some(*name)
    };
    let stamp = |name: &FieldName| (name.clone(), stamps.of(name).unwrap_or(least));
    layout.columns().iter().filter(is_edited).map(stamp).collect()
}

impl Pager<'_> {
    fn size(&self, asked: Option<usize>) -> usize {
        asked.unwrap_or(USUAL_ROWS).clamp(1, MOST_ROWS)
    }

    /// Returns how removed records are written: in the way of 4.0 for clients that know no later version.
    fn delta_form(&self) -> DeltaForm {
        match self.request.odata_version() {
            "4.0" => DeltaForm::V40,
            _ => DeltaForm::V401,
        }
    }

    fn count(&self) -> Result<u64, Refusal> {
        rows::count(
            self.service,
            self.writing.connection,
            &self.asked.query,
            self.writing.now,
        )
    }

    fn context(&self, what: &str) -> String {
        let selected = if self.asked.query.select.is_empty() {
            String::new()
        } else {
            let names: Vec<_> = self.layout.columns().iter().map(FieldName::as_str).collect();
            format!("({})", names.join(","))
        };
        format!(
            "{}$metadata#{}{selected}{what}",
            self.request.root, self.table.entity.set
        )
    }

    fn link(&self, name: &str, token: &str, leads: Leads) -> String {
        let options = query::kept_options(&self.request.query, leads);
        let separator = if options.is_empty() { "" } else { "&" };
        format!(
            "{}{}?{options}{separator}{name}={token}",
            self.request.root, self.table.entity.set
        )
    }

    fn delta_link(&self, seq: i64) -> String {
        let token = DeltaToken {
            database: self.database.clone(),
            seq,
        };
        self.link("$deltatoken", &token::write(&token), Leads::ToChanges)
    }

    fn reply(&self, body: Vec<u8>, applied: &[String]) -> Reply {
        let reply = Reply::records(StatusCode::OK, body, self.request.numbers());
        if applied.is_empty() {
            reply
        } else {
            reply.header("preference-applied", applied.join(", "))
        }
    }

    /// Writes a page of rows.
    fn rows(&self, token: &SkipToken, count: Option<u64>, applied: &[String]) -> Result<Reply, Refusal> {
        let page = self.size(token.page);
        let wanted = token
            .remaining
            .and_then(|remaining| usize::try_from(remaining).ok())
            .map_or(page, |remaining| remaining.min(page));
        let limit = match token.next {
            Next::AfterKey(key) => Limit::AfterKey(key),
            Next::AfterCount(count) => Limit::AfterCount(count),
            Next::Changes(..) => return Err(token::gone()),
        };
        let with_stamps = self.with_stamps && token.tracked_from.is_none();
        let mut out = Vec::with_capacity(wanted.min(page) * 640 + 512);
        let context = self.context("");
        let form = (self.request.numbers(), self.delta_form());
        let mut writer = PageWriter::new(&mut out, &self.layout, &context, count, form);
        let mut last_key = 0;
        let mut written = 0;
        let more = rows::each(
            self.service,
            self.writing,
            (&self.asked.query, &self.layout, limit),
            wanted,
            |key, stored_stamps, row| {
                writer.row(
                    row,
                    &stamps(
                        &self.layout,
                        with_stamps.then_some(stored_stamps),
                        DeviceId(self.service.database),
                    ),
                );
                last_key = key;
                written += 1;
            },
        )?;
        let remaining = token.remaining.map(|remaining| remaining.saturating_sub(written));
        let next = (more && remaining != Some(0)).then(|| {
            let next = match token.next {
                Next::AfterCount(count) => Next::AfterCount(count + written),
                _ => Next::AfterKey(last_key),
            };
            let token = SkipToken {
                next,
                remaining,
                ..token.clone()
            };
            self.link("$skiptoken", &token::write(&token), Leads::ToRows)
        });
        let delta = token
            .tracked_from
            .filter(|_| next.is_none())
            .map(|seq| self.delta_link(seq));
        writer.finish(next.as_deref(), delta.as_deref());
        Ok(self.reply(out, applied))
    }

    /// Writes a page of changes after one number and up to another.
    ///
    /// A record is sent as it is now; one that is gone, or no longer among those asked for, as removed, whether the
    /// client has it or not.
    fn changes(
        &self,
        after: i64,
        up_to: i64,
        page: Option<usize>,
        applied: &[String],
    ) -> Result<Reply, Refusal> {
        let size = self.size(page);
        let connection = self.writing.connection;
        let entries = feed::entries(connection, self.table, after, up_to, size)?;
        let is_last = entries.len() < size;
        // Of several changes of one record only the last matters, as each sends the record as it is now.
        let mut order: Vec<&str> = Vec::with_capacity(entries.len());
        let mut seen = BTreeSet::new();
        for entry in entries.iter().rev() {
            if seen.insert(entry.id.as_str()) {
                order.push(&entry.id);
            }
        }
        order.reverse();

        let mut out = Vec::with_capacity(order.len() * 640 + 512);
        let context = self.context("/$delta");
        let form = (self.request.numbers(), self.delta_form());
        let mut writer = PageWriter::new(&mut out, &self.layout, &context, None, form);
        for ids in order.chunks(rows::MOST_IDS) {
            let mut found = BTreeMap::new();
            rows::each(
                self.service,
                self.writing,
                (&self.asked.query, &self.layout, Limit::Ids(ids)),
                ids.len(),
                |_, stored_stamps, row| {
                    found.insert(row.id.as_str().to_owned(), (row.clone(), stored_stamps.clone()));
                },
            )?;
            let present = rows::present(connection, self.table, ids)?;
            for id in ids {
                if let Some((row, stored_stamps)) = found.get(*id) {
                    let server = DeviceId(self.service.database);
                    writer.row(
                        row,
                        &stamps(&self.layout, self.with_stamps.then_some(stored_stamps), server),
                    );
                    continue;
                }
                let reason = if present.contains(*id) {
                    RemovedReason::Changed
                } else {
                    RemovedReason::Deleted
                };
                writer.removed(&Removed {
                    id: RecordId::from_canonical(id),
                    reason,
                });
            }
        }
        let (mut next, mut delta) = (None, None);
        match entries.last() {
            Some(last) if !is_last => {
                let token = SkipToken {
                    database: self.database.clone(),
                    next: Next::Changes(last.seq, up_to),
                    tracked_from: None,
                    remaining: None,
                    page,
                };
                next = Some(self.link("$skiptoken", &token::write(&token), Leads::ToChanges));
            }
            _ => delta = Some(self.delta_link(up_to)),
        }
        writer.finish(next.as_deref(), delta.as_deref());
        Ok(self.reply(out, applied))
    }
}

#[cfg(test)]
mod tests;
