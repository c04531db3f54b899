//! The connector on the wire: pulls and pushes against services that are good, poor or hostile.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod commands;
mod memory;
mod pulls;
mod pushes;
mod support;
