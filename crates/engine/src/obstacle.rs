//! What stands against sending an operation before the server is asked: shown to a person, and gone on with by itself
//! once it has passed.

use std::collections::BTreeSet;

use driftless_record::{
    Cause, CauseClass, EntitySchema, FieldCase, FieldName, LogEntry, LogKind, Operation, OperationKind,
    OperationState, Schema, Timestamp,
};
use driftless_store::{Image, Write};

use crate::circle;
use crate::ground::{Ground, key};
use crate::journal::{by_log, gone_on, settled};
use crate::plan::misfits;

/// What stands against sending an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The server no longer has the entity.
    EntityGone,
    /// The entity takes no new records any more.
    CreateClosed,
    /// The entity's records cannot be changed any more.
    UpdateClosed,
    /// The entity's records cannot be deleted any more.
    DeleteClosed,
    /// The record and others that were made here need each other, and none of them can be made first.
    Circle,
    /// The entity has the command no more.
    CommandGone,
    /// The server tells no revision of the record, and changes it only under one.
    RevisionHidden,
    /// The server no longer has a field that was set.
    FieldGone,
    /// A field that was set takes no values any more.
    FieldClosed,
    /// A field takes other values than the one that it was set to.
    FieldRetyped,
    /// The server needs a value that nobody has given.
    FieldRequired,
    /// The command takes something else than it was given.
    CommandChanged,
}

const ALL: [Obstacle; 12] = [
    Obstacle::EntityGone,
    Obstacle::CreateClosed,
    Obstacle::UpdateClosed,
    Obstacle::DeleteClosed,
    Obstacle::Circle,
    Obstacle::CommandGone,
    Obstacle::RevisionHidden,
    Obstacle::FieldGone,
    Obstacle::FieldClosed,
    Obstacle::FieldRetyped,
    Obstacle::FieldRequired,
    Obstacle::CommandChanged,
];

/// What is told of an obstacle.
struct Told {
    code: &'static str,
    /// What it is, in words for people.
    words: &'static str,
    /// What can be done about it, in words for people.
    way_out: &'static str,
    class: CauseClass,
}

/// An obstacle with what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hindrance {
    /// What stands against sending.
    pub obstacle: Obstacle,
    /// The fields, or parameters of a command, in question; none if it is about the whole record.
    pub fields: Vec<FieldCase>,
}

impl From<Obstacle> for Hindrance {
    fn from(obstacle: Obstacle) -> Self {
        Self {
            obstacle,
            fields: Vec::new(),
        }
    }
}

impl Obstacle {
    /// Returns what the schema has against an operation.
    pub(crate) fn of(schema: &Schema, operation: &Operation) -> Option<Self> {
        match schema.entity(operation.entity.as_str()) {
            Some(entity) => Self::against(entity, operation),
            // What a command is expected to make is not sent.
            None if matches!(operation.kind, OperationKind::Awaited { .. }) => None,
            None => Some(Self::EntityGone),
        }
    }

    /// Returns what an entity has against an operation.
    pub(crate) fn against(entity: &EntitySchema, operation: &Operation) -> Option<Self> {
        let access = entity.access;
        match &operation.kind {
            OperationKind::Create(_) => (!access.create || entity.is_abstract).then_some(Self::CreateClosed),
            OperationKind::Update(_) => (!access.update || entity.append_only).then_some(Self::UpdateClosed),
            OperationKind::Delete { .. } => {
                (!access.delete || entity.append_only).then_some(Self::DeleteClosed)
            }
            OperationKind::Command { call, .. } => {
                (!entity.commands.contains_key(&call.name)).then_some(Self::CommandGone)
            }
            OperationKind::Awaited { .. } => None,
        }
    }

    fn told(self) -> Told {
        const PASSES: &str = "it goes on by itself when that has passed, or discard it";
        const LEAVE_OUT: &str =
            "leave that out or discard the change, or it goes on by itself when that has passed";
        use CauseClass::{Unsupported, Validation};
        let (code, words, way_out, class) = match self {
            Self::EntityGone => (
                "device:no-entity",
                "the server no longer has this kind of record",
                PASSES,
                Unsupported,
            ),
            Self::CreateClosed => (
                "device:no-create",
                "the server takes no new records of this kind any more",
                PASSES,
                Unsupported,
            ),
            Self::UpdateClosed => (
                "device:no-update",
                "the server does not let records of this kind be changed any more",
                PASSES,
                Unsupported,
            ),
            Self::DeleteClosed => (
                "device:no-delete",
                "the server does not let records of this kind be deleted any more",
                PASSES,
                Unsupported,
            ),
            Self::Circle => (
                "device:circle",
                "this record and another one that was made here need each other, so neither can be made first; leave one of the references out",
                PASSES,
                Unsupported,
            ),
            Self::CommandGone => (
                "device:no-command",
                "the server no longer has this command for records of this kind",
                PASSES,
                Unsupported,
            ),
            Self::RevisionHidden => (
                "device:no-revision",
                "the server does not tell this record's revision, which it demands for a change",
                PASSES,
                Unsupported,
            ),
            Self::FieldGone => (
                "device:no-field",
                "the server no longer has a field that was set here",
                LEAVE_OUT,
                Unsupported,
            ),
            Self::FieldClosed => (
                "device:no-field-update",
                "the server no longer lets a field be changed that was set here",
                LEAVE_OUT,
                Unsupported,
            ),
            Self::FieldRetyped => (
                "device:field-retyped",
                "the server has changed what values a field takes, and the one set here is none of them",
                "set another value, leave it out or discard the change, or it goes on by itself when it fits again",
                Validation,
            ),
            Self::FieldRequired => (
                "device:field-required",
                "the server now needs a value that this has not",
                "set one or discard the change, or it goes on by itself when none is needed any more",
                Validation,
            ),
            Self::CommandChanged => (
                "device:command-changed",
                "the server has changed what this command takes",
                "discard it and run it again, or it goes on by itself when that has passed",
                Validation,
            ),
        };
        Told {
            code,
            words,
            way_out,
            class,
        }
    }

