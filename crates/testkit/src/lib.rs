//! Conformance suites, strict doubles and the simulator of driftless.
