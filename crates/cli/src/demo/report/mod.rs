//! The report: what was done, what became of it, what waits for whom, and whether everybody agrees.

mod data;
mod text;

pub(super) use data::{Report, Timing, of_device};
pub(super) use text::{log_line, text};
