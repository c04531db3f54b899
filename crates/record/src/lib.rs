//! The words of driftless: schema, value, record, revision, operation, outcome, query, settings, hybrid clock.
