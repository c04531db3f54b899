//! The lease on a store: one driver at a time, and whoever lost it can commit nothing any more (law L7).

use driftless_record::BootId;
use driftless_store::{RecordStore, Retry, StoreError, Write, WriteBatch};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::host::Clock;
use crate::notes::{self, Note};

/// How long a lease lasts that its holder does not renew, in milliseconds: longer than a request and its answer take.
pub(crate) const SPAN_MILLIS: i64 = 60_000;

/// Which lease of another driver a synchronization may take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TakeOver {
    /// One that has run out: its holder has not been heard of for a minute, or the device was started anew.
    #[default]
    RunOut,
    /// Any: the caller knows that nobody else drives, because it holds a lock that ends with its process.
    Any,
}

/// Who drives a store, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    /// The engine that took it; none once it was given back.
    holder: Option<Uuid>,
    /// Grows with every driver.
    fence: u64,
    /// The boot that `until` belongs to: no process outlives it.
    boot: BootId,
    /// When it runs out, by the clock that only goes forward.
    until: i64,
}

impl Lease {
    /// Returns whether another engine holds it now.
    fn keeps_out(&self, engine: Uuid, clock: &dyn Clock) -> bool {
        let left = self.until.saturating_sub(clock.monotonic());
        let runs = self.boot == clock.boot() && (1..=SPAN_MILLIS).contains(&left);
        runs && self.holder.is_some_and(|holder| holder != engine)
    }
}

/// Takes the lease for an engine and returns its fence; `None` if another engine holds it.
pub(crate) fn take(
    store: &dyn RecordStore,
    engine: Uuid,
    clock: &dyn Clock,
    over: TakeOver,
) -> Result<Option<u64>, StoreError> {
    loop {
        let number = store.position()?;
        let known: Option<Lease> = notes::read(store, &Note::Lease)?;
        let is_held = known.as_ref().is_some_and(|lease| lease.keeps_out(engine, clock));
        if is_held && over == TakeOver::RunOut {
            return Ok(None);
        }
        let fence = known.map_or(1, |lease| lease.fence + 1);
        let mut batch = WriteBatch::based_on(number);
        batch.push(note(Some(engine), fence, clock));
        match store.commit(batch) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|_| Some(fence)),
        }
    }
}

/// Makes the write that holds a lease from now on, or gives it back.
pub(crate) fn note(holder: Option<Uuid>, fence: u64, clock: &dyn Clock) -> Write {
    let lease = Lease {
        holder,
        fence,
        boot: clock.boot(),
        until: clock.monotonic().saturating_add(SPAN_MILLIS),
    };
    notes::write(&Note::Lease, &lease)
}

/// Returns whether the driver with this fence is still the last one that took the lease.
pub(crate) fn is_last(store: &dyn RecordStore, fence: u64) -> Result<bool, StoreError> {
    let known: Option<Lease> = notes::read(store, &Note::Lease)?;
    Ok(known.is_some_and(|lease| lease.fence == fence))
}

#[cfg(test)]
mod tests;
