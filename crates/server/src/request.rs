//! A request, alone or within a batch, and what its headers ask for.

use driftless_odata::headers::{EntityTags, Preferences, is_ieee754_compatible};
use driftless_odata::payload::Numbers;
use driftless_record::UserId;
use http::{HeaderMap, Method, StatusCode};

use crate::reply::Refusal;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    /// The name to sign in with.
    pub(crate) name: UserId,
    /// The id of the record that stands for the user, if there is one.
    pub(crate) user_id: Option<String>,
    pub(crate) display: String,
    pub(crate) is_admin: bool,
}

/// A request, alone or within a batch.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path below the service root, without the slash at its begin, still percent-encoded.
    pub(crate) path: String,
    /// The query without `?`, still percent-encoded.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The address of the service as the client sees it, with a slash at its end.
    pub(crate) root: String,
}

/// Under which condition a write may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// None was given.
    None,
    /// `If-Match`: the record is there, in one of these states.
    State(EntityTags),
    /// `If-None-Match: *`: the record is not there.
    Missing,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the version of OData that the reply is in: the latest that the client knows, or says nothing about.
    pub(crate) fn odata_version(&self) -> &'static str {
        match self.header("odata-maxversion").map(str::trim) {
            Some("4.0" | "4") => "4.0",
            _ => "4.01",
        }
    }

    /// Returns how whole numbers of 64 bits and decimals are to be written.
    pub(crate) fn numbers(&self) -> Numbers {
        let accepts = self.header("accept").unwrap_or_default();
        if is_ieee754_compatible(accepts) {
            Numbers::Strings
        } else {
            Numbers::Numbers
        }
    }

    /// Returns whether the request changes nothing.
    pub(crate) fn is_read(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// Reads `If-Match` and `If-None-Match` of a write.
    pub(crate) fn condition(&self) -> Result<Condition, Refusal> {
        let bad = |message| Err(Refusal::bad("InvalidHeader", message));
        match (self.header("if-match"), self.header("if-none-match")) {
            (Some(_), Some(_)) => bad("If-Match and If-None-Match cannot stand together"),
            (Some(tags), None) => match EntityTags::parse(tags) {
                Some(tags) => Ok(Condition::State(tags)),
                None => bad("If-Match must be `*` or a list of entity tags"),
            },
            (None, Some(tags)) if tags.trim() == "*" => Ok(Condition::Missing),
            (None, Some(_)) => bad("If-None-Match of a write can only be `*`"),
            (None, None) => Ok(Condition::None),
        }
    }

    /// Returns whether a read may be answered with "not modified".
    pub(crate) fn knows(&self, version: i64) -> bool {
        let tags = self.header("if-none-match").and_then(EntityTags::parse);
        tags.is_some_and(|tags| tags.matches(&etag(version)))
    }

    pub(crate) fn preferences(&self) -> Preferences {
        let lines = self.headers.get_all("prefer").iter();
        let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
        Preferences::parse(&lines.join(","))
    }

    /// Checks that the body is JSON.
    pub(crate) fn require_json(&self) -> Result<(), Refusal> {
        let kind = self.header("content-type").unwrap_or("application/json");
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/json") {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            "the body must be application/json",
        ))
    }
}

/// Returns the ETag of a version.
pub(crate) fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}
