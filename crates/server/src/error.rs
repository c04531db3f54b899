//! What can go wrong when a server is opened and run.

use std::path::PathBuf;

/// Says why a server cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The database failed.
    #[error("the server's database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The address could not be listened on.
    #[error("cannot listen on {address}: {source}; choose another with --listen")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Serving ended with an error of the network.
    #[error("the server stopped: {0}")]
    Stopped(std::io::Error),
    /// Another server has the data directory.
    #[error("another server is running on {0}; end it first, or use another directory with --data")]
    InUse(PathBuf),
    /// The database was written by a server of another format.
    #[error(
        "the data directory has format {found}, this server knows format {known}; use the server that wrote it"
    )]
    Format {
        /// The format found.
        found: i64,
        /// The format of this server.
        known: i64,
    },
    /// The database holds another schema than the one asked for.
    #[error("the data directory holds another schema than the one given; use a new directory for it")]
    OtherSchema,
    /// A schema cannot be kept in tables.
    #[error("the schema cannot be used: {0}")]
    Schema(String),
    /// A seed file does not fit the schema.
    #[error("the seed file cannot be used: {0}")]
    Seed(String),
    /// What the database holds is not what this server wrote.
    #[error("the database is damaged: {0}")]
    Damaged(&'static str),
    /// A password could not be hashed.
    #[error("a password could not be hashed")]
    Password,
}

impl ServerError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
