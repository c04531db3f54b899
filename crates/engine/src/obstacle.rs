//! What stands against sending an operation before the server is asked: shown to a person, and gone on with by itself
//! once it has passed.

use std::collections::BTreeMap;

use driftless_record::{
    Cause, CauseClass, EntitySchema, FieldCase, FieldName, LogEntry, LogId, Operation, OperationKind,
    OperationState, Schema, Timestamp,
};
use driftless_store::{Image, Write};

use crate::circle;
use crate::edit::settled;
use crate::ground::{Ground, key};
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

    /// Returns whether a change goes on without the fields that this is about.
    pub(crate) fn is_of_fields(self) -> bool {
        match self {
            Self::FieldGone | Self::FieldClosed | Self::FieldRetyped | Self::FieldRequired => true,
            Self::EntityGone
            | Self::CreateClosed
            | Self::UpdateClosed
            | Self::DeleteClosed
            | Self::Circle
            | Self::CommandGone
            | Self::RevisionHidden
            | Self::CommandChanged => false,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::EntityGone => "device:no-entity",
            Self::CreateClosed => "device:no-create",
            Self::UpdateClosed => "device:no-update",
            Self::DeleteClosed => "device:no-delete",
            Self::Circle => "device:circle",
            Self::CommandGone => "device:no-command",
            Self::RevisionHidden => "device:no-revision",
            Self::FieldGone => "device:no-field",
            Self::FieldClosed => "device:no-field-update",
            Self::FieldRetyped => "device:field-retyped",
            Self::FieldRequired => "device:field-required",
            Self::CommandChanged => "device:command-changed",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::EntityGone => "the server no longer has this kind of record",
            Self::CreateClosed => "the server takes no new records of this kind any more",
            Self::UpdateClosed => "the server does not let records of this kind be changed any more",
            Self::DeleteClosed => "the server does not let records of this kind be deleted any more",
            Self::Circle => {
                "this record and another one that was made here need each other, so neither can be made first; leave one of the references out"
            }
            Self::CommandGone => "the server no longer has this command for records of this kind",
            Self::RevisionHidden => {
                "the server does not tell this record's revision, which it demands for a change"
            }
            Self::FieldGone => "the server no longer has a field that was set here",
            Self::FieldClosed => "the server no longer lets a field be changed that was set here",
            Self::FieldRetyped => {
                "the server has changed what values a field takes, and the one set here is none of them"
            }
            Self::FieldRequired => "the server now needs a value that this has not",
            Self::CommandChanged => "the server has changed what this command takes",
        }
    }

    /// Returns what can be done about it, in words for people.
    fn way_out(self) -> &'static str {
        match self {
            Self::EntityGone
            | Self::CreateClosed
            | Self::UpdateClosed
            | Self::DeleteClosed
            | Self::Circle
            | Self::CommandGone
            | Self::RevisionHidden => "it goes on by itself when that has passed, or discard it",
            Self::FieldGone | Self::FieldClosed => {
                "leave that out or discard the change, or it goes on by itself when that has passed"
            }
            Self::FieldRetyped => "set another value, leave it out or discard the change",
            Self::FieldRequired => "set one, or discard the change",
            Self::CommandChanged => {
                "discard it and run it again, or it goes on by itself when that has passed"
            }
        }
    }

    fn class(self) -> CauseClass {
        match self {
            Self::FieldRetyped | Self::FieldRequired | Self::CommandChanged => CauseClass::Validation,
            Self::EntityGone
            | Self::CreateClosed
            | Self::UpdateClosed
            | Self::DeleteClosed
            | Self::Circle
            | Self::CommandGone
            | Self::RevisionHidden
            | Self::FieldGone
            | Self::FieldClosed => CauseClass::Unsupported,
        }
    }

    /// Returns the cause for the log.
    pub(crate) fn cause(self) -> Cause {
        Cause {
            class: self.class(),
            field: None,
            other: None,
            code: self.code().to_owned(),
            text: self.words().to_owned(),
        }
    }

    /// Returns the obstacle that an entry is about.
    pub(crate) fn of_entry(entry: &LogEntry) -> Option<Self> {
        let code = &entry.cause.as_ref()?.code;
        ALL.into_iter().find(|obstacle| obstacle.code() == code)
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
        format!("{}{names}; {}", self.obstacle.words(), self.obstacle.way_out())
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
    let mut by_log: BTreeMap<LogId, Vec<&Operation>> = BTreeMap::new();
    for operation in &ground.pending {
        if let Some(log) = operation.state.parked() {
            by_log.entry(log).or_default().push(operation);
        }
    }
    for entry in open {
        let Some(obstacle) = Obstacle::of_entry(&entry) else {
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
                    Obstacle::Circle => circle::holds(&ground.schema, &ground.pending, operation.id),
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
        writes.push(settled(entry, now, "passed"));
    }
    writes
}

fn has_revision(image: Option<&Image>) -> bool {
    image
        .and_then(|image| image.server.as_ref())
        .is_some_and(|server| server.record.revision.is_some())
}
