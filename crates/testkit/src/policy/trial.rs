//! What is on trial.

use std::sync::Arc;

use driftless_conflict::ConflictPolicy;
use driftless_record::EntitySchema;

use super::sample::thing;

/// Whether a policy may decide on values that neither side has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It chooses between sides.
    Never,
    /// It says so.
    Sometimes,
}

/// What is on trial: a policy, the entity that it is tried with, and what it says of itself.
pub struct Trial {
    pub(super) make: Box<dyn Fn() -> Arc<dyn ConflictPolicy>>,
    pub(super) about: Arc<EntitySchema>,
    pub(super) made: Made,
}

impl Trial {
    /// Makes a trial of what a function makes, with an entity that has a field of most kinds.
    pub fn of<P: ConflictPolicy + 'static>(make: impl Fn() -> P + 'static) -> Self {
        Self {
            make: Box::new(move || Arc::new(make())),
            about: Arc::new(thing()),
            made: Made::Never,
        }
    }

    /// Returns the trial with another entity.
    #[must_use]
    pub fn about(self, entity: EntitySchema) -> Self {
        Self {
            about: Arc::new(entity),
            ..self
        }
    }

    /// Returns the trial of a policy that makes values.
    #[must_use]
    pub fn making_values(self) -> Self {
        Self {
            made: Made::Sometimes,
            ..self
        }
    }
}
