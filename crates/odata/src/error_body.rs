//! OData error bodies.

use serde::{Deserialize, Serialize};

/// The largest error body that is read, in bytes.
pub const MAX_ERROR_BYTES: usize = 64 << 10;
/// The most details that are kept.
const MAX_DETAILS: usize = 100;

/// An error as OData services tell it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    /// The code, which programs read.
    pub code: String,
    /// The message, which people read. It comes from elsewhere: show it as text only.
    pub message: String,
    /// What the error is about, such as a property.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The id of the record that stands in the way, in its canonical form: an annotation of our own.
    #[serde(rename = "@Driftless.Other", skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// Further errors, each with code, message and target.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<ErrorDetail>,
}

/// A further error in an error body.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorDetail {
    /// The code.
    pub code: String,
    /// The message.
    pub message: String,
    /// What the error is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

#[derive(Serialize)]
struct Out<'a> {
    error: &'a ErrorBody,
}

#[derive(Deserialize)]
struct In {
    error: Loose,
}

/// What services really send: codes as numbers or null, messages as objects with language and text.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Loose {
    code: Scalar,
    message: Scalar,
    target: Scalar,
    #[serde(rename = "@Driftless.Other")]
    other: Scalar,
    details: Option<Vec<Self>>,
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Message {
        value: String,
    },
    #[default]
    Other,
}

impl Scalar {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Message { value: text } => Some(text),
            Self::Number(number) => Some(number.to_string()),
            Self::Other => None,
        }
    }
}

impl ErrorBody {
    /// Reads an error body; `None` if it is not one, or larger than [`MAX_ERROR_BYTES`].
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_ERROR_BYTES {
            return None;
        }
        let In { error } = serde_json::from_slice(bytes).ok()?;
        let detail = |detail: Loose| ErrorDetail {
            code: detail.code.text().unwrap_or_default(),
            message: detail.message.text().unwrap_or_default(),
            target: detail.target.text(),
        };
        let details = error
            .details
            .unwrap_or_default()
            .into_iter()
            .take(MAX_DETAILS)
            .map(detail)
            .collect();
        Some(Self {
            code: error.code.text().unwrap_or_default(),
            message: error.message.text().unwrap_or_default(),
            target: error.target.text(),
            other: error.other.text(),
            details,
        })
    }

    /// Writes the error body.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(&Out { error: self }).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn written_errors_read_back(code in ".{0,9}", message in ".{0,30}", target in proptest::option::of(".{0,9}")) {
            let detail = ErrorDetail { code: code.clone(), message: message.clone(), target: target.clone() };
            let other = target.clone();
            let error = ErrorBody { code, message, target, other, details: vec![detail] };
            prop_assert_eq!(ErrorBody::read(&error.write()), Some(error));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = ErrorBody::read(&bytes);
        }
    }

    #[test]
    fn errors_as_services_write_them() {
        let odd =
            br#"{"error":{"code":500,"message":{"lang":"en","value":"no"},"innererror":{},"details":null}}"#;
        let error = ErrorBody::read(odd).unwrap();
        assert_eq!((error.code.as_str(), error.message.as_str()), ("500", "no"));
        assert_eq!(ErrorBody::read(b"<html>"), None);
        assert_eq!(ErrorBody::read(br#"{"value":[]}"#), None);
        let large = format!(r#"{{"error":{{"code":"{}"}}}}"#, "x".repeat(MAX_ERROR_BYTES));
        assert_eq!(ErrorBody::read(large.as_bytes()), None);
    }
}
