//! Getting server data: pages of changes, and sweeps of ids.

use std::sync::Arc;

use driftless_record::{EntitySchema, Expr, FieldName, RecordId, Revision, RowSet, Schema, Stamp, Timestamp};
use serde::{Deserialize, Serialize};

/// How far an entity has been read: made by a transport, kept by the engine, opaque to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checkpoint(pub String);

/// Asks for one page.
#[derive(Debug, Clone)]
pub struct PullRequest {
    /// The whole schema.
    pub schema: Arc<Schema>,
    /// The entity.
    pub entity: Arc<EntitySchema>,
    /// Which records; `None` means all. The same for every page of a pull set and its later deltas.
    pub filter: Option<Expr>,
    /// Where to go on; `None` means from the start.
    pub checkpoint: Option<Checkpoint>,
    /// The most rows wanted.
    pub max_rows: usize,
}

/// Why a record is no longer in a page's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalReason {
    /// It was deleted.
    Deleted,
    /// It is no longer in scope or no longer visible.
    Changed,
    /// The back end does not say.
    Unknown,
}

/// A record that left the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The record.
    pub id: RecordId,
    /// Why.
    pub reason: RemovalReason,
}

/// A page of server data. Applying a page twice does no harm.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// New and changed records, and possibly unchanged ones.
    pub rows: RowSet,
    /// Per row index, the stamps of its fields, where the back end sends them.
    pub stamps: Vec<(usize, Vec<(FieldName, Stamp)>)>,
    /// Records that left.
    pub removed: Vec<Removal>,
    /// Where to go on: with the next page, or with the next pull if this page was the last.
    pub next: Checkpoint,
    /// Whether this page ends the pull set.
    pub last: bool,
    /// How many rows the whole set has, if the back end said so.
    pub total: Option<u64>,
    /// The size of the page as received, in bytes.
    pub bytes: u64,
    /// The server's time when it answered.
    pub server_time: Option<Timestamp>,
}

/// Asks for one page of ids.
#[derive(Debug, Clone)]
pub struct SweepRequest {
    /// The whole schema.
    pub schema: Arc<Schema>,
    /// The entity.
    pub entity: Arc<EntitySchema>,
    /// Which records; `None` means all.
    pub filter: Option<Expr>,
    /// Where to go on; `None` means from the start.
    pub checkpoint: Option<Checkpoint>,
    /// The most ids wanted.
    pub max_rows: usize,
}

/// A page of ids that are on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepPage {
    /// The ids, with revisions where the back end gives them along.
    pub ids: Vec<(RecordId, Option<Revision>)>,
    /// Where to go on; `None` ends the sweep.
    pub next: Option<Checkpoint>,
}
