//! A device's clocks, driven by the time of its world.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use driftless_engine::Clock;
use driftless_record::{BootId, Timestamp};
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::timeline::Timeline;

/// When worlds begin, in milliseconds since 1970.
pub(super) const EPOCH: i64 = 1_750_000_000_000;

/// The clocks of one device: a wall clock that may be wrong, and one that counts since the device was started.
#[derive(Debug)]
pub(super) struct SimClock {
    device: usize,
    timeline: Arc<Timeline>,
    /// How wrong the wall clock is.
    wrong: AtomicI64,
    started: AtomicI64,
    boots: AtomicU64,
    /// When it was started, each time, in the true time of the world.
    starts: Mutex<Vec<i64>>,
}

impl SimClock {
    /// Makes the clocks of a device that was just started, with a wall clock that is so wrong.
    pub(super) fn new(device: usize, timeline: Arc<Timeline>, wrong: i64) -> Self {
        Self {
            device,
            timeline,
            wrong: AtomicI64::new(wrong),
            started: AtomicI64::new(0),
            boots: AtomicU64::new(1),
            starts: Mutex::new(vec![0]),
        }
    }

    /// Turns the wall clock.
    pub(super) fn turn(&self, millis: i64) {
        self.wrong.fetch_add(millis, Ordering::Relaxed);
    }

    /// Starts the device anew.
    pub(super) fn reboot(&self) {
        self.boots.fetch_add(1, Ordering::Relaxed);
        let now = self.timeline.now();
        self.started.store(now, Ordering::Relaxed);
        self.starts().push(now);
    }

    fn starts(&self) -> MutexGuard<'_, Vec<i64>> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the true time at which the clock that counts from a start showed so much.
    pub(super) fn true_time(&self, boot: BootId, monotonic: i64) -> i64 {
        let start = (boot.0.as_u128() >> 64)
            .checked_sub(1)
            .and_then(|at| usize::try_from(at).ok());
        let starts = self.starts();
        monotonic + start.and_then(|at| starts.get(at).copied()).unwrap_or_default()
    }

    /// Returns whether the device was started anew after one time and until another.
    pub(super) fn was_started(&self, after: i64, until: i64) -> bool {
        let between = |start: &i64| *start > after && *start <= until;
        self.starts().iter().any(between)
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp(EPOCH + self.timeline.now() + self.wrong.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> i64 {
        self.timeline.now() - self.started.load(Ordering::Relaxed)
    }

    fn boot(&self) -> BootId {
        let number = u128::from(self.boots.load(Ordering::Relaxed)) << 64;
        BootId(Uuid::from_u128(number + self.device as u128))
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        Box::pin(self.timeline.wait(self.device, millis))
    }
}
