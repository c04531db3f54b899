//! Tokens in links: where a reader stands. Opaque to clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::reply::Refusal;

/// Where a reader of pages stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SkipToken {
    /// The database that it is of.
    #[serde(rename = "d")]
    pub(crate) database: String,
    /// What comes next.
    #[serde(rename = "n")]
    pub(crate) next: Next,
    /// The last change before the first page, if the reader wants a delta link at the end.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub(crate) tracked_from: Option<i64>,
    /// How many rows the reader still wants, if he said.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(crate) remaining: Option<u64>,
    /// The size of the pages, as asked for with the first.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<usize>,
}

/// What comes next for a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Next {
    /// Rows after a storage key.
    #[serde(rename = "k")]
    AfterKey(i64),
    /// Rows after so many, where an order was asked for.
    #[serde(rename = "o")]
    AfterCount(u64),
    /// Changes after a number, up to another.
    #[serde(rename = "c")]
    Changes(i64, i64),
}

/// Where a reader of changes stands: the last change that he knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeltaToken {
    #[serde(rename = "d")]
    pub(crate) database: String,
    #[serde(rename = "s")]
    pub(crate) seq: i64,
}

/// Writes a token.
pub(crate) fn write<T: Serialize>(token: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(token).unwrap_or_default())
}

/// Reads a token.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// The refusal of a token that is unknown, of another database or too old.
pub(crate) fn gone() -> Refusal {
    Refusal::new(
        StatusCode::GONE,
        "TokenExpired",
        "this link is no longer valid: read the collection again from its beginning",
    )
}
