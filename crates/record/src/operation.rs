//! Operations: what a person did, kept in order until the server has it; and sendings, which carry them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::{RawStamp, Stamp};
use crate::command::CommandCall;
use crate::id::{OperationId, RecordId, RequestId, Revision, TenantId, UserId};
use crate::name::{EntityName, FieldName};
use crate::record::Fields;
use crate::settings::ConflictRule;
use crate::time::Timestamp;
use crate::value::Value;

/// One change of one field: what the user saw, what he made of it, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldEdit {
    /// The value in the user's view when he made the change.
    pub old: Value,
    /// The value that he set.
    pub new: Value,
    /// What the device's clocks said.
    pub raw: RawStamp,
    /// The corrected stamp: set once, at the first sending, and frozen then.
    pub stamp: Option<Stamp>,
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationKind {
    /// Makes a new record with these fields (`old` is null everywhere).
    Create(BTreeMap<FieldName, FieldEdit>),
    /// Changes these fields and no others.
    Update(BTreeMap<FieldName, FieldEdit>),
    /// Deletes the record.
    Delete {
        /// The values that the user saw when he deleted it, to know later whether somebody changed it meanwhile.
        seen: Fields,
        /// When he did.
        raw: RawStamp,
        /// The corrected stamp, set once at the first sending.
        stamp: Option<Stamp>,
    },
    /// Runs a command on the record.
    Command {
        /// What was run.
        call: Box<CommandCall>,
        /// What it is expected to change in the record.
        edits: BTreeMap<FieldName, FieldEdit>,
        /// When it was run.
        raw: RawStamp,
    },
    /// Awaits the record as what a command makes. It is never sent: it ends with that command, which tells the key.
    Awaited {
        /// The operation that runs the command.
        by: OperationId,
        /// The name of the result.
        slot: FieldName,
        /// The values that the record is expected to have.
        edits: BTreeMap<FieldName, FieldEdit>,
    },
}

impl OperationKind {
    /// Returns the fields that the operation changes, or expects to be changed; none for a delete.
    #[must_use]
    pub fn edits(&self) -> Option<&BTreeMap<FieldName, FieldEdit>> {
        match self {
            Self::Create(edits)
            | Self::Update(edits)
            | Self::Command { edits, .. }
            | Self::Awaited { edits, .. } => Some(edits),
            Self::Delete { .. } => None,
        }
    }

    /// Returns the same for changing them.
    #[must_use]
    pub fn edits_mut(&mut self) -> Option<&mut BTreeMap<FieldName, FieldEdit>> {
        match self {
            Self::Create(edits)
            | Self::Update(edits)
            | Self::Command { edits, .. }
            | Self::Awaited { edits, .. } => Some(edits),
            Self::Delete { .. } => None,
        }
    }

    /// Returns whether it makes its record.
    #[must_use]
    pub fn is_create(&self) -> bool {
        matches!(self, Self::Create(_))
    }

    /// Returns whether it runs a command.
    #[must_use]
    pub fn is_command(&self) -> bool {
        matches!(self, Self::Command { .. })
    }

    /// Returns whether the record begins to be with the operation.
    #[must_use]
    pub fn begins_record(&self) -> bool {
        match self {
            Self::Create(_) | Self::Awaited { .. } => true,
            Self::Update(_) | Self::Delete { .. } | Self::Command { .. } => false,
        }
    }
}

/// How soon an operation wants to be on the server. More urgent ones go first, with what they need; the order of the
/// operations on one record stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// After everything else.
    Background,
    /// In its turn.
    #[default]
    Normal,
    /// Before everything else.
    Urgent,
}

/// Names operations that happen on the server together or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupId(pub Uuid);

impl std::fmt::Display for GroupId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How the app that made an operation wants it to be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Handling {
    /// How soon it is to be sent.
    pub urgency: Urgency,
    /// Who wins its conflicts; `None` leaves that to the administrator's rules.
    pub conflict: Option<ConflictRule>,
    /// The group that it belongs to.
    pub group: Option<GroupId>,
}

/// The state of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationState {
    /// Saved, not sent.
    Queued,
    /// In a sending whose reply is awaited by a living process.
    InFlight(RequestId),
    /// In a sending whose outcome nobody knows; must be probed before anything else happens to the record.
    Unknown(RequestId),
    /// Sent back by the server with "later"; not sent again before this time.
    Waiting(Timestamp),
    /// Parked: contradicts a change on the server and waits for a person. Names the log entry.
    Conflict(LogId),
    /// Parked: the server refuses it. Names the log entry.
    Refused(LogId),
    /// Final: on the server.
    Applied(Applied),
    /// Final: gave way to the server's values, as the policy or the person decided.
    Superseded,
    /// Final: taken back by the person.
    Reverted,
}

/// How an operation was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applied {
    /// As it was made.
    Accepted,
    /// Together with changes of others, or in part.
    Merged,
}

