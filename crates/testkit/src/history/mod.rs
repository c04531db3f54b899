//! Histories of real runs: what devices were asked, what they answered and what was read, recorded line by line and
//! checked afterwards for effects that were lost, repeated or reordered.
//!
//! A run works on *lists*: text fields to which every write appends one token that is used only once. So a value tells
//! which writes it holds, and in which order. Whoever drives the run notes each [`Event`] at the moment it learns of it:
//! that a write begins before it begins, that it was saved after the answer came. [`History::check`] then says whether
//! such a history can come of a system that loses nothing, repeats nothing and keeps the order, and tells the story of
//! each token for which it cannot.
//!
//! The file has one JSON document a line, so that any program can write one:
//!
//! ```
//! use driftless_testkit::history::{Fault, History};
//!
//! let lines = r#"
//! {"event": "list", "list": "Case 7, notes", "rule": "kept", "tokens": []}
//! {"event": "invoked", "device": "phone", "list": "Case 7, notes", "token": "p1", "seen": []}
//! {"event": "saved", "device": "phone", "token": "p1", "operation": "0192"}
//! {"event": "ended", "device": "phone", "token": "p1", "outcome": "accepted"}
//! {"event": "rest"}
//! {"event": "read", "by": "server", "list": "Case 7, notes", "tokens": []}
//! {"event": "read", "by": "phone", "list": "Case 7, notes", "tokens": ["p1"]}
//! "#;
//! let report = History::read(lines.as_bytes())?.check()?;
//! assert_eq!(report.findings[0].fault, Fault::Lost);
//! # Ok::<(), driftless_testkit::history::HistoryError>(())
//! ```

mod book;
mod error;
mod event;
mod file;
mod finding;
mod reads;
mod report;
mod rest;

pub use error::HistoryError;
pub use event::{Event, Outcome, Rule, SERVER, appended, tokens};
pub use file::History;
pub use finding::{Fault, Finding};
pub use report::Report;
