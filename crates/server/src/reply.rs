//! Replies, and refusals with the error body that OData asks for.

use driftless_odata::headers::JSON_IEEE754;
use driftless_odata::payload::Numbers;
use driftless_odata::{ErrorBody, ErrorDetail};
use driftless_record::RecordId;
use http::StatusCode;

/// A reply to one request, alone or within a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// Names in lower case.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// A request that is not done, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) target: Option<Box<str>>,
    /// The record that stands in the way.
    pub(crate) other: Option<Box<RecordId>>,
    pub(crate) details: Vec<ErrorDetail>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

pub(crate) const JSON: &str = "application/json;odata.metadata=minimal;charset=utf-8";

impl Reply {
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Self {
        Self::empty(status).header("content-type", JSON).body(body)
    }

    /// Makes a reply with records, whose wide numbers are written in one way or the other.
    pub(crate) fn records(status: StatusCode, body: Vec<u8>, numbers: Numbers) -> Self {
        match numbers {
            Numbers::Strings => Self::empty(status)
                .header("content-type", JSON_IEEE754)
                .body(body),
            Numbers::Numbers => Self::json(status, body),
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            target: None,
            other: None,
            details: Vec::new(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
    }

    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    pub(crate) fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into().into_boxed_str());
        self
    }

    pub(crate) fn other(mut self, id: RecordId) -> Self {
        self.other = Some(Box::new(id));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Makes one refusal of several faults: the first speaks for all, each stands in the details.
    pub(crate) fn of_faults(mut faults: Vec<Self>) -> Option<Self> {
        if faults.len() < 2 {
            return faults.pop();
        }
        let details = faults.iter().map(Self::detail).collect();
        let mut first = faults.swap_remove(0);
        first.details = details;
        Some(first)
    }

    fn detail(&self) -> ErrorDetail {
        ErrorDetail {
            code: self.code.to_owned(),
            message: self.message.clone(),
            target: self.target.clone().map(String::from),
        }
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let body = ErrorBody {
            code: refusal.code.to_owned(),
            message: refusal.message,
            target: refusal.target.map(String::from),
            other: refusal.other.map(|id| id.as_str().to_owned()),
            details: refusal.details,
        };
        let mut reply = Self::json(refusal.status, body.write());
        reply.headers.extend(refusal.headers);
        reply
    }
}

impl From<rusqlite::Error> for Refusal {
    /// A failure of the database tells nothing of its contents; who runs the server finds it in its log.
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Busy",
                "the server is busy, try again",
            )
            .header("retry-after", "1"),
            Some(DiskFull) => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "DiskFull",
                "the server has no space left",
            ),
            _ => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "DatabaseError",
                "the server's database failed",
            ),
        }
    }
}
