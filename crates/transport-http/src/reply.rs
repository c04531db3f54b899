//! An answer, and whether it is the service's own.

use std::time::Duration;

use bytes::Bytes;
use driftless_record::Timestamp;
use driftless_transport::TransportError;
use http::header::{AGE, CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use url::Url;

use crate::wait::{parse_http_date, parse_retry_after};

/// How long to wait where a server asks for it and does not say how long.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// An answer whose head came completely.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reply {
    /// The URL that answered, after redirects.
    pub url: Url,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The decoded body, as far as it came. Bodies of errors are cut at [`crate::Limits::error_bytes`].
    pub body: Bytes,
    /// The bytes of the body as they came over the wire.
    pub received: u64,
    /// Why the body is not complete.
    pub cut: Option<TransportError>,
}

impl Reply {
    /// Returns a header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the media type without parameters, in lower case.
    #[must_use]
    pub fn media_type(&self) -> Option<String> {
        let text = self.header(CONTENT_TYPE.as_str())?;
        Some(text.split(';').next()?.trim().to_ascii_lowercase())
    }

    /// Returns whether the body is JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.media_type()
            .is_some_and(|name| name == "application/json" || name.ends_with("+json"))
    }

    /// Returns whether the body is a page for people.
    #[must_use]
    pub fn is_html(&self) -> bool {
        self.media_type()
            .is_some_and(|name| name == "text/html" || name == "application/xhtml+xml")
    }

    /// Returns the server's `Date`, in the middle of its second; none if a cache answered.
    #[must_use]
    pub fn server_time(&self) -> Option<Timestamp> {
        if self.headers.contains_key(AGE) {
            return None;
        }
        Some(parse_http_date(self.header(DATE.as_str())?)?.plus_millis(500))
    }

    /// Returns how long the server asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let now = self.header(DATE.as_str()).and_then(parse_http_date);
        parse_retry_after(self.header(RETRY_AFTER.as_str())?, now)
    }

    /// Says why this cannot be taken as the answer of the service itself, whatever its protocol.
    ///
    /// Left to the connector: 304, 400, 403 to 410 and other refusals, 500 and 501, whose meaning its protocol knows.
    ///
    /// # Errors
    /// [`TransportError::SignIn`] for 401, [`TransportError::NotOurs`] for redirects, 407, 511 and pages for people
    /// instead of data, [`TransportError::Throttled`] for 429 and for 503 with a time to wait,
    /// [`TransportError::Lost`] for 408 and the other failures of servers and gateways.
    pub fn check(&self, host: &str) -> Result<(), TransportError> {
        let host = || host.to_owned();
        let not_ours = |detail: String| Err(TransportError::NotOurs { host: host(), detail });
        match self.status.as_u16() {
            401 => Err(TransportError::SignIn { host: host() }),
            429 => Err(TransportError::Throttled {
                after: self.retry_after().unwrap_or(DEFAULT_WAIT),
            }),
            503 if self.retry_after().is_some() => Err(TransportError::Throttled {
                after: self.retry_after().unwrap_or(DEFAULT_WAIT),
            }),
            304 => Ok(()),
            code @ (300..=399 | 407 | 511) => not_ours(format!("status {code}")),
            200..=299 | 403 if self.is_html() => not_ours("a page for people instead of data".to_owned()),
            code @ (408 | 502..=599) => Err(TransportError::Lost {
                host: host(),
                detail: format!("status {code}"),
            }),
            _ => Ok(()),
        }
    }
}