impl OperationState {
    /// Returns whether nothing more will happen to the operation.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Applied(_) | Self::Superseded | Self::Reverted => true,
            Self::Queued
            | Self::InFlight(_)
            | Self::Unknown(_)
            | Self::Waiting(_)
            | Self::Conflict(_)
            | Self::Refused(_) => false,
        }
    }

    /// Returns whether the operation is on the device alone and is to be sent, now or later.
    #[must_use]
    pub fn is_to_be_sent(&self) -> bool {
        match self {
            Self::Queued | Self::Waiting(_) => true,
            Self::InFlight(_)
            | Self::Unknown(_)
            | Self::Conflict(_)
            | Self::Refused(_)
            | Self::Applied(_)
            | Self::Superseded
            | Self::Reverted => false,
        }
    }

    /// Returns the sending whose outcome is not known yet.
    #[must_use]
    pub fn sending(&self) -> Option<RequestId> {
        match self {
            Self::InFlight(id) | Self::Unknown(id) => Some(*id),
            Self::Queued
            | Self::Waiting(_)
            | Self::Conflict(_)
            | Self::Refused(_)
            | Self::Applied(_)
            | Self::Superseded
            | Self::Reverted => None,
        }
    }

    /// Returns the log entry of a parked operation.
    #[must_use]
    pub fn parked(&self) -> Option<LogId> {
        match self {
            Self::Conflict(log) | Self::Refused(log) => Some(*log),
            _ => None,
        }
    }

    /// Returns the state's one word: `queued`, `in flight`, `unknown`, `waiting`, `conflict`, `refused`, `applied`,
    /// `superseded` or `reverted`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InFlight(_) => "in flight",
            Self::Unknown(_) => "unknown",
            Self::Waiting(_) => "waiting",
            Self::Conflict(_) => "conflict",
            Self::Refused(_) => "refused",
            Self::Applied(_) => "applied",
            Self::Superseded => "superseded",
            Self::Reverted => "reverted",
        }
    }
}

/// What a person did to one record, as an entry of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The id, its name for ever.
    pub id: OperationId,
    /// The place in the order of all operations of this account on this device; larger is later.
    pub sequence: u64,
    /// Who made it. It is never sent under another's sign-in.
    pub author: UserId,
    /// Whose data it changes.
    pub tenant: TenantId,
    /// The schema's version when it was made.
    pub schema_version: String,
    /// The entity.
    pub entity: EntityName,
    /// The record.
    pub record: RecordId,
    /// The revision that the user saw, [`Revision::untold`] where the server had not told it; `None` for a record that the
    /// server did not have.
    pub base_revision: Option<Revision>,
    /// What it does.
    pub kind: OperationKind,
    /// The operations that must be applied before it, derived when it was made.
    pub needs: BTreeSet<OperationId>,
    /// The state.
    pub state: OperationState,
    /// How often it was sent, or would have been if its record could have been read.
    pub attempts: u32,
    /// How many of these attempts have brought it no further since it was made or a person last decided on it: the server
    /// was overtaken between read and write, or failed. Bounds the tries.
    pub rebased: u32,
    /// How it is to be handled.
    pub handling: Handling,
}

/// The server effect that a sending asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The entity.
    pub entity: EntityName,
    /// The record.
    pub record: RecordId,
    /// What is to be done.
    pub action: ChangeAction,
    /// Under which condition.
    pub condition: Condition,
    /// Per field of the body, when it was edited.
    pub stamps: BTreeMap<FieldName, Stamp>,
}

impl Change {
    /// Returns the entities whose records it changes or is expected to make: what has to be read again once it is done.
    pub fn entities(&self) -> impl Iterator<Item = &EntityName> {
        let made = match &self.action {
            ChangeAction::Command(call) => Some(call.makes.values()),
            ChangeAction::Create(_) | ChangeAction::Update(_) | ChangeAction::Delete => None,
        };
        std::iter::once(&self.entity).chain(made.into_iter().flatten())
    }
}

/// What a [`Change`] does to the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeAction {
    /// Makes it, with these values.
    Create(Fields),
    /// Sets these fields and no others.
    Update(Fields),
    /// Deletes it.
    Delete,
    /// Runs a command on it.
    Command(CommandCall),
}

/// Under which condition a server may carry out a [`Change`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// The record does not exist.
    Absent,
    /// The record exists with this revision.
    Revision(Revision),
    /// The record exists; only where the back end has no revisions.
    Exists,
}

/// One sending: what leaves the device, durable before its first byte does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// The request id, kept exactly as long as the bytes are the same.
    pub id: RequestId,
    /// When it was first sent, in the server's corrected time, whole seconds.
    pub first_sent: Timestamp,
    /// What it asks for.
    pub change: Change,
    /// The operations it carries, in sequence: one, or several of one record that were merged on their way.
    pub operations: Vec<OperationId>,
    /// The name of the change set that it is a part of, the same in all of its sendings: they go in one request, and
    /// happen together or not at all.
    pub together: Option<RequestId>,
}

/// The number of an entry in the sync log of an account, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogId(pub u64);

impl std::fmt::Display for LogId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for LogId {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
