//! A history as a file: one JSON document a line.

use std::io::{self, BufRead, Write};

use super::book::Book;
use super::error::HistoryError;
use super::event::Event;
use super::report::Report;
use super::{reads, rest};

/// Everything that was recorded of a run, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The events.
    pub events: Vec<Event>,
}

impl History {
    /// Reads a file; empty lines are left out.
    ///
    /// # Errors
    /// [`HistoryError::Read`] and [`HistoryError::Line`].
    pub fn read(from: impl BufRead) -> Result<Self, HistoryError> {
        let mut events = Vec::new();
        for (index, line) in from.lines().enumerate() {
            let line = line.map_err(HistoryError::Read)?;
            if line.trim().is_empty() {
                continue;
            }
            let event = serde_json::from_str(&line);
            events.push(event.map_err(|source| HistoryError::Line {
                line: index + 1,
                source,
            })?);
        }
        Ok(Self { events })
    }

    /// Writes a file that [`History::read`] reads.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        for event in &self.events {
            writeln!(to, "{}", serde_json::to_string(event)?)?;
        }
        to.flush()
    }

    /// Holds the history against what a system promises that loses, repeats and reorders nothing.
    ///
    /// Of a history without [`Event::Rest`] only what was read on the way is checked: whatever is missing may be on its
    /// way still.
    ///
    /// # Errors
    /// [`HistoryError::Impossible`] if the events contradict each other whatever the system did.
    pub fn check(&self) -> Result<Report, HistoryError> {
        let book = Book::of(&self.events)?;
        let mut findings = reads::check(&book);
        findings.extend(rest::check(&book));
        Ok(Report::new(&book, findings))
    }
}
