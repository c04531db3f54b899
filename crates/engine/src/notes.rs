//! The notes that the engine keeps in a store, in versioned forms of its own.

use driftless_record::{EntityName, OperationId, RecordId, Settings};
use driftless_store::{JournalReader, RecordStore, StoreError, Write};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The name of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    /// The administrator's settings: [`Settings`].
    Settings,
    /// The best clock sample: `ClockSample`.
    Clock,
    /// When the server was reached: `Contacts`.
    Contacts,
    /// When the last synchronization ended that read everything and sent what could go: `Timestamp`.
    LastSync,
    /// There since something was written to the server that was not read back: `bool`.
    Unread,
    /// How far an entity was read: [`EntityMark`].
    Entity(EntityName),
    /// Who drives the store: `Lease`.
    Lease,
    /// What was read of a set of changes that was cut short: `Staged`.
    Staged(EntityName),
    /// The records that left the scope while something of them was pending: `Ids`.
    Departed(EntityName),
    /// The id that a record has instead of this one: `RecordId`.
    Alias(EntityName, RecordId),
    /// The operations that were split off an operation: list of `OperationId`.
    Parts(OperationId),
}

impl Note {
    fn name(&self) -> String {
        match self {
            Self::Settings => "settings".to_owned(),
            Self::Clock => "clock".to_owned(),
            Self::Contacts => "contacts".to_owned(),
            Self::LastSync => "last-sync".to_owned(),
            Self::Lease => "lease".to_owned(),
            Self::Unread => "unread".to_owned(),
            Self::Entity(entity) => format!("entity/{entity}"),
            Self::Staged(entity) => format!("staged/{entity}"),
            Self::Departed(entity) => format!("departed/{entity}"),
            Self::Parts(operation) => format!("parts/{operation}"),
            Self::Alias(entity, id) => format!("alias/{entity}/{id}"),
        }
    }
}

/// How far an entity was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntityMark {
    /// Where to go on, as the transport gave it.
    pub checkpoint: Option<driftless_transport::Checkpoint>,
    /// Whether the entity was read to the end at least once since the last full read began.
    pub complete: bool,
    /// When it was last read to the end, by the device's clock.
    pub read_at: Option<driftless_record::Timestamp>,
    /// The filter that was in force, as it was written then; another one starts anew.
    pub filter: String,
    /// Whether the records on the device still have to be compared with those on the server, since everything is read
    /// anew.
    #[serde(default)]
    pub sweep_due: bool,
    /// Whether the checkpoint lies within a set of changes: the set ends where it began to be read.
    #[serde(default)]
    pub within: bool,
}

impl EntityMark {
    /// Makes the mark of an entity that is read from the start, into an empty table.
    pub(crate) fn first(filter: String) -> Self {
        Self {
            checkpoint: None,
            complete: false,
            read_at: None,
            filter,
            sweep_due: false,
            within: false,
        }
    }

    /// Makes the mark of an entity that is read from the start, over records that are there already.
    pub(crate) fn anew(filter: String) -> Self {
        Self {
            sweep_due: true,
            ..Self::first(filter)
        }
    }
}

/// The version of the form in which notes are kept: raised with every change that an older reader would get wrong.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u8,
    data: T,
}

/// Reads a note; one that cannot be understood counts as absent. All but aliases can be had again from the server.
pub(crate) fn read<T: DeserializeOwned>(
    store: &dyn RecordStore,
    note: &Note,
) -> Result<Option<T>, StoreError> {
    let bytes = JournalReader::note(store, &note.name())?;
    Ok(bytes
        .and_then(|bytes| serde_json::from_slice::<Versioned<T>>(&bytes).ok())
        .filter(|note| note.v == VERSION)
        .map(|note| note.data))
}

/// Makes the write that sets a note.
pub(crate) fn write<T: Serialize>(note: &Note, data: &T) -> Write {
    let bytes = serde_json::to_vec(&Versioned { v: VERSION, data }).ok();
    Write::PutNote(note.name(), bytes)
}

/// Makes the write that removes a note.
pub(crate) fn remove(note: &Note) -> Write {
    Write::PutNote(note.name(), None)
}

/// Returns the settings in a store, or the defaults.
pub(crate) fn settings(store: &dyn RecordStore) -> Result<Settings, StoreError> {
    Ok(read(store, &Note::Settings)?.unwrap_or_default())
}

#[cfg(test)]
mod tests;
