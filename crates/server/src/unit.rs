//! Executing requests: one transaction for all that came together, a savepoint for each that stands alone.

use std::collections::BTreeMap;

use driftless_record::{DeviceId, Timestamp};
use http::{HeaderName, StatusCode};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::db::repeat::{self, Kept};
use crate::db::write::Writing;
use crate::db::{feed, state};
use crate::reply::{Refusal, Reply};
use crate::request::{Principal, Request};
use crate::resource;
use crate::service::Service;

/// Runs `work` in one transaction, which is durable when this returns.
///
/// # Errors
/// The refusal of `work`, or that of the database; nothing was done then.
pub(crate) fn transaction<T>(
    service: &Service,
    principal: &Principal,
    now: Timestamp,
    is_read: bool,
    work: impl FnOnce(&mut Executor<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    if is_read {
        return service.pool.read(|connection| {
            let (seq, _) = state::seq_and_floor(connection)?;
            work(&mut Executor::new(
                service,
                principal,
                connection,
                (now, seq),
                true,
            ))
        });
    }
    let connection = service.pool.writer();
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let result = (|| {
        let (seq, _) = state::seq_and_floor(&connection)?;
        let mut executor = Executor::new(service, principal, &connection, (now, seq), false);
        let result = work(&mut executor)?;
        let last = executor.writing.seq;
        if last != seq {
            connection
                .prepare_cached("UPDATE state$ SET seq = ?")?
                .execute([last])?;
            feed::prune(&connection, last, i64::from(service.feed_kept))?;
        }
        repeat::sweep(&connection, now)?;
        connection.execute_batch("COMMIT")?;
        Ok(result)
    })();
    if result.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    result
}

/// A transaction that executes requests.
pub(crate) struct Executor<'a> {
    service: &'a Service,
    principal: &'a Principal,
    pub(crate) writing: Writing<'a>,
    is_read: bool,
}

impl<'a> Executor<'a> {
    fn new(
        service: &'a Service,
        principal: &'a Principal,
        connection: &'a Connection,
        (now, seq): (Timestamp, i64),
        is_read: bool,
    ) -> Self {
        let writing = Writing {
            connection,
            tables: &service.tables,
            schema: &service.schema,
            now,
            device: DeviceId(service.database),
            seq,
        };
        Self {
            service,
            principal,
            writing,
            is_read,
        }
    }

    /// Executes requests that succeed or fail together (one, or the members of an atomicity group), once however often
    /// they are sent. Returns one reply for each.
    ///
    /// # Errors
    /// Only if the database fails; a refused request has a reply that says so.
    pub(crate) fn run(&mut self, members: &[&Request]) -> Result<Vec<Reply>, Refusal> {
        let all = |refusal: Refusal| vec![rejected(refusal); members.len()];
        let repeat = match Repeat::of(members, self.writing.now) {
            Ok(repeat) => repeat,
            Err(refusal) => return Ok(all(refusal)),
        };
        let principal = &self.principal.name.0;
        if let Some(repeat) = &repeat
            && let Some(kept) = repeat::find(self.writing.connection, principal, &repeat.id)?
        {
            return Ok(replay(&kept, repeat).unwrap_or_else(all));
        }
        self.savepoint("SAVEPOINT unit")?;
        let mut replies = Vec::with_capacity(members.len());
        for request in members {
            match resource::respond(self.service, &mut self.writing, request) {
                Ok(reply) => replies.push(reply),
                Err(refusal) => {
                    self.savepoint("ROLLBACK TO unit")?;
                    self.savepoint("RELEASE unit")?;
                    let refused = if repeat.is_some() {
                        rejected(refusal)
                    } else {
                        refusal.into()
                    };
                    return Ok(failed(members.len(), replies.len(), &refused));
                }
            }
        }
        if let Some(repeat) = repeat {
            for reply in &mut replies {
                reply
                    .headers
                    .push(("repeatability-result", "accepted".to_owned()));
            }
            let kept = Kept {
                fingerprint: repeat.fingerprint,
                replies: keep(&replies),
            };
            repeat::keep(
                self.writing.connection,
                principal,
                &repeat.id,
                &kept,
                self.writing.now,
            )?;
        }
        self.savepoint("RELEASE unit")?;
        Ok(replies)
    }

    fn savepoint(&self, sql: &str) -> rusqlite::Result<()> {
        if !self.is_read {
            self.writing.connection.prepare_cached(sql)?.execute([])?;
        }
        Ok(())
    }
}

/// Returns the replies of a unit whose member at a place was refused.
fn failed(members: usize, at: usize, refused: &Reply) -> Vec<Reply> {
    let others = Refusal::new(
        StatusCode::FAILED_DEPENDENCY,
        "FailedDependency",
        "another request of the same group failed, so nothing of the group was done",
    );
    let reply = |index| {
        if index == at {
            refused.clone()
        } else {
            others.clone().into()
        }
    };
    (0..members).map(reply).collect()
}

/// A unit that wants to be executed once.
struct Repeat {
    id: String,
    fingerprint: Vec<u8>,
}

impl Repeat {
    fn of(members: &[&Request], now: Timestamp) -> Result<Option<Self>, Refusal> {
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

fn rejected(refusal: Refusal) -> Reply {
    Reply::from(refusal).header("repeatability-result", "rejected")
}

/// A reply as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptReply {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

fn keep(replies: &[Reply]) -> String {
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

fn replay(kept: &Kept, repeat: &Repeat) -> Result<Vec<Reply>, Refusal> {
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
    debug_assert!(
        HeaderName::from_lowercase(name.as_bytes()).is_ok(),
        "header names are kept in lower case"
    );
    KNOWN.into_iter().find(|known| *known == name)
}
