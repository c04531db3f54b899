//! What a world is made of, drawn from its seed.

use driftless_transport::{Batch, Capabilities, ChangeDetection, CompareAndSet, Deletions, Idempotency};

use super::random::Rng;
use crate::backend::{
    Habits, Nulls, OnFailure, Others, Reasons, References, Reply, Revisions, Taken, Values,
};

/// What a world is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How many devices there are.
    pub devices: usize,
    /// How many accounts the server has in the beginning.
    pub accounts: u64,
    /// Whether the server makes the keys of records.
    pub server_keys: bool,
    /// What the server can do.
    pub capabilities: Capabilities,
    /// Whether it tells revisions.
    pub revisions: Revisions,
    /// How it behaves otherwise.
    pub habits: Habits,
    /// Whether it changes what it is sent, in the same step.
    pub rewrites: bool,
    /// Whether a change is found by a date that knows whole seconds only; else by an exact place. For watermarks.
    pub whole_seconds: bool,
    /// How coarsely it tells its time, in milliseconds.
    pub time_error: i64,
    /// How wrong each device's wall clock is in the beginning, in milliseconds.
    pub wrong: Vec<i64>,
    /// What can happen.
    pub play: Play,
}

/// What can happen in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Play {
    /// Everything.
    Everything,
    /// Edits under execution order and what the network and the clocks do, so that it is known who must win.
    Order,
}

impl Config {
    /// Draws a world.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let devices = 1 + rng.index(3);
        let play = if rng.one_in(4) {
            Play::Order
        } else {
            Play::Everything
        };
        // Without it, the value of another can be overwritten between reading and writing, whoever was later.
        let compare_and_set = if rng.one_in(4) && play == Play::Everything {
            CompareAndSet::None
        } else {
            CompareAndSet::Revision
        };
        let hidden = compare_and_set == CompareAndSet::None && rng.one_in(2);
        let mut config = Self {
            devices,
            accounts: rng.below(5),
            server_keys: false,
            capabilities: capabilities(rng, compare_and_set),
            revisions: if hidden {
                Revisions::Hidden
            } else {
                Revisions::Told
            },
            habits: habits(rng),
            rewrites: rng.one_in(4),
            whole_seconds: rng.one_in(2),
            time_error: if rng.one_in(2) { 1_000 } else { 0 },
            wrong: (0..devices).map(|_| rng.millis(-600_000, 600_000)).collect(),
            play,
        };
        config.server_keys = play == Play::Everything && rng.one_in(4);
        if rng.one_in(6) {
            config.capabilities.idempotency = Idempotency::None;
        }
        if config.server_keys && config.capabilities.idempotency == Idempotency::ClientKey {
            config.capabilities.idempotency = Idempotency::Marker;
        }
        if play == Play::Order {
            config.accounts += 1;
            config.capabilities.stamps = true;
            config.rewrites = false;
        }
        config.capabilities.stamp_error = config.habits.stamp_grain;
        config
    }

    /// Returns whether requests may reach the server late or twice: where it knows them again, or their conditions
    /// keep them from doing harm.
    pub(super) fn repeats(&self) -> bool {
        if self.server_keys && !self.capabilities.idempotency.remembers_requests() {
            return false;
        }
        let told = self.revisions == Revisions::Told;
        self.capabilities.idempotency.remembers_requests()
            || (told && self.capabilities.compare_and_set == CompareAndSet::Revision)
    }
}

fn capabilities(rng: &mut Rng, compare_and_set: CompareAndSet) -> Capabilities {
    let (changes, deletions) = match rng.below(5) {
        0 => (ChangeDetection::FullRead, Deletions::Sweep),
        1 => (ChangeDetection::Watermark, Deletions::Sweep),
        2 => (ChangeDetection::Delta, Deletions::Sweep),
        _ => (ChangeDetection::Delta, Deletions::Reported),
    };
    let idempotency = match rng.below(6) {
        0 | 1 => Idempotency::ClientKey,
        2 => Idempotency::Key,
        _ => Idempotency::Repeatable,
    };
    Capabilities {
        changes,
        deletions,
        compare_and_set,
        idempotency,
        batch: Batch {
            limit: 1 + rng.index(5),
            depends_on: rng.one_in(2),
            groups: rng.one_in(2),
        },
        stamps: rng.one_in(2),
        stamp_error: 0,
        page_rows: 100,
    }
}

fn habits(rng: &mut Rng) -> Habits {
    Habits {
        // The simulator's entities have no alternate keys.
        others: Others::Told,
        on_failure: if rng.one_in(3) {
            OnFailure::Stops
        } else {
            OnFailure::Continues
        },
        reply: rng
            .pick(&[Reply::Revision, Reply::Nothing, Reply::Record])
            .unwrap_or_default(),
        stamp_grain: if rng.one_in(3) { 1_000 } else { 0 },
        references: rng
            .pick(&[References::Unchecked, References::Restrict, References::Cascade])
            .unwrap_or_default(),
        reasons: if rng.one_in(4) {
            Reasons::Hidden
        } else {
            Reasons::Told
        },
        values: Values::Checked,
        nulls: if rng.one_in(4) {
            Nulls::LeftOut
        } else {
            Nulls::Told
        },
        taken: if rng.one_in(2) {
            Taken::Conflict
        } else {
            Taken::Precondition
        },
    }
}
