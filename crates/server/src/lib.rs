//! The reference server of driftless: OData over SQLite.

pub mod crm;
pub mod seed;
