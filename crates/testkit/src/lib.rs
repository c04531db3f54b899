//! Conformance suites, strict doubles and the simulator of driftless.

pub mod backend;
pub mod host;

pub mod store;
