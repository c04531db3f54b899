//! The gate: taking turns within one process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use driftless_record::Schema;
use driftless_store::CommitNumber;

/// Held by whoever reads and commits, so that a user's edit does not lose every race against a bulk load. A fairness
/// within one process, no more: the store's own check keeps everybody right. The last edit leaves a note for the next.
pub(crate) type Gate = Mutex<Option<LastEdit>>;

/// What the last edit of this process left behind. It holds as long as nobody has committed since.
#[derive(Debug, Clone)]
pub(crate) struct LastEdit {
    /// Its commit.
    pub number: CommitNumber,
    /// The largest sequence number of all operations.
    pub sequence: u64,
    /// The schema.
    pub schema: Arc<Schema>,
}

/// Waits at the gate.
pub(crate) fn enter(gate: &Gate) -> MutexGuard<'_, Option<LastEdit>> {
    gate.lock().unwrap_or_else(PoisonError::into_inner)
}
