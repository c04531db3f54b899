//! The port: three small traits.

use std::sync::Arc;

use driftless_record::{
    EntityName, LogEntry, LogId, Operation, OperationId, Query, Record, RecordId, RequestId, Revision,
    Schema, Sending, Timestamp,
};

use crate::{CommitNumber, FileRow, Image, StoreError, WriteBatch};

/// Reads records as the user sees them: server data with his own pending changes on top.
pub trait ViewReader {
    /// Returns the schema; empty before the first one was committed.
    ///
    /// # Errors
    /// Any [`StoreError`] but `Stale`.
    fn schema(&self) -> Result<Arc<Schema>, StoreError>;

    /// Returns a record, also of an entity that is loading. It has every field of the schema, null where nothing is
    /// known, and values as the field's kind keeps them ([`crate::fit()`]).
    ///
    /// # Errors
    /// [`StoreError::UnknownEntity`], or the database's.
    fn get(&self, entity: &EntityName, id: &RecordId) -> Result<Option<Record>, StoreError>;

    /// Answers a query as of one moment. An entity that is loading answers with no records, and is not seen through
    /// lookups and collections either. `now` is what the query's `now()` means.
    ///
    /// # Errors
    /// [`StoreError::UnknownEntity`] or [`StoreError::Unfit`] if the query does not fit the schema.
    fn query(&self, query: &Query, now: Timestamp) -> Result<Vec<Record>, StoreError>;

    /// Returns how many records a query without its paging has.
    ///
    /// # Errors
    /// Like [`ViewReader::query`].
    fn count(&self, query: &Query, now: Timestamp) -> Result<u64, StoreError>;

    /// Returns up to `limit` ids and revisions of an entity's view, also while it is loading, in the order of ids,
    /// beginning after `after`.
    ///
    /// # Errors
    /// [`StoreError::UnknownEntity`], or the database's.
    fn ids(
        &self,
        entity: &EntityName,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, Option<Revision>)>, StoreError>;

    /// Returns the entities that are loading.
    ///
    /// # Errors
    /// The database's.
    fn loading(&self) -> Result<Vec<EntityName>, StoreError>;
}

/// Which operations to read. They come in sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationSelection {
    /// Every operation whose state is not final, at most so many.
    Pending(usize),
    /// Every operation of a record whose state is not final.
    PendingOf(EntityName, RecordId),
    /// One operation, whatever its state.
    One(OperationId),
    /// The latest operations of any state, at most so many; still the oldest of them first.
    Latest(usize),
}

/// Which log entries to read. They come in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogSelection {
    /// Entries that wait for a person.
    Open,
    /// One entry.
    One(LogId),
    /// The latest entries, at most so many; still the oldest of them first.
    Latest(usize),
}

/// Reads what synchronization keeps beside the records.
pub trait JournalReader {
    /// Returns operations in sequence.
    ///
    /// # Errors
    /// The database's.
    fn operations(&self, selection: &OperationSelection) -> Result<Vec<Operation>, StoreError>;

    /// Returns how many operations are pending: not final.
    ///
    /// # Errors
    /// The database's.
    fn pending(&self) -> Result<u64, StoreError>;

    /// Returns a sending whose outcome is not known yet.
    ///
    /// # Errors
    /// The database's.
    fn sending(&self, id: RequestId) -> Result<Option<Sending>, StoreError>;

    /// Returns the image of an unsettled record.
    ///
    /// # Errors
    /// The database's.
    fn image(&self, entity: &EntityName, id: &RecordId) -> Result<Option<Image>, StoreError>;

    /// Returns the ids of every unsettled record of an entity: those that have an image.
    ///
    /// # Errors
    /// The database's.
    fn unsettled(&self, entity: &EntityName) -> Result<Vec<RecordId>, StoreError>;

    /// Returns log entries.
    ///
    /// # Errors
    /// The database's.
    fn log(&self, selection: &LogSelection) -> Result<Vec<LogEntry>, StoreError>;

    /// Returns a note.
    ///
    /// # Errors
    /// The database's.
    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns the file rows of a record, in the order of their content ids.
    ///
    /// # Errors
    /// The database's.
    fn files(&self, entity: &EntityName, id: &RecordId) -> Result<Vec<FileRow>, StoreError>;
}

/// A database on a device, for one account.
///
/// # Contract
/// A commit that returned `Ok` survives the end of the process and of the power; one that did not is there whole or
/// not at all. Readers see the state before or after a commit, never between, and never wait for a writer. Several
/// threads may call at once.
pub trait RecordStore: ViewReader + JournalReader + Send + Sync {
    /// Carries out a batch, all or nothing: the only way to change a store. Returns the number of the commit.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the batch was based on an older commit, [`StoreError::Unfit`] or
    /// [`StoreError::UnknownEntity`] if it does not fit the schema; nothing has happened then.
    fn commit(&self, batch: WriteBatch) -> Result<CommitNumber, StoreError>;

    /// Returns the number of the last commit, by whichever process.
    ///
    /// # Errors
    /// The database's.
    fn position(&self) -> Result<CommitNumber, StoreError>;

    /// Returns a record of the view and the image under it: what an edit rests on. A store that reads both in one step
    /// says so here; the answer is the same as that of [`ViewReader::get`] and [`JournalReader::image`].
    ///
    /// # Errors
    /// Like [`ViewReader::get`].
    fn record_and_image(
        &self,
        entity: &EntityName,
        id: &RecordId,
    ) -> Result<(Option<Record>, Option<Image>), StoreError> {
        Ok((self.get(entity, id)?, self.image(entity, id)?))
    }
}

const _: fn(&dyn RecordStore) = |_| {};
