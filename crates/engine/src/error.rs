//! What can go wrong, by what the caller can do next.

use driftless_record::id::InvalidId;
use driftless_record::{LogId, OperationId};
use driftless_store::StoreError;
use driftless_transport::TransportError;

use crate::NotPossible;

/// One thing that is wrong with the fields of an edit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// The entity has no such field.
    #[error("no field `{field}`{}", did_you_mean(.close))]
    Unknown {
        /// The name as given.
        field: String,
        /// A field with a similar name.
        close: Option<String>,
    },
    /// A new record needs a value here.
    #[error("`{field}` is required")]
    Required {
        /// The field.
        field: String,
    },
    /// The field cannot be emptied.
    #[error("`{field}` cannot be empty")]
    NotNullable {
        /// The field.
        field: String,
    },
    /// The field is part of the key of a record that exists.
    #[error("`{field}` is part of the key and cannot be changed")]
    Key {
        /// The field.
        field: String,
    },
    /// Users cannot set this field.
    #[error("`{field}` is set by the server")]
    ReadOnly {
        /// The field.
        field: String,
    },
    /// The value is of another kind, or out of range.
    #[error("`{field}` must be {expected}")]
    Value {
        /// The field.
        field: String,
        /// What is expected, in words.
        expected: String,
    },
}

fn did_you_mean(close: &Option<String>) -> String {
    close
        .as_ref()
        .map(|name| format!(" (did you mean `{name}`?)"))
        .unwrap_or_default()
}

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The schema has no such entity.
    #[error("no entity `{name}`{}", did_you_mean(.close))]
    UnknownEntity {
        /// The name as given.
        name: String,
        /// An entity with a similar name.
        close: Option<String>,
    },
    /// The record is not on the device.
    #[error("no {entity} with id {id} on this device")]
    NoRecord {
        /// The entity.
        entity: String,
        /// The id.
        id: String,
    },
    /// The id cannot be one of the entity.
    #[error(transparent)]
    InvalidId(#[from] InvalidId),
    /// A new record has an id that is taken.
    #[error("there is already a record of {entity} with id {id}")]
    Exists {
        /// The entity.
        entity: String,
        /// The id.
        id: String,
    },
    /// Fields are missing or wrong; nothing was saved.
    #[error("{entity} was not saved: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid {
        /// The entity.
        entity: String,
        /// Everything that is wrong.
        problems: Vec<FieldProblem>,
    },
    /// What a command was given is wrong; nothing was saved.
    #[error("{command} was not run: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Parameters {
        /// The command.
        command: String,
        /// Everything that is wrong.
        problems: Vec<FieldProblem>,
    },
    /// One of several writes of a group is wrong; nothing of the group was saved.
    #[error("write {number} of the group: {error}")]
    InGroup {
        /// Which one, counted from 1.
        number: usize,
        /// What is wrong.
        error: Box<Self>,
    },
    /// A group cannot be carried out as one change set; nothing of it was saved.
    #[error(
        "a group cannot run a command on {entity} {id} and also change that record or what the command makes; put them into two groups"
    )]
    NotOneGroup {
        /// The entity.
        entity: String,
        /// The record.
        id: String,
    },
    /// The entity has no such command.
    #[error("{entity} has no command `{name}`{}", did_you_mean(.close))]
    NoCommand {
        /// The name as given.
        name: String,
        /// The entity.
        entity: String,
        /// A command with a similar name.
        close: Option<String>,
        /// Every command of the entity.
        known: Vec<String>,
    },
    /// The record does not stand for the command.
    #[error("{command} cannot be run on this {entity} now: `{field}` is not {}", allowed.join(" or "))]
    CommandNotNow {
        /// The command.
        command: String,
        /// The entity.
        entity: String,
        /// The field that stands against it.
        field: String,
        /// The values that the field may have.
        allowed: Vec<String>,
    },
    /// The entity does not allow this.
    #[error("{entity} records cannot be {what}")]
    NotAllowed {
        /// The entity.
        entity: String,
        /// What was tried: `created`, `changed` or `deleted`.
        what: &'static str,
    },
    /// There is no such operation.
    #[error("no operation {0} in the outbox")]
    NoOperation(OperationId),
    /// There is no such log entry.
    #[error("no entry {0} in the log")]
    NoLogEntry(LogId),
    /// Something stands against it now; nothing was changed.
    #[error(transparent)]
    NotPossible(#[from] NotPossible),
    /// Nothing was downloaded yet.
    #[error("nothing was downloaded yet")]
    NotReady,
    /// The back end signed somebody else in than the one this account belongs to.
    #[error("this account belongs to {expected}, but the server signed in {found}; nothing was sent")]
    OtherUser {
        /// The account's user.
        expected: String,
        /// The user that the server named.
        found: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The back end, or the way to it, failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A part of the engine ended unexpectedly.
    #[error("the engine stopped: {0}")]
    Stopped(String),
}
