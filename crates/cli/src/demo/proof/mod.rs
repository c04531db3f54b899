//! The proof: the devices and the server have the same, and every operation had exactly the effect it should.

mod agree;
mod effects;

pub(super) use agree::{Agreement, compare};
pub(super) use effects::{Effects, check};

/// The most disagreements of a kind that are told one by one.
pub(super) const TOLD: usize = 20;

#[cfg(test)]
mod tests;
