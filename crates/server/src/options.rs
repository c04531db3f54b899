//! What a server is opened with.

use std::path::PathBuf;

/// What a server is opened with. Start from [`ServerOptions::default`]: the built-in CRM schema in a temporary
/// database without data, on a loopback port that the system chooses.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The directory of the database; `None` keeps it in a temporary one that is deleted at the end.
    pub data: Option<PathBuf>,
    /// The address and port to listen on.
    pub listen: String,
    /// How many records a new database begins with; only with the built-in schema. `None` means none.
    pub seed_data: Option<usize>,
    /// A metadata document (CSDL XML) to serve instead of the built-in schema.
    pub schema_file: Option<PathBuf>,
    /// The data that a new database of `schema_file` begins with: a JSON object of arrays by entity set.
    pub seed_file: Option<PathBuf>,
    /// How many changes the feed keeps; a delta link from before them is answered with 410.
    pub feed_kept: u32,
    /// The most bytes of a request body.
    pub body_limit: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            data: None,
            listen: "127.0.0.1:0".to_owned(),
            seed_data: None,
            schema_file: None,
            seed_file: None,
            feed_kept: 1_000_000,
            body_limit: 8 << 20,
        }
    }
}
