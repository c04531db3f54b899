//! What a transport learns about its service while it works. Kept for the life of the transport only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use driftless_odata::csdl::Metadata;
use driftless_record::EntityName;

use crate::visited::Visited;

/// How several changes go into one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum BatchForm {
    /// A JSON batch.
    #[default]
    Json,
    /// A multipart batch.
    Multipart,
    /// Not at all: one request each.
    Single,
}

/// What is known of the service.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The service's metadata, once read.
    pub(crate) metadata: Option<Arc<Metadata>>,
    /// Whether the service is a driftless server.
    pub(crate) own: Option<bool>,
    /// Whether any entity has shown change tracking.
    pub(crate) tracking: Option<bool>,
    /// How batches are sent.
    pub(crate) form: BatchForm,
    /// Whether a batch in that form has been answered.
    pub(crate) form_proved: bool,
    /// Whether the service answers repeatability headers.
    pub(crate) repeatable: Option<bool>,
    /// The most bytes of a batch, once one was too large.
    pub(crate) batch_bytes: Option<usize>,
    /// What is known of entities.
    pub(crate) entities: BTreeMap<EntityName, OfEntity>,
}

/// What is known of an entity beyond the metadata.
#[derive(Debug, Default)]
pub(crate) struct OfEntity {
    /// Whether delta links are offered.
    pub(crate) delta: Option<bool>,
    /// Whether records come with revisions.
    pub(crate) revisions: Option<bool>,
    /// The places that the set in progress was read from.
    pub(crate) visited: Visited,
    /// The same for the sweep in progress.
    pub(crate) swept: Visited,
}

/// [`Known`], shared between calls. Never held while waiting.
#[derive(Debug, Default)]
pub(crate) struct Learned(Mutex<Known>);

impl Learned {
    /// Opens what is known. A panic while it was open left nothing half-written that matters.
    pub(crate) fn open(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Returns what is known of an entity.
    pub(crate) fn entity(&mut self, name: &EntityName) -> &mut OfEntity {
        self.entities.entry(name.clone()).or_default()
    }

    /// Takes note of whether a reply answered repeatability headers.
    pub(crate) fn note_repeatable(&mut self, result: Option<&str>, is_refused: bool) {
        match result {
            Some(text) if text.eq_ignore_ascii_case("accepted") => self.repeatable = Some(true),
            Some(_) => {}
            // A refusal before the request was looked at says nothing.
            None if is_refused => {}
            None => self.repeatable = self.repeatable.or(Some(false)),
        }
    }
}
