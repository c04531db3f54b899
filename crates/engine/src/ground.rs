//! One reading of the outbox that planning rests on, kept up with the engine's own commits.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use driftless_record::{ClockSample, EntityName, LogId, Operation, RecordId, Schema, Settings};
use driftless_store::{
    CommitNumber, Image, LogSelection, OperationSelection, RecordStore, StoreError, Write, WriteBatch,
};

use crate::contacts::Contacts;
use crate::notes::{self, Note};

/// Names a record.
pub(crate) type Key = (EntityName, RecordId);

/// What is known of the outbox at one commit.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    /// The commit that the reading is as of.
    pub number: CommitNumber,
    /// The schema.
    pub schema: Arc<Schema>,
    /// Every pending operation, in sequence.
    pub pending: Vec<Operation>,
    /// The images of their records.
    pub images: BTreeMap<Key, Image>,
    /// The largest sequence number of all operations.
    pub last_sequence: u64,
    /// The number of the next log entry.
    pub next_log: LogId,
    /// The administrator's settings.
    pub settings: Settings,
    /// The best comparison of clocks with the server.
    pub clock: Option<ClockSample>,
    /// When the server was reached.
    pub contacts: Contacts,
}

impl Ground {
    /// Reads the whole outbox.
    pub(crate) fn read(store: &dyn RecordStore) -> Result<Self, StoreError> {
        let number = store.position()?;
        let pending = store.operations(&OperationSelection::Pending(usize::MAX))?;
        let mut images = BTreeMap::new();
        for operation in &pending {
            let key = key(operation);
            if !images.contains_key(&key)
                && let Some(image) = store.image(&key.0, &key.1)?
            {
                images.insert(key, image);
            }
        }
        let last = store.operations(&OperationSelection::Latest(1))?;
        let last_log = store.log(&LogSelection::Latest(1))?;
        Ok(Self {
            number,
            schema: store.schema()?,
            pending,
            images,
            last_sequence: last.last().map_or(0, |operation| operation.sequence),
            next_log: LogId(last_log.last().map_or(1, |entry| entry.id.0 + 1)),
            settings: notes::read(store, &Note::Settings)?.unwrap_or_default(),
            clock: notes::read(store, &Note::Clock)?,
            contacts: notes::read(store, &Note::Contacts)?.unwrap_or_default(),
        })
    }

    /// Returns the number for a new log entry, and counts it.
    pub(crate) fn take_log_id(&mut self) -> LogId {
        let id = self.next_log;
        self.next_log = LogId(id.0 + 1);
        id
    }

    /// Returns the sequence number for a new operation, and counts it.
    pub(crate) fn take_sequence(&mut self) -> u64 {
        self.last_sequence += 1;
        self.last_sequence
    }

    /// Returns the pending operations of a record, in sequence.
    pub(crate) fn pending_of(&self, key: &Key) -> Vec<Operation> {
        self.pending
            .iter()
            .filter(|o| o.entity == key.0 && o.record == key.1)
            .cloned()
            .collect()
    }

    /// Returns the pending operations of several records, each record's in sequence, from one walk of the outbox.
    pub(crate) fn pending_of_each<'a>(
        &self,
        records: impl Iterator<Item = (&'a EntityName, &'a RecordId)>,
    ) -> BTreeMap<Key, Vec<Operation>> {
        let wanted: HashSet<_> = records.collect();
        let mut found: BTreeMap<Key, Vec<Operation>> = BTreeMap::new();
        for operation in &self.pending {
            if wanted.contains(&(&operation.entity, &operation.record)) {
                found.entry(key(operation)).or_default().push(operation.clone());
            }
        }
        found
    }

    /// Returns an operation by its id, if it is pending.
    pub(crate) fn operation(&self, id: driftless_record::OperationId) -> Option<&Operation> {
        self.pending.iter().find(|operation| operation.id == id)
    }

    /// Commits writes that were planned on this reading, and brings the reading after them.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if someone else committed meanwhile: read again and plan anew.
    pub(crate) fn commit(&mut self, store: &dyn RecordStore, writes: Vec<Write>) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        let number = store.commit(WriteBatch {
            expect: Some(self.number),
            writes: writes.clone(),
        })?;
        self.number = number;
        self.absorb(writes);
        Ok(())
    }

    /// Brings the reading after writes, as if they were committed.
    pub(crate) fn absorb(&mut self, writes: Vec<Write>) {
        let mut ended = BTreeSet::new();
        for write in writes {
            match write {
                Write::PutOperation(operation) if operation.state.is_final() => {
                    ended.insert(operation.sequence);
                }
                Write::PutOperation(operation) => {
                    ended.remove(&operation.sequence);
                    self.absorb_operation(*operation);
                }
                Write::PutImage(image) => {
                    self.images
                        .insert((image.entity.clone(), image.id.clone()), image);
                }
                Write::DropImage(entity, id) => {
                    self.images.remove(&(entity, id));
                }
                Write::PutLog(entry) => self.next_log = self.next_log.max(LogId(entry.id.0 + 1)),
                Write::PutRows(_)
                | Write::RemoveRows(..)
                | Write::PutSending(_)
                | Write::DropSending(_)
                | Write::PutNote(..)
                | Write::PutSchema(_)
                | Write::BeginLoad(_)
                | Write::EndLoad(_)
                | Write::PutFile(_)
                | Write::DropFile(_) => {}
            }
        }
        // All at once: an outbox may be long, and one commit ends many of its operations.
        if !ended.is_empty() {
            self.pending
                .retain(|operation| !ended.contains(&operation.sequence));
        }
    }

    fn absorb_operation(&mut self, operation: Operation) {
        self.last_sequence = self.last_sequence.max(operation.sequence);
        let at = self
            .pending
            .binary_search_by_key(&operation.sequence, |known| known.sequence);
        match at {
            Ok(at) => self.pending[at] = operation,
            Err(at) => self.pending.insert(at, operation),
        }
    }
}

/// Returns the record that an operation changes.
pub(crate) fn key(operation: &Operation) -> Key {
    (operation.entity.clone(), operation.record.clone())
}
