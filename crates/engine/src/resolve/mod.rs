//! What a person decides about a log entry, and taking changes back.

mod decision;
mod desk;
mod undo;

pub(crate) use decision::decide;
pub use decision::{Decision, Touched};
pub(crate) use undo::undo;