    /// Returns whether a change goes on without the fields that this is about.
    pub(crate) fn is_of_fields(self) -> bool {
        matches!(
            self,
            Self::FieldGone | Self::FieldClosed | Self::FieldRetyped | Self::FieldRequired
        )
    }

    /// Returns the cause for the log.
    pub(crate) fn cause(self) -> Cause {
        let told = self.told();
        Cause {
            class: told.class,
            field: None,
            other: None,
            code: told.code.to_owned(),
            text: told.words.to_owned(),
        }
    }

    /// Returns the obstacle that an entry is about.
    pub(crate) fn of_entry(entry: &LogEntry) -> Option<Self> {
        let code = &entry.cause.as_ref()?.code;
        ALL.into_iter().find(|obstacle| obstacle.told().code == code)
    }
}

impl Hindrance {
    /// Returns the cause for the log.
    pub(crate) fn cause(&self) -> Cause {
        Cause {
            field: self.fields.first().map(|case| case.field.clone()),
            ..self.obstacle.cause()
        }
    }

    /// Returns why this is in the log, in a sentence for people.
    pub(crate) fn reason(&self) -> String {
        let names: Vec<_> = self.names().map(FieldName::as_str).collect();
        let names = match names.as_slice() {
            [] => String::new(),
            names => format!(" ({})", names.join(", ")),
        };
        let told = self.obstacle.told();
        format!("{}{names}; {}", told.words, told.way_out)
    }

    fn names(&self) -> impl Iterator<Item = &FieldName> {
        self.fields.iter().map(|case| &case.field)
    }

    /// Returns whether an entry says this.
    fn is_told_by(&self, entry: &LogEntry) -> bool {
        let told = entry.fields.iter().map(|case| &case.field);
        Obstacle::of_entry(entry) == Some(self.obstacle) && self.names().eq(told)
    }
}

/// Puts operations back into the queue that nothing stands against any more, and settles their entries.
pub(crate) fn released(ground: &Ground, open: Vec<LogEntry>, now: Timestamp) -> Vec<Write> {
    let mut writes = Vec::new();
    let mut by_log = by_log(&ground.pending);
    let of_circles = open
        .iter()
        .any(|entry| Obstacle::of_entry(entry) == Some(Obstacle::Circle));
    let in_circles = if of_circles {
        circle::held(&ground.schema, &ground.pending)
    } else {
        BTreeSet::new()
    };
    for entry in open {
        // What may be on the server already goes again by a person's word alone.
        let proved = entry.kind != LogKind::Unproved;
        let Some(obstacle) = Obstacle::of_entry(&entry).filter(|_| proved) else {
            continue;
        };
        let parked = by_log.remove(&entry.id).unwrap_or_default();
        let misfit = parked.first().and_then(|first| {
            let entity = ground.schema.entity(first.entity.as_str())?;
            misfits(entity, ground.images.get(&key(first)), &parked)
        });
        // Another one than the entry tells of is told anew.
        if misfit.is_some_and(|misfit| misfit.is_told_by(&entry)) {
            continue;
        }
        let stands = |operation: &&Operation| {
            Obstacle::of(&ground.schema, operation).is_some()
                || match obstacle {
                    Obstacle::RevisionHidden => !has_revision(ground.images.get(&key(operation))),
                    Obstacle::Circle => in_circles.contains(&operation.id),
                    Obstacle::EntityGone
                    | Obstacle::CreateClosed
                    | Obstacle::UpdateClosed
                    | Obstacle::DeleteClosed
                    | Obstacle::CommandGone
                    | Obstacle::FieldGone
                    | Obstacle::FieldClosed
                    | Obstacle::FieldRetyped
                    | Obstacle::FieldRequired
                    | Obstacle::CommandChanged => false,
                }
        };
        if parked.iter().any(stands) {
            continue;
        }
        writes.extend(parked.into_iter().map(|operation| {
            Write::PutOperation(Box::new(Operation {
                state: OperationState::Queued,
                rebased: 0,
                ..operation.clone()
            }))
        }));
        writes.push(settled(gone_on(entry), now, "passed"));
    }
    writes
}

fn has_revision(image: Option<&Image>) -> bool {
    image
        .and_then(|image| image.server.as_ref())
        .is_some_and(|server| server.record.revision.is_some())
}
