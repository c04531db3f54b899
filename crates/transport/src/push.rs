//! Bringing changes to the server.

use std::collections::BTreeMap;
use std::time::Duration;

use driftless_record::{Cause, FieldName, RecordId, RequestId, Revision, Sending, ServerRecord, Timestamp};

/// A sending in a request, with what must have succeeded before it in the same request.
#[derive(Debug, Clone, PartialEq)]
pub struct PushItem {
    /// The sending.
    pub sending: Sending,
    /// Sendings earlier in the same request that it depends on.
    pub after: Vec<RequestId>,
}

/// What became of one sending.
#[derive(Debug, Clone, PartialEq)]
pub enum PushResult {
    /// Done, now or at an earlier sending of the same request id.
    Done {
        /// The revision after it, if the back end told.
        revision: Option<Revision>,
        /// The record after it, if the back end told.
        record: Option<Box<ServerRecord>>,
    },
    /// The command was run, now or at an earlier sending of the same request id.
    Ran {
        /// The revision of its record after it, if the back end told.
        revision: Option<Revision>,
        /// The ids of the records that it made, by the names of its results; only those that the back end told.
        made: BTreeMap<FieldName, RecordId>,
    },
    /// Proved not done, because of this.
    Failed {
        /// Why.
        cause: Cause,
        /// When the back end wants to see it again, if it said so.
        retry_after: Option<Duration>,
    },
    /// Proved not done, because something before it in the same request failed.
    Skipped,
    /// Nobody knows: the answer is missing, cut short or not the service's own.
    Unknown,
}

impl PushResult {
    /// Returns whether the change is proved to have been carried out.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match self {
            Self::Done { .. } | Self::Ran { .. } => true,
            Self::Failed { .. } | Self::Skipped | Self::Unknown => false,
        }
    }
}

/// The answer to one request. A sending without an entry counts as [`PushResult::Unknown`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PushReply {
    /// The results by request id.
    pub results: BTreeMap<RequestId, PushResult>,
    /// The server's time when it answered.
    pub server_time: Option<Timestamp>,
}
