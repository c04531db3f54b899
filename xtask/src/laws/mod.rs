//! `cargo xtask laws`: which test holds each law of `docs/laws.md`, and which mutant that test catches.

mod mutant;
mod table;
mod trial;

pub use table::{Options, run};
