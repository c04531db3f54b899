//! When the server was reached, as far as pending operations rest on it.

use driftless_record::{Operation, Timestamp};
use serde::{Deserialize, Serialize};

/// The last contact before each pending operation, and the last one of all.
///
/// A stamp is held after the last contact before its edit (law L28). One operation that waits for years must not make
/// all later ones as doubtful as itself, so each has a floor of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Contacts {
    /// In order: the largest sequence number at the contact, and the server's time then, in milliseconds since 1970.
    marks: Vec<(u64, i64)>,
}

impl Contacts {
    /// Returns when the server was last reached before an operation was made, by its own clock.
    pub(crate) fn before(&self, sequence: u64) -> Option<Timestamp> {
        let until = self.marks.partition_point(|(last, _)| *last < sequence);
        let (_, at) = self.marks[..until].last()?;
        Some(Timestamp(*at))
    }

    /// Adds a contact, `last` being the largest sequence number so far, and drops those that no pending operation
    /// rests on.
    pub(crate) fn reached(&mut self, at: Timestamp, last: u64, pending: &[Operation]) {
        let latest = self.marks.last().map_or(i64::MIN, |(_, at)| *at);
        // After everything that was made so far: an earlier contact at the same place tells less.
        self.marks.retain(|(sequence, _)| *sequence < last);
        self.marks.push((last, at.0.max(latest)));
        let mut kept: Vec<(u64, i64)> = Vec::new();
        for operation in pending {
            let until = self.marks.partition_point(|(last, _)| *last < operation.sequence);
            let Some(mark) = self.marks[..until].last() else {
                continue;
            };
            if kept.last() != Some(mark) {
                kept.push(*mark);
            }
        }
        let newest = self.marks.pop();
        if kept.last() != newest.as_ref() {
            kept.extend(newest);
        }
        self.marks = kept;
    }
}

#[cfg(test)]
mod tests;
