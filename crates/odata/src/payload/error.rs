//! Why a body cannot be read.

use std::cell::RefCell;

use serde::de;

/// Why a body cannot be read. Texts name fields, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The body is not JSON, or cut short.
    #[error("not valid JSON at line {line}, column {column}")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The body is JSON but not what the request asked for.
    #[error("unexpected body: expected {0}")]
    Shape(&'static str),
    /// The service wrote an error into the body.
    #[error("the service reported an error inside the body")]
    ErrorInside,
    /// A record has no value for a key field.
    #[error("a record without its key field {0}")]
    MissingKey(String),
    /// A field's value is not of its type.
    #[error("field {field}: expected {expected}")]
    WrongType {
        /// The field.
        field: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A name stands twice in one object.
    #[error("{0} is given twice")]
    Duplicate(String),
    /// A name that the entity does not have.
    #[error("unknown field {name}{}", suggestion.as_ref().map(|known| format!(": did you mean {known}?")).unwrap_or_default())]
    Unknown {
        /// The name, cut to 64 characters.
        name: String,
        /// A field with a similar name.
        suggestion: Option<String>,
    },
    /// The body exceeds a limit.
    #[error("the body has too many or too deeply nested parts: {0}")]
    Limit(&'static str),
}

/// Where readers leave the reason while the JSON reader unwinds.
pub(super) type Reason = RefCell<Option<PayloadError>>;

/// Leaves a reason and makes an error of the JSON reader.
pub(super) fn fail<E: de::Error>(reason: &Reason, error: PayloadError) -> E {
    reason.borrow_mut().get_or_insert(error);
    E::custom("refused")
}

/// Makes the error for the caller: the reason that was left, or what the JSON reader says.
pub(super) fn explain(reason: &Reason, error: &serde_json::Error) -> PayloadError {
    reason.borrow_mut().take().unwrap_or(match error.classify() {
        serde_json::error::Category::Data => PayloadError::Shape("another kind of JSON value"),
        _ => PayloadError::NotJson {
            line: error.line(),
            column: error.column(),
        },
    })
}
