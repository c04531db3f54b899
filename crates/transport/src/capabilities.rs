//! What a back end can do, per entity and signed-in user, as a value.

use serde::{Deserialize, Serialize};

/// How changes of an entity are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeDetection {
    /// The back end tells what changed since a checkpoint.
    Delta,
    /// A modification date, read with an overlap.
    Watermark,
    /// Neither: everything is read again.
    FullRead,
}

/// How deletions of an entity are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deletions {
    /// They come with the changes.
    Reported,
    /// The ids on the server are compared with those on the device.
    Sweep,
}

/// How a write is kept from overwriting what it has not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompareAndSet {
    /// By the revision.
    Revision,
    /// Not at all: the record is read right before the write, and a small gap remains.
    None,
}

/// How an effect is kept from happening twice, best first (the ladder).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Idempotency {
    /// The back end remembers request ids (OASIS Repeatable Requests): the same sending can be sent again.
    Repeatable,
    /// The back end remembers keys that come with requests (IETF `Idempotency-Key`), as long as it has documented: the
    /// same sending can be sent again meanwhile.
    Key,
    /// The device makes the key, and a create on an existing key fails: read back and compare.
    ClientKey,
    /// The back end makes the key, and keeps the id of the operation that made a record in a field of it: look there
    /// whether it was made, by [`Transport::made_by`](crate::Transport::made_by).
    Marker,
    /// Nothing helps against a create that happened unseen: a person is asked.
    None,
}

impl Idempotency {
    /// Returns whether the same sending can be sent again: the back end answers as it did the first time.
    #[must_use]
    pub fn remembers_requests(self) -> bool {
        match self {
            Self::Repeatable | Self::Key => true,
            Self::ClientKey | Self::Marker | Self::None => false,
        }
    }
}

/// What the back end does with several changes in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The most changes in one request; 1 means no batches.
    pub limit: usize,
    /// A change that depends on another one in the same request is left out if that fails.
    pub depends_on: bool,
    /// Several changes can be made one change set, which happens whole or not at all.
    pub groups: bool,
}

/// What a back end can do with an entity, for the signed-in user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// How changes are found.
    pub changes: ChangeDetection,
    /// How deletions are found.
    pub deletions: Deletions,
    /// How writes are conditional.
    pub compare_and_set: CompareAndSet,
    /// How an effect is kept from happening twice.
    pub idempotency: Idempotency,
    /// What batches do.
    pub batch: Batch,
    /// Whether the back end keeps a stamp per field.
    pub stamps: bool,
    /// How coarsely it keeps the times of stamps, in milliseconds; 0 if to the millisecond.
    pub stamp_error: i64,
    /// The most rows in a page that the back end gives or that is asked for.
    pub page_rows: usize,
}
