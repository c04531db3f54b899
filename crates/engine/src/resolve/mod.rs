//! What a person decides about a log entry, and taking changes back.

mod decision;
mod desk;
mod link;
mod pick;
mod undo;
mod without;

pub use decision::{Decision, Touched};
pub(crate) use decision::{decide, plan};
pub(crate) use undo::{plan_undo, undo};
