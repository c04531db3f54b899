//! What can go wrong in a store, by what the caller can do next.

use crate::CommitNumber;

/// When the same call may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// At once, after reading again.
    Reread,
    /// Later, unchanged.
    Later,
    /// Never, unchanged.
    Never,
}

/// An error of a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another commit came first; read again and decide anew.
    #[error("the store moved on from commit {} to {}; read again", expected.0, found.0)]
    Stale {
        /// The number that the batch was based on.
        expected: CommitNumber,
        /// The number that the store is at.
        found: CommitNumber,
    },
    /// Another process holds the store for too long.
    #[error("the store is busy with another process; try again")]
    Busy,
    /// The schema has no such entity.
    #[error("no entity {0} in the schema of this store")]
    UnknownEntity(String),
    /// A row, query or operation does not fit the schema.
    #[error("does not fit the schema: {0}")]
    Unfit(String),
    /// The store is encrypted and the key does not open it, or none was given.
    #[error("the key does not open this store; nothing was changed")]
    WrongKey,
    /// The store was written by a newer version.
    #[error(
        "this store has format {found}, this version reads up to {supported}; install a newer version, nothing was changed"
    )]
    NewerFormat {
        /// The format found.
        found: u32,
        /// The newest format this version can read.
        supported: u32,
    },
    /// The data are damaged.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The account is being removed: the store takes no edits any more.
    #[error("this account is being signed out; nothing was saved")]
    Closed,
    /// No room is left on the disk.
    #[error("no room is left on the disk; free some and try again, nothing was lost")]
    Full,
    /// Something else in the database below.
    #[error("the database failed")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Returns when the same call may succeed.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Stale { .. } => Retry::Reread,
            Self::Busy | Self::Full => Retry::Later,
            Self::UnknownEntity(_)
            | Self::Unfit(_)
            | Self::WrongKey
            | Self::NewerFormat { .. }
            | Self::Damaged(_)
            | Self::Closed
            | Self::Backend(_) => Retry::Never,
        }
    }
}
