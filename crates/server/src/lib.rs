//! The reference server of driftless: OData over SQLite.
