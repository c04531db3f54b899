//! What a commit carries.

use std::sync::Arc;

use driftless_record::{
    EntityName, FieldName, LogEntry, Operation, RecordId, RequestId, RowSet, Schema, Sending, ServerRecord,
};
use serde::{Deserialize, Serialize};

/// The number of a commit: grows with every commit of any process, and is never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitNumber(pub u64);

/// What a store keeps of the server's side of an unsettled record: one with an operation that is not final, or that
/// was applied but not yet seen in server data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The entity.
    pub entity: EntityName,
    /// The record.
    pub id: RecordId,
    /// The server's data as last seen; `None` if the server has never had the record, as far as is known.
    pub server: Option<ServerRecord>,
    /// Whether the server no longer has the record. Its last data are kept, so that it can be shown and made again.
    pub gone: bool,
}

impl Image {
    /// Returns the record as the server has it, as far as is known; `None` if it has never had it, or has it no more.
    #[must_use]
    pub fn present(&self) -> Option<&ServerRecord> {
        self.server.as_ref().filter(|_| !self.gone)
    }
}

/// A file that a record names; the bytes lie beside the database under the content id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// The content id: a name made at random when the bytes were written, never text from a server.
    pub content: String,
    /// The entity of the record that names it.
    pub entity: EntityName,
    /// The record.
    pub id: RecordId,
    /// The field.
    pub field: FieldName,
    /// The size in bytes.
    pub size: u64,
    /// Whether the server has the bytes. Only such files may be evicted.
    pub sent: bool,
}

/// One change of a store.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Inserts rows into the view, or sets the named columns of rows that are there. The revision is replaced.
    PutRows(RowSet),
    /// Removes records from the view.
    RemoveRows(EntityName, Vec<RecordId>),
    /// Keeps the server image of an unsettled record.
    PutImage(Image),
    /// Forgets the server image of a record that is settled now.
    DropImage(EntityName, RecordId),
    /// Inserts an operation, or replaces the one of the same id. A store refuses a pending one whose sequence number
    /// another pending one has. It need not fit the schema: an operation outlives its entity.
    PutOperation(Box<Operation>),
    /// Inserts a sending, or replaces the one of the same id.
    PutSending(Box<Sending>),
    /// Removes a sending whose outcome is known.
    DropSending(RequestId),
    /// Inserts a log entry, or replaces the one of the same id.
    PutLog(Box<LogEntry>),
    /// Sets a note: a small named value, such as a checkpoint. `None` removes it.
    PutNote(String, Option<Vec<u8>>),
    /// Replaces the schema and brings the tables after it. Operations and images are kept whole. Values of fields that
    /// are gone are dropped, but for those that another field was called by before ([`crate::former_name`]): it takes
    /// them over. Values of a field that has another kind now are converted, or null ([`crate::convert`]).
    /// Rows of entities that are gone, or that have another key, are dropped, unless they are unsettled: those are
    /// there again when the entity comes back and they still are.
    PutSchema(Arc<Schema>),
    /// Marks an entity as loading: its rows are hidden from queries and its secondary indexes are not kept up.
    BeginLoad(EntityName),
    /// Opens an entity that was loading: builds its indexes and shows its rows.
    EndLoad(EntityName),
    /// Inserts a file row, or replaces the one of the same content id.
    PutFile(FileRow),
    /// Removes a file row; the bytes are swept later.
    DropFile(String),
}

/// A commit: everything in it happens, or nothing does.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteBatch {
    /// The commit number that the writer's reading was based on. If the store is past it, nothing happens and
    /// [`crate::StoreError::Stale`] is returned; `None` commits whatever happened meanwhile.
    pub expect: Option<CommitNumber>,
    /// The changes, carried out in order.
    pub writes: Vec<Write>,
}

impl WriteBatch {
    /// Makes an empty batch that is based on a reading at a commit number.
    #[must_use]
    pub fn based_on(number: CommitNumber) -> Self {
        Self {
            expect: Some(number),
            writes: Vec::new(),
        }
    }

    /// Adds a change.
    pub fn push(&mut self, write: Write) {
        self.writes.push(write);
    }
}
