#![doc = include_str!("../README.md")]

mod auth;
mod batch;
mod check;
mod command;
pub mod crm;
mod db;
mod document;
mod edge;
mod error;
mod options;
mod own;
mod page;
mod query;
mod repeatability;
mod reply;
mod request;
mod resource;
mod rows;
pub mod seed;
mod server;
mod service;
mod target;
mod token;
mod unit;

pub use error::ServerError;
pub use options::ServerOptions;
pub use server::{BoundServer, Server, User};
