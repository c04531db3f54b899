//! The driftless engine: edits, outbox, sync, rebase, log.
