//! What keeps a history from being checked.

use std::io;

/// Why a history cannot be read or checked. Nothing is said about the system then: mend what recorded it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The file cannot be read.
    #[error("the history cannot be read")]
    Read(#[source] io::Error),
    /// A line is no event.
    #[error("line {line} is no event of a history")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The events contradict each other.
    #[error("event {event} cannot be: {what}; the recorder is wrong")]
    Impossible {
        /// The event, from 1.
        event: usize,
        /// What is wrong.
        what: String,
    },
}
