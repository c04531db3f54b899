//! The driver: a thin loop over the ports. Every decision it carries out was made by pure code.

mod contact;
mod fetch;
mod pull;
mod push;
mod session;
mod sweep;
mod unknown;

pub(crate) use session::Session;
pub use session::{SyncOptions, What};
