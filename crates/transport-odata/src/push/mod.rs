//! Pushes: one request that can have an effect, as a batch or alone, and what its answer proves.

mod compose;
mod outcome;
mod send;
