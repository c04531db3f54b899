//! The sync log: what a person should know of a synchronization, and what waits for his decision.

use serde::{Deserialize, Serialize};

use crate::clock::Stamp;
use crate::id::{OperationId, RecordId};
use crate::name::{EntityName, FieldName};
use crate::operation::LogId;
use crate::record::Fields;
use crate::time::Timestamp;
use crate::value::Value;

/// Why a server did not do what an operation asked for, as a class that decides what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseClass {
    /// Not signed in (any more): everything waits for a sign-in, nothing is counted against the operation.
    Auth,
    /// The user lacks a right.
    Permission,
    /// A value is missing or not allowed.
    Validation,
    /// A lookup points to a record that the server does not have.
    MissingReference,
    /// Contradicts the server's data.
    Conflict,
    /// The revision sent along is no longer the server's.
    Precondition,
    /// Other records refer to the one that was to be deleted.
    Referenced,
    /// Another record has this value of a unique field.
    Unique,
    /// The record is not on the server (any more).
    Gone,
    /// The request is too large.
    TooLarge,
    /// The server asks to slow down.
    Throttled,
    /// The server or the way to it fails; the same may work later.
    Transient,
    /// The server cannot do this at all.
    Unsupported,
}

impl CauseClass {
    /// Returns the class in words, as a sync log shows it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Auth => "sign-in needed",
            Self::Permission => "not allowed",
            Self::Validation => "value missing or not accepted",
            Self::MissingReference => "refers to a record that the server does not have",
            Self::Conflict => "changed by someone else",
            Self::Precondition => "changed by someone else meanwhile",
            Self::Referenced => "other records refer to it",
            Self::Unique => "value is taken by another record",
            Self::Gone => "deleted on the server",
            Self::TooLarge => "too large",
            Self::Throttled => "server is busy",
            Self::Transient => "server is not working right now",
            Self::Unsupported => "server cannot do this",
        }
    }

    /// Returns whether the server has said nothing of the change itself: it may be carried out later as it is.
    #[must_use]
    pub fn is_passing(self) -> bool {
        match self {
            Self::Auth | Self::Throttled | Self::Transient => true,
            Self::Permission
            | Self::Validation
            | Self::MissingReference
            | Self::Conflict
            | Self::Precondition
            | Self::Referenced
            | Self::Unique
            | Self::Gone
            | Self::TooLarge
            | Self::Unsupported => false,
        }
    }
}

/// Why an operation was refused or must wait, as the server told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The class.
    pub class: CauseClass,
    /// The field that the server named.
    pub field: Option<FieldName>,
    /// The server's own code, at most 256 characters.
    pub code: String,
    /// The server's own words, at most 4,096 characters: untrusted text.
    pub text: String,
    /// The record of the same entity that stands in the way, such as the one that has a unique value already, if the
    /// server tells or the device knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<RecordId>,
}

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    /// Both sides changed different fields; both were kept.
    Merged,
    /// Both sides changed a field; the policy decided. The value that gave way is kept in the entry.
    Overwritten,
    /// Both sides changed something that the policy could not decide: waits for a person.
    Conflict,
    /// The server refused an operation: waits for a person.
    Refused,
    /// The server may or may not have done what an operation asked for, and nothing can prove it: waits for a person.
    Unproved,
    /// Something worth telling about the connection or the server.
    Notice,
}

/// One field of a conflict card. Made with [`FieldCase::new`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FieldCase {
    /// The field.
    pub field: FieldName,
    /// The value that the user saw before his change.
    pub base: Value,
    /// The value that the user set.
    pub mine: Value,
    /// The value on the server.
    pub theirs: Value,
    /// When the user set it, if known in the common order.
    pub mine_at: Option<Stamp>,
    /// When it was set on the server, if the back end tells.
    pub theirs_at: Option<Stamp>,
    /// Who won: `None` while a person has to decide.
    pub winner: Option<Side>,
    /// The value that took the place of both, if the policy made one; [`FieldCase::winner`] is my side then, which sends
    /// it.
    #[serde(default)]
    pub made: Option<Value>,
}

impl FieldCase {
    /// Makes a case that nobody has decided, of values without times.
    #[must_use]
    pub fn new(field: FieldName, base: Value, mine: Value, theirs: Value) -> Self {
        Self {
            field,
            base,
            mine,
            theirs,
            mine_at: None,
            theirs_at: None,
            winner: None,
            made: None,
        }
    }

    /// Returns the case with the times at which both sides set their values.
    #[must_use]
    pub fn at(self, mine_at: Option<Stamp>, theirs_at: Option<Stamp>) -> Self {
        Self {
            mine_at,
            theirs_at,
            ..self
        }
    }
}

/// A side of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The change made on this device.
    Mine,
    /// The server's data.
    Theirs,
}

/// How an entry that waited for a person was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// When.
    pub at: Timestamp,
    /// What was chosen, in one word: `mine`, `theirs`, `pick`, `set`, `revert`, `retry`, `without`, `link`, `discard` or `gone`; `passed` if it went
    /// on by itself, since what stood in the way had passed.
    pub by: String,
}

/// An entry of the sync log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The number of the entry.
    pub id: LogId,
    /// When it was written, by the device's wall clock.
    pub at: Timestamp,
    /// What it is about.
    pub kind: LogKind,
    /// The entity and record, unless the entry is about the connection.
    pub record: Option<(EntityName, RecordId)>,
    /// The record's display name at that time.
    pub title: String,
    /// The operations it is about, in sequence.
    pub operations: Vec<OperationId>,
    /// The fields that both sides changed.
    pub fields: Vec<FieldCase>,
    /// What the server said.
    pub cause: Option<Cause>,
    /// Why it came out like this, in a sentence for people.
    pub reason: String,
    /// Values that are not to be lost: of a record deleted on the server, of what was refused, and the parameters of a
    /// refused command by their names.
    pub kept: Fields,
    /// Whether a person has to decide.
    pub needs_person: bool,
    /// How it was settled, if it was.
    pub settled: Option<Settled>,
}

impl LogEntry {
    /// Returns whether the entry still waits for a person.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.needs_person && self.settled.is_none()
    }
}
