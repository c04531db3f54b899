//! What a person is told while a synchronization runs.

use driftless_record::EntityName;
use serde::{Deserialize, Serialize};

/// The stages of a synchronization, by the names that people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Signing in and reading what the server is.
    LoadSystemData,
    /// Reading the schema.
    LoadStructure,
    /// Bringing the device's tables after the schema.
    UpdateStructure,
    /// Reading the administrator's settings.
    LoadSystemSettings,
    /// Finding out what has to be read.
    CheckForData,
    /// Reading records.
    Import,
    /// Sending the outbox.
    Send,
}

impl Stage {
    /// Returns the stage in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::LoadSystemData => "load system data",
            Self::LoadStructure => "load structure",
            Self::UpdateStructure => "update structure",
            Self::LoadSystemSettings => "load system settings",
            Self::CheckForData => "check for data to import",
            Self::Import => "import",
            Self::Send => "send",
        }
    }
}

/// How far a stage is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The stage.
    pub stage: Stage,
    /// The entity that is being read, in [`Stage::Import`].
    pub entity: Option<EntityName>,
    /// How many records are done: read in [`Stage::Import`] for the entity, sent in [`Stage::Send`].
    pub done: u64,
    /// How many there are, if known.
    pub total: Option<u64>,
    /// How many bytes were received in this synchronization.
    pub bytes: u64,
}

/// Is told how far a synchronization is, often and from any thread; must return at once.
pub trait ProgressSink: Send + Sync {
    /// Takes the news.
    fn progress(&self, progress: &Progress);
}

/// Ignores progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl ProgressSink for NoProgress {
    fn progress(&self, _progress: &Progress) {}
}
