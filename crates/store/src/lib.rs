//! The store port of driftless and an in-memory store.
