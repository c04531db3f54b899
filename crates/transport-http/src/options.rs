//! What a client may use and how long it may wait.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use driftless_transport::Credentials;

use crate::WireTrace;

/// How long each part of an exchange may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Finding, connecting and securing.
    pub connect: Duration,
    /// From the request to the head of the answer; large bodies get more, at 32 KiB a second.
    pub first_byte: Duration,
    /// Between chunks of the answer.
    pub idle: Duration,
    /// The whole exchange.
    pub total: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(15),
            idle: Duration::from_secs(20),
            total: Duration::from_secs(600),
        }
    }
}

/// How large an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a body, after decoding.
    pub body_bytes: usize,
    /// How many times larger than what came over the wire a body may be after decoding, once it exceeds 1 MiB.
    pub ratio: usize,
    /// The most bytes of the body of an error answer; what is beyond is cut off.
    pub error_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 64 << 20,
            ratio: 100,
            error_bytes: 64 << 10,
        }
    }
}

/// What a client needs to know beside the address.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Who signs in; `None` sends no credentials.
    pub credentials: Option<Credentials>,
    /// Certificates of one more authority, in PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// The deadlines.
    pub deadlines: Deadlines,
    /// The limits.
    pub limits: Limits,
    /// Told of each exchange.
    pub trace: Option<Arc<dyn WireTrace>>,
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("credentials", &self.credentials)
            .field("deadlines", &self.deadlines)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
