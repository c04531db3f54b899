//! A back end in memory that does exactly what its capabilities say, and breaks when told to.

mod command;
mod data;
mod fault;
mod wire;

pub use data::{Backend, Effect, Revisions};
pub use fault::{Fault, Stumble};
pub use wire::BackendTransport;
