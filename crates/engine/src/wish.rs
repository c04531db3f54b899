//! Local writes as a person wants them.

use driftless_record::{EntityName, Fields, OperationId, RecordId};
use serde::{Deserialize, Serialize};

/// A local write: one of [`crate::Engine::edit`], or one of several of [`crate::Engine::edit_together`]. Entities may be
/// given by their name or their set's, ids in any form that [`RecordId::parse`] takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// Makes a record.
    Create {
        /// The entity.
        entity: String,
        /// Its fields.
        fields: Fields,
    },
    /// Changes fields of a record. Fields that have these values already are left out.
    Update {
        /// The entity.
        entity: String,
        /// The record.
        id: String,
        /// The fields to change.
        fields: Fields,
    },
    /// Deletes a record.
    Delete {
        /// The entity.
        entity: String,
        /// The record.
        id: String,
    },
    /// Runs a command on a record.
    Run {
        /// The entity.
        entity: String,
        /// The record.
        id: String,
        /// The command, by its name.
        command: String,
        /// What it is given.
        parameters: Fields,
    },
}

impl Edit {
    /// Returns the entity as it was given.
    pub(crate) fn entity(&self) -> &str {
        match self {
            Self::Create { entity, .. }
            | Self::Update { entity, .. }
            | Self::Delete { entity, .. }
            | Self::Run { entity, .. } => entity,
        }
    }
}

/// What a local write made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The record.
    pub record: RecordId,
    /// The operation in the outbox; `None` if there was nothing to change, or the entity never leaves the device.
    pub operation: Option<OperationId>,
    /// The records that a command is expected to make, under temporary ids, which lead to them for ever.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<(EntityName, RecordId)>,
}

impl Written {
    /// Makes what a write of one record made.
    pub(crate) fn of(record: RecordId, operation: Option<OperationId>) -> Self {
        Self {
            record,
            operation,
            made: Vec::new(),
        }
    }
}
