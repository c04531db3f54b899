//! The tasks of the project, as a library so that a test can run `tidy` too.
//!
//! `cargo xtask help` lists them. Nothing here names a crate of ours: the tasks look at the workspace from
//! outside, through `cargo metadata`, its files and its binaries.

pub mod bench;
pub mod ci;
pub mod demo;
pub mod history;
pub mod laws;
pub mod machine;
pub mod run;
pub mod sim;
pub mod suites;
pub mod tidy;
pub mod workspace;
