//! Operations of which a part was split off: both keep one outcome (feature B7).

use std::collections::BTreeMap;

use driftless_record::{Applied, LogEntry, OperationId};
use driftless_store::{RecordStore, StoreError, Write};

use crate::notes::{self, Note};
use crate::outbox::Outcome;

/// Makes the writes that note which parts were split off which operations, given as pairs.
pub(crate) fn noted(
    store: &dyn RecordStore,
    split: &[(OperationId, OperationId)],
) -> Result<Vec<Write>, StoreError> {
    let mut parts: BTreeMap<OperationId, Vec<OperationId>> = BTreeMap::new();
    for (whole, part) in split {
        if !parts.contains_key(whole) {
            parts.insert(*whole, of(store, *whole)?);
        }
        parts.entry(*whole).or_default().push(*part);
    }
    let write = |(whole, parts)| notes::write(&Note::Parts(whole), &parts);
    Ok(parts.into_iter().map(write).collect())
}

/// Returns the parts that were split off an operation, in the order in which they were.
pub(crate) fn of(store: &dyn RecordStore, whole: OperationId) -> Result<Vec<OperationId>, StoreError> {
    Ok(notes::read(store, &Note::Parts(whole))?.unwrap_or_default())
}

/// Returns whether an operation that an entry parked was split off another one.
pub(crate) fn is_part(
    store: &dyn RecordStore,
    entry: Option<&LogEntry>,
    operation: OperationId,
) -> Result<bool, StoreError> {
    for whole in entry.into_iter().flat_map(|entry| &entry.operations) {
        if *whole != operation && of(store, *whole)?.contains(&operation) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the one outcome of an operation and its parts: what is open of one is open of all, and what is on the server
/// without a part is there in part.
pub(crate) fn together(own: Outcome, parts: &[Outcome]) -> Outcome {
    let waits = parts.iter().find(|part| matches!(part, Outcome::Parked(_)));
    let is_pending = parts.contains(&Outcome::Pending);
    let are_all_applied = parts.iter().all(|part| matches!(part, Outcome::Applied(_)));
    match own {
        _ if parts.is_empty() => own,
        Outcome::Pending | Outcome::Parked(_) | Outcome::Reverted => own,
        Outcome::Applied(_) | Outcome::Superseded if waits.is_some() => waits.copied().unwrap_or(own),
        Outcome::Applied(_) | Outcome::Superseded if is_pending => Outcome::Pending,
        Outcome::Applied(_) if parts.contains(&Outcome::Applied(Applied::Merged)) => {
            Outcome::Applied(Applied::Merged)
        }
        Outcome::Applied(_) if are_all_applied => own,
        Outcome::Applied(_) => Outcome::Applied(Applied::Merged),
        // Nothing was left of it but its parts, or it gave way.
        Outcome::Superseded => parts.last().copied().unwrap_or(own),
    }
}
