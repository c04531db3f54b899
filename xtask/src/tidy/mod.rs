//! `cargo xtask tidy`: the house rules that a compiler does not check, one file per rule.
//!
//! A failure names the file and line and says what to do. A note is printed and blocks nothing.

mod adr;
mod architecture;
mod changelog;
mod features;
mod finding;
mod layers;
mod leftovers;
mod manifests;
mod run;
mod sources;
mod test_config;
mod test_names;
mod wrappers;

pub use finding::{Finding, Findings};
pub use run::{check, run};
