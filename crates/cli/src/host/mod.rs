//! The device around the engine: its clocks, its randomness, its files, its signals.

mod clock;
pub(crate) mod file;
mod random;
mod signal;
mod tokens;

pub(crate) use clock::SystemClock;
pub(crate) use random::SystemRandom;
pub(crate) use signal::{StopSwitch, asked_to_end};
pub(crate) use tokens::TokenFile;
