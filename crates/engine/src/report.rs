//! What a synchronization did, for people and programs.

use std::collections::BTreeMap;

use driftless_record::{EntityName, LogId};
use driftless_transport::TransportError;
use serde::Serialize;

/// What was read of one entity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct EntityReport {
    /// Records that came: new, changed, or read again.
    pub received: u64,
    /// Records that left.
    pub removed: u64,
    /// Why the entity could not be read to its end, if so.
    pub problem: Option<String>,
}

/// What a synchronization did.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SyncReport {
    /// What was read, by entity. Entities without news are left out.
    pub entities: BTreeMap<EntityName, EntityReport>,
    /// Bytes of server data received.
    pub bytes: u64,
    /// Operations that are on the server now.
    pub applied: usize,
    /// How many of them were merged with changes of others.
    pub merged: usize,
    /// Operations that the server refused in this synchronization.
    pub refused: usize,
    /// Operations that came to an end or were parked without a sending, because the server's data decided.
    pub decided: usize,
    /// Log entries written in this synchronization.
    pub log: Vec<LogId>,
    /// Log entries that wait for a person: all of them, old and new.
    pub waiting: Vec<LogId>,
    /// Log entries that wait for a person since this synchronization.
    pub newly_waiting: Vec<LogId>,
    /// Operations that are still pending.
    pub pending: u64,
    /// How many of them have an unknown outcome.
    pub unknown: u64,
    /// What the schema could not take over, in sentences.
    pub notes: Vec<String>,
    /// Whether the deadline came before the end.
    pub out_of_time: bool,
    /// Why it ended early, if it did.
    #[serde(skip)]
    pub interrupted: Option<TransportError>,
}

impl SyncReport {
    /// Returns how many records came.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.entities.values().map(|entity| entity.received).sum()
    }

    /// Returns how many records left.
    #[must_use]
    pub fn removed(&self) -> u64 {
        self.entities.values().map(|entity| entity.removed).sum()
    }

    pub(crate) fn entity(&mut self, name: &EntityName) -> &mut EntityReport {
        self.entities.entry(name.clone()).or_default()
    }
}
