#![doc = include_str!("../README.md")]

mod catalogue;
mod connection;
mod damage;
mod error;
pub mod home;
mod key;
mod migrate;
mod options;
mod payload;
mod random;
mod read;
mod store;
mod write;

pub use damage::Quarantined;
pub use options::{Key, StoreOptions};
pub use store::SqliteStore;
