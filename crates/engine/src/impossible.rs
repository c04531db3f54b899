//! Why a decision, an undo or a synchronization cannot be carried out now, and what to do instead.

use driftless_record::{EntityName, FieldName, LogId, OperationId, RecordId};

/// Why something is not possible now; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPossible {
    /// Another synchronization of this process runs.
    #[error("a synchronization is under way already")]
    Synchronizing,
    /// Another engine, mostly that of another process, drives the store.
    #[error("another process is synchronizing this account")]
    DrivenElsewhere,
    /// Another engine has taken the store over while this one was held up; it goes on with the work.
    #[error("another process has taken over to synchronize this account")]
    TakenOver,
    /// The log entry waits for nobody any more.
    #[error("entry {0} is settled already")]
    Settled(LogId),
    /// What the log entry was about has come to an end.
    #[error("nothing of entry {0} is left to decide")]
    NothingLeft(LogId),
    /// The operation has come to its end.
    #[error("operation {operation} is {state} and cannot be taken back")]
    Ended {
        /// The operation.
        operation: OperationId,
        /// The word for its state.
        state: &'static str,
    },
    /// The operation was sent, and its outcome is not known yet.
    #[error("operation {0} may already be on the server")]
    MaybeSent(OperationId),
    /// The server deleted the record, and takes no new ones of its entity.
    #[error("{0} records cannot be made again here")]
    NoCreate(EntityName),
    /// The server no longer has the entity.
    #[error("the server has no {0} any more, so this cannot be sent")]
    NoEntity(EntityName),
    /// The server has no record any more on which the command could be run.
    #[error("the record of entry {0} was deleted on the server, so nothing can be run on it")]
    NoRecord(LogId),
    /// The record, as the server has it, does not allow the command.
    #[error("the command of entry {0} cannot be run on the record as the server has it: {fields}", fields = names(.1))]
    NotAllowed(LogId, Vec<FieldName>),
    /// What was parked is a delete or a command: it has no values.
    #[error("entry {0} is about a delete or a command, which has no values to set")]
    NoValues(LogId),
    /// The record is on the server already: only one that was made here can turn out to be another one.
    #[error("entry {0} is about no record that was made here")]
    NotNew(LogId),
    /// The server has no such record, as far as the device knows.
    #[error("the server has no {0} with id {1} that this could be, as far as this device knows")]
    NotThere(EntityName, RecordId),
    /// Something was done to the new record that nobody said is to happen to another one.
    #[error("operation {0} was meant for the record that was made here")]
    InTheWay(OperationId),
    /// A new value names a record that itself waits for this change.
    #[error("`{0}` names a record that itself waits for this change")]
    Circle(FieldName),
    /// The entry is about a whole record: there are no fields to pick sides for.
    #[error("entry {0} has no fields to pick sides for")]
    NothingToPick(LogId),
    /// A side was picked for a field that the entry is not about.
    #[error("`{0}` is not in conflict here")]
    NotInConflict(FieldName),
    /// What was parked is no change of fields, so it goes whole or not at all.
    #[error("what entry {0} is about goes whole or not at all")]
    Whole(LogId),
    /// A field was to be left out that was not changed.
    #[error("`{0}` is not part of this change")]
    NotChanged(FieldName),
    /// Every field was to be left out.
    #[error("nothing of entry {0} would be left to send")]
    NothingElse(LogId),
    /// Fields in conflict are neither set nor decided.
    #[error("{} in conflict and would stay undecided", are(.0))]
    Undecided(Vec<FieldName>),
}

impl NotPossible {
    /// Returns what to do instead, in words for people.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Synchronizing => "wait until it has ended".to_owned(),
            Self::DrivenElsewhere => {
                "wait until it has ended; one that was killed is gone within a minute".to_owned()
            }
            Self::TakenOver => "nothing was lost; look at what the other one has done".to_owned(),
            Self::Settled(_) | Self::NothingLeft(_) => {
                "look at the entries of the log that are open".to_owned()
            }
            Self::Ended { .. } => "change the record again instead".to_owned(),
            Self::MaybeSent(_) => "synchronize first, then try again".to_owned(),
            Self::NoCreate(_) => "take the server's side, or take the change back".to_owned(),
            Self::NoEntity(_) => {
                "discard the change, or leave it: it goes on by itself when the server has the entity again"
                    .to_owned()
            }
            Self::NotAllowed(..) => {
                "synchronize, if that has changed since; or discard the command, with what was done on its results"
                    .to_owned()
            }
            Self::NoRecord(_) => "discard the command, with what was done on its results".to_owned(),
            Self::NoValues(_) | Self::NothingToPick(_) => {
                "choose another of the ways that the entry names".to_owned()
            }
            Self::NotNew(_) => "set another value, or take the change back".to_owned(),
            Self::NotThere(..) => "synchronize, or look for the record with `list`".to_owned(),
            Self::InTheWay(operation) => format!("take it back first: undo {operation}"),
            Self::Circle(field) => {
                format!("settle the entry without `{field}`, then update the record")
            }
            Self::Whole(_) => "set other values, or discard it".to_owned(),
            Self::NotChanged(_) => "leave out fields that the change has, as `outbox` shows it".to_owned(),
            Self::NothingElse(_) => "discard the change".to_owned(),
            Self::NotInConflict(_) => "pick sides for the fields that the entry names".to_owned(),
            Self::Undecided(fields) => {
                format!(
                    "decide {} too, or choose mine or theirs for the whole entry",
                    names(fields)
                )
            }
        }
    }
}

fn names(fields: &[FieldName]) -> String {
    let names: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
    names.join(", ")
}

fn are(fields: &[FieldName]) -> String {
    let verb = if fields.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names(fields))
}
