//! What the answer to one part proves.

use std::collections::BTreeMap;

use driftless_odata::ErrorBody;
use driftless_odata::batch::Response;
use driftless_odata::payload::{self, Results};
use driftless_record::{Cause, CauseClass, Record, Revision, ServerRecord};
use driftless_transport::PushResult;
use driftless_transport_http::{Reply, parse_http_date, parse_retry_after};

use super::compose::Part;
use crate::classify::{self, Refusal, Subject};
use crate::exchange;

/// The longest revision that is kept.
const MAX_REVISION: usize = 1024;

/// Reads the answer to a request of its own.
pub(super) fn of_reply(part: &Part, reply: &Reply) -> PushResult {
    if reply.status.is_success() {
        return done(part, |name| reply.header(name), &reply.body);
    }
    classify::result(subject(part), &exchange::refusal(reply))
}

/// Reads the answer to a part of a batch.
pub(super) fn of_response(part: &Part, response: &Response, batch: &Reply) -> PushResult {
    let header = |name: &str| {
        let found = response
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    if (200..300).contains(&response.status) {
        return done(part, header, &response.body);
    }
    let now = batch.header("date").and_then(parse_http_date);
    let refusal = Refusal {
        status: response.status,
        // The batch around it is the service's.
        is_own: true,
        repeatability: header("repeatability-result").map(str::to_owned),
        retry_after: header("retry-after").and_then(|text| parse_retry_after(text, now)),
        ..Refusal::default()
    };
    classify::result(subject(part), &refusal.told(ErrorBody::read(&response.body)))
}

/// The result of a part that cannot be sent at all.
pub(super) fn unsendable(text: &str) -> PushResult {
    PushResult::Failed {
        cause: Cause {
            class: CauseClass::Unsupported,
            field: None,
            other: None,
            code: "NotSent".to_owned(),
            text: text.to_owned(),
        },
        retry_after: None,
    }
}

fn done<'a>(part: &Part, header: impl Fn(&str) -> Option<&'a str>, body: &[u8]) -> PushResult {
    let etag = header("etag").filter(|tag| !tag.is_empty() && tag.len() <= MAX_REVISION);
    let etag = etag.map(|tag| Revision(tag.to_owned()));
    if let Some(results) = &part.results {
        return ran(results, etag.filter(|_| part.own), body);
    }
    let links = ["odata-entityid", "location"].map(header);
    PushResult::Done {
        revision: etag,
        record: made(part, body, links.into_iter().flatten().collect()),
    }
}

/// The result of a command that succeeded. The revision is that of the command's record, which only a service of ours
/// is known to tell: of what others answer with, nobody says which record it is.
fn ran(results: &Results, revision: Option<Revision>, body: &[u8]) -> PushResult {
    let made = if body.is_empty() {
        Ok(BTreeMap::new())
    } else {
        results.read(body)
    };
    match made {
        Ok(made) => PushResult::Ran { revision, made },
        // What fails while it answers breaks its answer off: the success at its head proves nothing then.
        Err(_) => PushResult::Unknown,
    }
}

/// Returns a record whose key the service has made: as its answer shows it, or at least the key, as a link tells it.
fn made(part: &Part, body: &[u8], links: Vec<&str>) -> Option<Box<ServerRecord>> {
    let shown = payload::read_record(body, part.made.as_ref()?).ok();
    let linked = || {
        let id = links
            .into_iter()
            .find_map(|link| payload::link_id(&part.entity, link))?;
        let key = id.key_values(&part.entity).ok()?;
        Some(ServerRecord {
            record: Record {
                entity: part.entity.name.clone(),
                id,
                revision: None,
                fields: part.entity.key.iter().cloned().zip(key).collect(),
            },
            stamps: BTreeMap::new(),
        })
    };
    shown.or_else(linked).map(Box::new)
}

fn subject(part: &Part) -> Subject<'_> {
    Subject {
        entity: &part.entity,
        facts: Some(&part.facts),
        action: &part.action,
    }
}
