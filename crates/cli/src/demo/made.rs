//! What the two people did, and what should become of it.

use driftless_record::{EntityName, Fields, OperationId, RecordId};

/// What an operation did to its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    Create(Fields),
    Update(Fields),
    Delete,
}

/// What should become of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has its effect on the server, once.
    Applied,
    /// It gives way to a later edit of the same field.
    GivesWay,
    /// It waits for the user.
    Waits,
    /// It never leaves the device: what was made was thrown away before.
    Stays,
}

/// One operation of the story.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) operation: OperationId,
    pub(super) entity: EntityName,
    pub(super) record: RecordId,
    pub(super) deed: Deed,
    pub(super) fate: Fate,
}
