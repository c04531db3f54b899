//! Why a text is not OData.

/// Says where and why a text does not follow the grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at position {at}")]
pub struct SyntaxError {
    /// The byte offset in the text as it was given.
    pub at: usize,
    /// What is wrong there.
    pub kind: SyntaxErrorKind,
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxErrorKind {
    /// Something else should stand here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// The text is nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("nested too deep (at most {} levels)", super::MAX_DEPTH)]
    TooDeep,
    /// The text has more parts than [`MAX_NODES`](super::MAX_NODES).
    #[error("too many parts (at most {})", super::MAX_NODES)]
    TooLarge,
    /// Valid OData that this crate does not read.
    #[error("not supported: {0}")]
    Unsupported(&'static str),
}

pub(crate) type Parsed<T> = Result<T, SyntaxError>;
