//! A back end in memory that does exactly what its capabilities say, and breaks when told to.

mod command;
mod data;
mod fault;
mod habits;
mod sight;
mod unique;
mod wire;

pub use data::{Backend, Effect, Revisions, State};
pub use fault::{Fault, Stumble};
pub use habits::{Habits, Nulls, OnFailure, Others, Reasons, References, Reply, Taken, Values};
pub use sight::Sight;
pub use wire::BackendTransport;
