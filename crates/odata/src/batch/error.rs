//! Why a batch cannot be read.

/// Why a batch cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The body is not a batch of the expected format.
    #[error("not a batch: expected {0}")]
    Malformed(&'static str),
    /// The batch exceeds a limit.
    #[error("the batch has too many {0}")]
    Limit(&'static str),
    /// Two requests have the same id.
    #[error("two requests have the id {0}")]
    SameId(String),
    /// A group has the name of a request, or its members do not stand together.
    #[error("the atomicity group {0} has the name of a request, or its members do not stand together")]
    Group(String),
    /// A request depends on something that does not come before it.
    #[error("request {id} depends on {on}, which does not come before it")]
    Dependency {
        /// The request.
        id: String,
        /// What it depends on.
        on: String,
    },
    /// A part carries credentials of its own, which belong on the batch alone.
    #[error("request {0} has credentials of its own: they belong on the batch")]
    Credentials(String),
}
