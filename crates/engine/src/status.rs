//! Where things stand: how much waits, since when, and whether "in sync" can be said.

use driftless_record::{EntityName, OperationState, Query, Timestamp};
use driftless_store::{LogSelection, OperationSelection, RecordStore, StoreError};
use serde::Serialize;

use crate::notes::{self, EntityMark, Note};

/// The state of one entity on the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntityStatus {
    /// The entity.
    pub entity: EntityName,
    /// Whether its records can be worked with.
    pub available: bool,
    /// Why not, if not.
    pub reason: Option<String>,
    /// How many records are on the device.
    pub records: u64,
    /// When it was last read to the end, by the device's clock.
    pub last_sync: Option<Timestamp>,
}

/// The state of the whole account on the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Operations that are not final.
    pub pending: u64,
    /// Of these, saved and not sent, or sent back for later.
    pub queued: u64,
    /// Of these, sent with an unknown outcome, or on their way.
    pub unknown: u64,
    /// Of these, parked: a person has to decide.
    pub parked: u64,
    /// Log entries that wait for a person.
    pub waiting: usize,
    /// When the last synchronization ended that went through, by the device's clock: it read everything and sent what
    /// could go. What is still to be sent, or waits for a person, is told in `pending`.
    pub last_sync: Option<Timestamp>,
    /// Whether everything made here is on the server and everything there was read, as of the last synchronization, also
    /// what the server made of what was sent since.
    pub in_sync: bool,
    /// The entities that belong on the device.
    pub entities: Vec<EntityStatus>,
}

/// Reads the status.
pub(crate) fn status(store: &dyn RecordStore, now: Timestamp) -> Result<Status, StoreError> {
    let pending = store.operations(&OperationSelection::Pending(usize::MAX))?;
    let count =
        |wanted: fn(&OperationState) -> bool| pending.iter().filter(|o| wanted(&o.state)).count() as u64;
    let settings = notes::settings(store)?;
    let loading = store.loading()?;
    let mut entities = Vec::new();
    for entity in store
        .schema()?
        .entities
        .values()
        .filter(|e| !e.is_abstract && settings.covers(&e.name))
    {
        let mark: Option<EntityMark> = notes::read(store, &Note::Entity(entity.name.clone()))?;
        let complete = entity.local_only || mark.as_ref().is_some_and(|mark| mark.complete);
        let reason = match (complete, loading.contains(&entity.name)) {
            (_, true) => Some("the download is not finished".to_owned()),
            (false, false) => Some("not downloaded yet".to_owned()),
            (true, false) => None,
        };
        entities.push(EntityStatus {
            available: reason.is_none(),
            reason,
            records: store.count(&Query::all(entity.name.clone()), now)?,
            last_sync: mark.and_then(|mark| mark.read_at),
            entity: entity.name.clone(),
        });
    }
    let last_sync = notes::read(store, &Note::LastSync)?;
    let unread = notes::read::<bool>(store, &Note::Unread)?.is_some();
    let complete = !entities.is_empty() && entities.iter().all(|entity| entity.available);
    Ok(Status {
        pending: pending.len() as u64,
        queued: count(OperationState::is_to_be_sent),
        unknown: count(|s| s.sending().is_some()),
        parked: count(|s| s.parked().is_some()),
        waiting: store.log(&LogSelection::Open)?.len(),
        in_sync: pending.is_empty() && complete && last_sync.is_some() && !unread,
        last_sync,
        entities,
    })
}
