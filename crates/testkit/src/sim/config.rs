//! What a world is made of, drawn from its seed.

use driftless_transport::{Batch, Capabilities, ChangeDetection, CompareAndSet, Deletions, Idempotency};

use super::random::Rng;
use crate::backend::Revisions;

/// What a world is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How many devices there are.
    pub devices: usize,
    /// How many accounts the server has in the beginning.
    pub accounts: u64,
    /// What the server can do.
    pub capabilities: Capabilities,
    /// Whether it tells revisions.
    pub revisions: Revisions,
    /// Whether it changes what it is sent, in the same step. Only where it knows a repeated request again: reading back
    /// cannot prove a write that the server has changed.
    pub rewrites: bool,
    /// How coarsely it tells its time, in milliseconds.
    pub time_error: i64,
    /// How wrong each device's wall clock is in the beginning, in milliseconds.
    pub wrong: Vec<i64>,
}

impl Config {
    /// Draws a world.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let devices = 1 + rng.index(3);
        let (changes, deletions) = match rng.below(4) {
            0 => (ChangeDetection::FullRead, Deletions::Sweep),
            1 => (ChangeDetection::Watermark, Deletions::Sweep),
            _ => (ChangeDetection::Delta, Deletions::Reported),
        };
        let compare_and_set = if rng.one_in(4) {
            CompareAndSet::None
        } else {
            CompareAndSet::Revision
        };
        let idempotency = match rng.below(5) {
            0 | 1 => Idempotency::ClientKey,
            _ => Idempotency::Repeatable,
        };
        let hidden = compare_and_set == CompareAndSet::None && rng.one_in(2);
        Self {
            devices,
            accounts: rng.below(5),
            capabilities: Capabilities {
                changes,
                deletions,
                compare_and_set,
                idempotency,
                batch: Batch {
                    limit: 1 + rng.index(5),
                    depends_on: rng.one_in(2),
                    groups: true,
                },
                stamps: rng.one_in(2),
                page_rows: 100,
            },
            revisions: if hidden {
                Revisions::Hidden
            } else {
                Revisions::Told
            },
            rewrites: idempotency == Idempotency::Repeatable && rng.one_in(3),
            time_error: if rng.one_in(2) { 1_000 } else { 0 },
            wrong: (0..devices).map(|_| rng.millis(-600_000, 600_000)).collect(),
        }
    }
}
