//! What the clocks can tell of when edits were made.

use std::collections::BTreeMap;

use driftless_record::{ClockSample, Operation, OperationKind, RawStamp, Stamp, Timestamp, clock};

use crate::contacts::Contacts;

/// What is known of the clocks of device and server at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clocks<'a> {
    /// The best comparison of both.
    pub sample: Option<ClockSample>,
    /// When the server was reached.
    pub contacts: &'a Contacts,
    /// The server's time now.
    pub now: Timestamp,
    /// How coarsely the server keeps the times of stamps, in milliseconds.
    pub grain: i64,
}

impl Clocks<'_> {
    /// Corrects every stamp of operations; stamps that were corrected before are frozen.
    pub(crate) fn stamp(&self, operations: &mut [Operation]) {
        for operation in operations {
            let floor = self.contacts.before(operation.sequence);
            let correct = |raw| clock::correct(raw, self.sample, floor, self.now);
            if let OperationKind::Delete { raw, stamp, .. } = &mut operation.kind {
                stamp.get_or_insert_with(|| correct(*raw));
            }
            for edit in operation
                .kind
                .edits_mut()
                .into_iter()
                .flat_map(BTreeMap::values_mut)
            {
                edit.stamp.get_or_insert_with(|| correct(edit.raw));
            }
        }
    }

    /// Returns how wrong the stamps of an edit of this device and of another one may be together, in milliseconds; the
    /// edit is not before the operation `first`. No wire tells how wrong the other one may be: it is taken to be as far
    /// from the server as this device is.
    pub(crate) fn doubt(&self, first: u64, stamp: Stamp, raw: RawStamp) -> i64 {
        let floor = self.contacts.before(first);
        let mine = clock::error(stamp, raw, self.sample, floor, self.now);
        let theirs = self.sample.map_or(0, |sample| sample.error);
        mine.saturating_add(theirs).saturating_add(self.grain)
    }
}
