#![doc = include_str!("../README.md")]

mod catalogue;
mod connection;
mod error;
mod migrate;
mod options;
mod payload;
mod read;
mod store;
mod write;

pub use options::{Key, StoreOptions};
pub use store::SqliteStore;
