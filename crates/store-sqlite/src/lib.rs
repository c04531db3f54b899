#![doc = include_str!("../README.md")]

mod catalogue;
mod closing;
mod connection;
mod damage;
mod error;
mod folder;
pub mod home;
mod key;
mod migrate;
mod options;
mod payload;
mod random;
mod read;
mod store;
mod write;

pub use damage::{Health, Quarantined};
pub use options::{Key, StoreOptions};
pub use store::SqliteStore;
