//! The measurements of `cargo xtask bench`, one file per row.
//!
//! Each row runs in a process of its own, so that its peak memory is its own. To add one: a file here with
//! a `ROW`, and a line in `rows.rs`.

mod bare_commit;
mod changes;
mod clock;
mod counting;
mod data;
mod delta_sync;
mod device;
mod entity;
mod first_sync;
mod memory;
mod offline_write;
mod parse_insert;
mod push;
mod query;
mod raw_insert;
mod raw_parse;
mod row;
mod rows;
mod served;
mod served_insert;
mod served_upsert;
mod table;
mod wire;

pub use clock::Stopwatch;
pub use memory::peak_bytes;
pub use row::{Limit, Measured, Row, Scale, Unit};
pub use rows::ROWS;
pub use served::serve;
