//! What the scenarios in `tests/` share: the machine they run on, and the measurements of `cargo xtask bench`.

pub mod bench;
pub mod machine;
