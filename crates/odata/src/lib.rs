#![doc = include_str!("../README.md")]

pub mod csdl;
pub mod syntax;
