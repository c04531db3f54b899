//! The one seed of a run.

use std::env;

/// The seed that is used when none is given, so that a run can be compared with the one before.
const USUAL: u64 = 1;

/// Returns the seed: `DRIFTLESS_FAULT_SEED`, if it is set.
pub(crate) fn seed() -> u64 {
    number("DRIFTLESS_FAULT_SEED").unwrap_or(USUAL)
}

/// Returns how many rounds to run, each with the seed after that of the one before: `DRIFTLESS_FAULT_ROUNDS`, if it is
/// set.
pub(crate) fn rounds() -> u64 {
    number("DRIFTLESS_FAULT_ROUNDS").unwrap_or(1)
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// Makes a seed for one of many trials, from the seed of the run and what tells the trial from others.
pub(crate) fn mix(seed: u64, trial: &str) -> u64 {
    trial.bytes().fold(
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xcbf2_9ce4_8422_2325,
        |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3),
    )
}
