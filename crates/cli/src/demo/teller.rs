//! Telling the story line by line while it happens.

use crate::output::{line, note};

/// Tells the story: on standard output, or on standard error where that belongs to a JSON document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Teller {
    to_stderr: bool,
}

impl Teller {
    pub(super) fn new(as_json: bool) -> Self {
        Self { to_stderr: as_json }
    }

    /// Begins a chapter.
    pub(super) fn chapter(self, title: &str) {
        self.put(&format!("\n{title}"));
    }

    /// Tells one thing.
    pub(super) fn say(self, text: &str) {
        self.put(&format!("  {text}"));
    }

    fn put(self, text: &str) {
        if self.to_stderr {
            note(text);
        } else {
            line(&format!("{text}\n"));
        }
    }
}
