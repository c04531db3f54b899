//! The way to a back end: the connector, its trace, and the profile of a back end that serves no settings.

mod connect;
mod profile;
mod trace;

pub(crate) use connect::{Connector, Way, connect};
