//! What can go wrong on the way to a back end, by what the caller can do next.

use std::time::Duration;

use driftless_record::Cause;

/// When the same request may succeed, and whether it may have had an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Later, with growing pauses.
    Backoff,
    /// Not before this time has passed.
    After(Duration),
    /// After signing in.
    SignIn,
    /// After loading anew from the start: the checkpoint is no longer known.
    Reload,
    /// Never, unchanged.
    Never,
}

/// An error of a transport.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The back end could not be reached; nothing left the device.
    #[error("{host} cannot be reached: {detail}")]
    Unreachable {
        /// The host and port.
        host: String,
        /// What failed, without secrets.
        detail: String,
    },
    /// The request left the device, and no complete answer came back: it may have had its effect.
    #[error("{host} gave no usable answer: {detail}")]
    Lost {
        /// The host and port.
        host: String,
        /// What failed, without secrets.
        detail: String,
    },
    /// Something answered that is not the back end, such as the sign-in page of a network.
    #[error(
        "the answer did not come from the service at {host} ({detail}); is there a network sign-in page in between?"
    )]
    NotOurs {
        /// The host and port.
        host: String,
        /// What was seen.
        detail: String,
    },
    /// The server's certificate is not trusted.
    #[error("the certificate of {host} is not trusted: {detail}; give the authority's certificate with --ca")]
    Certificate {
        /// The host and port.
        host: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The user is not signed in (any more), or the credentials are wrong.
    #[error("{host} does not accept the sign-in: check user name and password, then sign in again")]
    SignIn {
        /// The host and port.
        host: String,
    },
    /// The back end asks to slow down.
    #[error("the server asks to wait {} s", after.as_secs())]
    Throttled {
        /// For how long.
        after: Duration,
    },
    /// The checkpoint is no longer known to the back end.
    #[error("the server no longer knows this checkpoint; a full synchronization follows")]
    CheckpointGone,
    /// The versions of both sides do not fit together.
    #[error("this client ({client}) and the server ({server}) do not fit together: {advice}")]
    Incompatible {
        /// The client's version.
        client: String,
        /// The server's version.
        server: String,
        /// What to upgrade.
        advice: String,
    },
    /// The back end refused the request as a whole; nothing was changed there.
    #[error("the server refused the request: {} {}", .0.code, .0.text)]
    Refused(Cause),
    /// The back end breaks the protocol or a limit against hostile servers.
    #[error("the server's answer cannot be used: {0}")]
    Protocol(String),
    /// An address is not allowed, such as plain HTTP to another machine.
    #[error("{0}")]
    Address(String),
}

impl TransportError {
    /// Returns when the same request may succeed.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } | Self::NotOurs { .. } => Retry::Backoff,
            Self::Throttled { after } => Retry::After(*after),
            Self::SignIn { .. } => Retry::SignIn,
            Self::CheckpointGone => Retry::Reload,
            Self::Certificate { .. }
            | Self::Incompatible { .. }
            | Self::Refused(_)
            | Self::Protocol(_)
            | Self::Address(_) => Retry::Never,
        }
    }

    /// Returns whether a request that failed so may have had its effect all the same.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Lost { .. } | Self::NotOurs { .. } | Self::Protocol(_) => true,
            Self::Unreachable { .. }
            | Self::Certificate { .. }
            | Self::SignIn { .. }
            | Self::Throttled { .. }
            | Self::CheckpointGone
            | Self::Incompatible { .. }
            | Self::Refused(_)
            | Self::Address(_) => false,
        }
    }
}
