//! What can go wrong in a home, by what the caller can do next.

use std::path::PathBuf;

use driftless_store::StoreError;

/// An error of a home.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// The home was written by a newer version.
    #[error(
        "this home has format {found}, this version reads up to {supported}; install a newer version, nothing was changed"
    )]
    NewerFormat {
        /// The format found.
        found: u32,
        /// The newest format this version can read.
        supported: u32,
    },
    /// The home is a copy of another, or came back from a backup.
    #[error(
        "{0} is a copy of another home, or came back from a backup: used as it is, it would pass for the same device as the original and send the same changes again"
    )]
    Copied(PathBuf),
    /// The home has no such account.
    #[error("no account {0} in this home")]
    NoAccount(String),
    /// The account had a store, which is gone.
    #[error(
        "the data of account {account} are gone: {path} was deleted, moved or emptied; what was not sent is lost with it, unless you put the file back"
    )]
    StoreMissing {
        /// The account.
        account: String,
        /// Where the store was.
        path: PathBuf,
    },
    /// Another process is removing the account.
    #[error("account {0} is being signed out by another process; nothing was changed")]
    Leaving(String),
    /// Another process drives the account.
    #[error("account {0} is in use by another process; close it and try again")]
    InUse(String),
    /// The account has operations that the server does not have.
    #[error(
        "account {account} has {operations} operations that were not sent; synchronize first, or say what becomes of them"
    )]
    Unsent {
        /// The account.
        account: String,
        /// How many there are.
        operations: u64,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file could not be read or written.
    #[error("a file of the home could not be read or written")]
    File(#[from] std::io::Error),
}
