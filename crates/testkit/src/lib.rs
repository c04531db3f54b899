#![doc = include_str!("../README.md")]

pub mod backend;
pub mod history;
pub mod host;
pub mod policy;
pub mod sim;
pub mod store;
