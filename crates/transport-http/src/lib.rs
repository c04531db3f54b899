//! Bounded same-origin HTTP for driftless connectors.
