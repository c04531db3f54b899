//! The cases of the store suite. A test name states a law.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking, as every test does")]

pub mod commit;
pub mod files;
pub mod journal;
pub mod load;
pub mod property;
pub mod query;
pub mod rows;
pub mod schema;
