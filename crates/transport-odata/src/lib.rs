#![doc = include_str!("../README.md")]

mod checkpoint;
mod classify;
mod contact;
mod exchange;
mod facts;
mod learned;
mod probe;
mod pull;
mod push;
mod read;
mod sweep;
mod transport;
mod visited;

pub use transport::{ODataOptions, ODataTransport};
