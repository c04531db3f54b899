#![doc = include_str!("../README.md")]

mod content;
mod disk;
mod fault;
mod file;
mod locks;
mod state;
mod vfs;

pub use disk::{Disk, Drive, Image};
pub use fault::{Fault, Kind};
