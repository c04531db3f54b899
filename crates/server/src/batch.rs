//! Batches: many requests in one, executed in order and in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use driftless_odata::batch::{
    self as wire, BatchError, BatchLimits, read_json_requests, read_multipart_requests, write_json_responses,
    write_multipart_responses,
};
use driftless_record::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::reply::{Refusal, Reply};
use crate::request::{Principal, Request};
use crate::service::Service;
use crate::unit::{self, Executor};

/// How a batch is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Multipart,
}

/// A request of the batch, ready to be executed unless it is refused already.
struct Ready {
    part: wire::Request,
    request: Result<Request, Refusal>,
}

/// Executes a batch. Answers 200 even if requests in it fail.
pub(crate) fn respond(
    service: &Service,
    principal: &Principal,
    now: Timestamp,
    outer: &Request,
) -> Result<Reply, Refusal> {
    if outer.header("repeatability-request-id").is_some() {
        return Err(Refusal::bad(
            "InvalidRepeatability",
            "a batch cannot be repeated as a whole, only its requests",
        )
        .header("repeatability-result", "rejected"));
    }
    let (form, parts) = read(outer)?;
    let parts: Vec<Ready> = parts
        .into_iter()
        .map(|part| Ready {
            request: request(&part, outer),
            part,
        })
        .collect();
    let is_read = parts
        .iter()
        .all(|part| part.request.as_ref().map_or(true, Request::is_read));
    // The formats differ: JSON goes on after an error unless told otherwise, multipart the other way round.
    let goes_on = outer
        .preferences()
        .continue_on_error
        .unwrap_or(form == Form::Json);
    let mut run = unit::transaction(service, principal, now, is_read, |executor| {
        let mut run = Run::default();
        for unit in parts.chunk_by(|a, b| a.part.group.is_some() && a.part.group == b.part.group) {
            run.unit(unit, outer, executor)?;
            if !goes_on && !run.failed.is_empty() {
                break;
            }
        }
        Ok(run)
    })?;
    let reply = match form {
        Form::Json => Reply::json(StatusCode::OK, write_json_responses(&run.responses)),
        Form::Multipart => {
            run.responses
                .dedup_by(|b, a| a.group.is_some() && a.group == b.group && a.status >= 400);
            let boundary = service.database.simple().to_string();
            let (content_type, body) = write_multipart_responses(&run.responses, &boundary);
            Reply::empty(StatusCode::OK)
                .header("content-type", content_type)
                .body(body)
        }
    };
    Ok(match goes_on {
        false if form == Form::Json => reply.header("preference-applied", "odata.continue-on-error=false"),
        _ => reply,
    })
}

fn read(outer: &Request) -> Result<(Form, Vec<wire::Request>), Refusal> {
    let limits = BatchLimits::default();
    let content_type = outer.header("content-type").unwrap_or_default();
    let (form, parts) = if content_type
        .trim_start()
        .to_ascii_lowercase()
        .starts_with("multipart/")
    {
        (
            Form::Multipart,
            read_multipart_requests(content_type, &outer.body, &limits),
        )
    } else {
        outer.require_json()?;
        (Form::Json, read_json_requests(&outer.body, &limits))
    };
    let parts = parts.map_err(|error| match error {
        BatchError::Limit(_) => {
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "BatchTooLarge", error.to_string())
        }
        _ => Refusal::bad("InvalidBatch", error.to_string()),
    })?;
    Ok((form, parts))
}

/// A batch in execution.
#[derive(Default)]
struct Run {
    responses: Vec<wire::Response>,
    /// The ids of requests and groups that failed.
    failed: BTreeSet<String>,
    /// The paths that `$id` stands for.
    paths: BTreeMap<String, String>,
}

impl Run {
    /// Executes one request, or the members of one group.
    fn unit(&mut self, unit: &[Ready], outer: &Request, executor: &mut Executor<'_>) -> Result<(), Refusal> {
        let waits_in_vain = unit
            .iter()
            .any(|one| one.part.depends_on.iter().any(|id| self.failed.contains(id)));
        let requests: Result<Vec<Request>, &Refusal> = unit
            .iter()
            .map(|one| Ok(self.resolved(one.request.as_ref()?.clone())))
            .collect();
        let replies = match requests {
            _ if waits_in_vain => {
                let refusal = Refusal::new(
                    StatusCode::FAILED_DEPENDENCY,
                    "FailedDependency",
                    "a request that this one depends on failed",
                );
                vec![refusal.into(); unit.len()]
            }
            Ok(requests) => executor.run(&requests.iter().collect::<Vec<_>>())?,
            Err(refusal) => vec![refusal.clone().into(); unit.len()],
        };
        for (one, reply) in unit.iter().zip(replies) {
            let id = &one.part.id;
            if !reply.status.is_success() && reply.status != StatusCode::NOT_MODIFIED {
                self.failed.insert(id.clone());
                self.failed.extend(one.part.group.clone());
            }
            let made = reply.headers.iter().find(|(name, _)| *name == "location");
            let made = made
                .and_then(|(_, link)| link.strip_prefix(&outer.root))
                .map(str::to_owned);
            let path = made.or_else(|| one.request.as_ref().ok().map(|request| request.path.clone()));
            self.paths.extend(path.map(|path| (id.clone(), path)));
            self.responses.push(wire::Response {
                id: Some(id.clone()),
                place: self.responses.len(),
                status: reply.status.as_u16(),
                headers: reply
                    .headers
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
                body: reply.body,
                group: one.part.group.clone(),
            });
        }
        Ok(())
    }

    /// Puts the path of an earlier request's record in the place of `$id`.
    fn resolved(&self, mut request: Request) -> Request {
        if let Some(rest) = request.path.strip_prefix('$') {
            let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
            if let Some(path) = self.paths.get(id) {
                request.path = if rest.is_empty() {
                    path.clone()
                } else {
                    format!("{path}/{rest}")
                };
            }
        }
        request
    }
}

/// Makes a request of a part.
fn request(part: &wire::Request, outer: &Request) -> Result<Request, Refusal> {
    let bad = |message: &str| Refusal::bad("InvalidBatch", message);
    if part.condition.is_some() {
        return Err(Refusal::not_implemented("`if` in a batch is not supported"));
    }
    let method = Method::from_bytes(part.method.as_bytes()).map_err(|_| bad("unknown method"))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &part.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("invalid header"))?;
        headers.append(
            name,
            HeaderValue::from_str(value).map_err(|_| bad("invalid header"))?,
        );
    }
    let url = part.url.strip_prefix(&outer.root).unwrap_or(&part.url);
    if url.contains("://") {
        return Err(bad("requests in a batch cannot go to other servers"));
    }
    let url = url.strip_prefix('/').unwrap_or(url);
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    Ok(Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: part.body.clone(),
        root: outer.root.clone(),
    })
}
