//! The stopwatch of the measurements.

use std::time::{Duration, Instant};

/// Measures elapsed time.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(
        clippy::disallowed_methods,
        reason = "a measurement is of real time; nothing replays it"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// How many of `count` things went by per second since the start.
    pub fn rate(&self, count: usize) -> f64 {
        count as f64 / self.elapsed().as_secs_f64()
    }
}
