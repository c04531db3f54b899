//! A device whose clocks and randomness are in the test's hands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use driftless_engine::{Clock, Host, Random};
use driftless_record::{BootId, Timestamp};
use futures_util::future::{BoxFuture, pending, ready};
use uuid::Uuid;

/// A clock that stands still until it is told to go on, or until somebody waits for it.
#[derive(Debug)]
pub struct TestClock {
    wall: AtomicI64,
    monotonic: AtomicI64,
    boots: AtomicU64,
    stands: AtomicBool,
}

impl TestClock {
    /// Makes a clock that shows so many milliseconds since 1970 and was just started.
    #[must_use]
    pub fn at(wall: i64) -> Self {
        Self {
            wall: AtomicI64::new(wall),
            monotonic: AtomicI64::new(0),
            boots: AtomicU64::new(1),
            stands: AtomicBool::new(false),
        }
    }

    /// Lets nobody wait for it from now on: time passes by [`TestClock::pass`] alone, and no wait ends.
    pub fn stand_still(&self) {
        self.stands.store(true, Ordering::Relaxed);
    }

    /// Lets whoever waits for it have waited at once, as in the beginning.
    pub fn go_on(&self) {
        self.stands.store(false, Ordering::Relaxed);
    }

    /// Lets so many milliseconds pass.
    pub fn pass(&self, millis: i64) {
        self.wall.fetch_add(millis, Ordering::Relaxed);
        self.monotonic.fetch_add(millis, Ordering::Relaxed);
    }

    /// Starts the device anew, without time passing on the wall.
    pub fn reboot(&self) {
        self.boots.fetch_add(1, Ordering::Relaxed);
        self.monotonic.store(0, Ordering::Relaxed);
    }

    /// Turns the wall clock by so many milliseconds, without time passing.
    pub fn turn(&self, millis: i64) {
        self.wall.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.wall.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> i64 {
        self.monotonic.load(Ordering::Relaxed)
    }

    fn boot(&self) -> BootId {
        BootId(Uuid::from_u128(u128::from(self.boots.load(Ordering::Relaxed))))
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        if self.stands.load(Ordering::Relaxed) {
            return Box::pin(pending());
        }
        self.pass(i64::try_from(millis).unwrap_or(i64::MAX));
        Box::pin(ready(()))
    }
}

/// Bytes that look random and are the same for every run with the same seed.
#[derive(Debug)]
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    /// Makes a source from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        // SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
        let state = self
            .0
            .fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed)
            .wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl Random for SeededRandom {
    fn bytes(&self) -> [u8; 16] {
        let (high, low) = (u128::from(self.next()), u128::from(self.next()));
        ((high << 64) | low).to_be_bytes()
    }
}

/// Makes a device from a clock and a seed.
#[must_use]
pub fn test_host(clock: Arc<TestClock>, seed: u64) -> Host {
    Host {
        clock,
        random: Arc::new(SeededRandom::new(seed)),
    }
}
