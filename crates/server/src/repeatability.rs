//! Requests that are to have their effect once however often they are sent (OASIS Repeatable Requests).

use std::collections::BTreeMap;

use driftless_record::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::db::repeat::{self, Kept};
use crate::reply::{Refusal, Reply};
use crate::request::Request;

/// A unit that wants to be executed once.
pub(crate) struct Repeat {
    pub(crate) id: String,
    pub(crate) fingerprint: Vec<u8>,
}

impl Repeat {
    /// Reads the headers of requests that succeed or fail together.
    pub(crate) fn of(members: &[&Request], now: Timestamp) -> Result<Option<Self>, Refusal> {
        let mut ids = Vec::new();
        let mut hash = Sha256::new();
        for request in members {
            ids.push(request_id(request, now)?);
            for part in [
                request.method.as_str(),
                &request.path,
                &request.query,
                request.header("if-match").unwrap_or_default(),
                request.header("if-none-match").unwrap_or_default(),
            ] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
            hash.update((request.body.len() as u64).to_le_bytes());
            hash.update(&request.body);
        }
        if ids.iter().any(|id| *id != ids[0]) {
            return Err(Refusal::bad(
                "InvalidRepeatability",
                "every member of an atomicity group needs the same Repeatability-Request-ID",
            ));
        }
        let id = ids.into_iter().next().flatten();
        Ok(id.map(|id| Self {
            id,
            fingerprint: hash.finalize().to_vec(),
        }))
    }
}

/// Returns the id under which a request wants to be executed once.
fn request_id(request: &Request, now: Timestamp) -> Result<Option<String>, Refusal> {
    let id = request.header("repeatability-request-id");
    let sent = request.header("repeatability-first-sent");
    if request.is_read() {
        return Ok(None);
    }
    let (id, sent) = match (id, sent) {
        (None, None) => return Ok(None),
        (Some(id), Some(sent)) => (id, sent),
        _ => {
            return Err(Refusal::bad(
                "InvalidRepeatability",
                "Repeatability-Request-ID and Repeatability-First-Sent must stand together",
            ));
        }
    };
    let id: Uuid = id
        .parse()
        .map_err(|_| Refusal::bad("InvalidRepeatability", "Repeatability-Request-ID must be a UUID"))?;
    let sent = httpdate::parse_http_date(sent)
        .ok()
        .and_then(|sent| sent.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .ok_or_else(|| {
            Refusal::bad(
                "InvalidRepeatability",
                "Repeatability-First-Sent must be an HTTP date",
            )
        })?;
    if now.millis_since(Timestamp(sent)) > repeat::KEPT_MILLIS {
        return Err(Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            "RepeatabilityExpired",
            "the request was first sent so long ago that the server no longer knows whether it was executed",
        ));
    }
    Ok(Some(id.to_string()))
}

/// Makes the reply to a request that was not executed.
pub(crate) fn rejected(refusal: Refusal) -> Reply {
    Reply::from(refusal).header("repeatability-result", "rejected")
}

/// A reply as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptReply {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Writes replies as they are kept.
pub(crate) fn keep(replies: &[Reply]) -> String {
    let kept: Vec<KeptReply> = replies
        .iter()
        .map(|reply| KeptReply {
            status: reply.status.as_u16(),
            headers: reply
                .headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            body: String::from_utf8_lossy(&reply.body).into_owned(),
        })
        .collect();
    serde_json::to_string(&kept).unwrap_or_default()
}

/// Reads the kept replies, if they are those of this request.
pub(crate) fn replay(kept: &Kept, repeat: &Repeat) -> Result<Vec<Reply>, Refusal> {
    if kept.fingerprint != repeat.fingerprint {
        return Err(Refusal::bad(
            "RepeatabilityMismatch",
            "another request was sent with this Repeatability-Request-ID before",
        ));
    }
    let damaged = || {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Damaged",
            "the kept reply cannot be read",
        )
    };
    let replies: Vec<KeptReply> = serde_json::from_str(&kept.replies).map_err(|_| damaged())?;
    replies
        .into_iter()
        .map(|kept| {
            let mut reply = Reply::empty(StatusCode::from_u16(kept.status).map_err(|_| damaged())?);
            for (name, value) in kept.headers {
                reply
                    .headers
                    .push((known_header(&name).ok_or_else(damaged)?, value));
            }
            Ok(reply.body(kept.body.into_bytes()))
        })
        .collect()
}

/// Returns the name of a header that replies carry.
fn known_header(name: &str) -> Option<&'static str> {
    const KNOWN: [&str; 7] = [
        "content-type",
        "etag",
        "location",
        "odata-entityid",
        "preference-applied",
        "repeatability-result",
        "retry-after",
    ];
    KNOWN.into_iter().find(|known| *known == name)
}
