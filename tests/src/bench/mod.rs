//! The measurements of `cargo xtask bench`, one file per row.
//!
//! Each row runs in a process of its own, so that its peak memory is its own. To add one: a file here with
//! a `ROW`, and a line in `rows.rs`.

mod bare_commit;
mod clock;
mod data;
mod memory;
mod parse_insert;
mod raw_insert;
mod raw_parse;
mod row;
mod rows;
mod table;

pub use clock::Stopwatch;
pub use memory::peak_bytes;
pub use row::{Limit, Measured, Row, Scale, Unit};
pub use rows::ROWS;
