//! The in-memory store: maps behind a lock, and the query interpreter.

mod apply;
mod journal;
mod schema;
mod state;
mod store;
mod view;

pub use store::MemoryStore;
