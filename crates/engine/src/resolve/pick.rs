//! Choosing a side field by field.

use std::collections::BTreeMap;

use driftless_record::{FieldName, LogEntry, Side};

use crate::{EngineError, NotPossible};

/// Returns the entry with the sides that a person picks. What the rules decided before may be picked otherwise; what they
/// left open has to be picked.
pub(super) fn picked(entry: &LogEntry, picks: &BTreeMap<FieldName, Side>) -> Result<LogEntry, EngineError> {
    if entry.fields.is_empty() {
        return Err(NotPossible::NothingToPick(entry.id).into());
    }
    let strange = picks
        .keys()
        .find(|name| !entry.fields.iter().any(|case| case.field == **name));
    if let Some(name) = strange {
        return Err(NotPossible::NotInConflict(name.clone()).into());
    }
    let mut decided = entry.clone();
    for case in &mut decided.fields {
        if let Some(side) = picks.get(&case.field) {
            case.winner = Some(*side);
            case.made = None;
        }
    }
    let open = decided.fields.iter().filter(|case| case.winner.is_none());
    let open: Vec<_> = open.map(|case| case.field.clone()).collect();
    if open.is_empty() {
        Ok(decided)
    } else {
        Err(NotPossible::Undecided(open).into())
    }
}

/// Returns whether the server's side was picked everywhere.
pub(super) fn is_all_theirs(entry: &LogEntry) -> bool {
    entry.fields.iter().all(|case| case.winner == Some(Side::Theirs))
}
