//! What the clocks can tell of when edits were made.

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
}

impl Clocks<'_> {
    /// Corrects every stamp of operations; stamps that were corrected before are frozen.
    pub(crate) fn stamp(&self, operations: &mut [Operation]) {
        for operation in operations {
            let floor = self.contacts.before(operation.sequence);
            let correct = |raw| clock::correct(raw, self.sample, floor, self.now);
            match &mut operation.kind {
                OperationKind::Create(edits) | OperationKind::Update(edits) => {
                    for edit in edits.values_mut() {
                        edit.stamp.get_or_insert_with(|| correct(edit.raw));
                    }
                }
                OperationKind::Delete { raw, stamp, .. } => {
                    stamp.get_or_insert_with(|| correct(*raw));
                }
            }
        }
    }

    /// Returns how wrong the stamps of an edit of this device and of another one may be together, in milliseconds; the
    /// edit is not before the operation `first`. No wire tells how wrong the other one may be: it is taken to be as far
    /// from the server as this device is.
    pub(crate) fn doubt(&self, first: u64, stamp: Stamp, raw: RawStamp) -> i64 {
        let floor = self.contacts.before(first);
        let mine = clock::error(stamp, raw, self.sample, floor, self.now);
        mine.saturating_add(self.sample.map_or(0, |sample| sample.error))
    }
}
