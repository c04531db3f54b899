#![doc = include_str!("../README.md")]

pub mod batch;
pub mod csdl;
pub mod payload;
mod suggest;
pub mod syntax;
