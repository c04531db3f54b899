//! What a rule found.

use std::fmt;

/// One place that breaks a rule, or that a reviewer should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Path from the workspace root.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Everything the rules found.
#[derive(Debug, Default)]
pub struct Findings {
    /// What must be repaired.
    pub failures: Vec<Finding>,
    /// What is only reported.
    pub notes: Vec<Finding>,
}

impl Findings {
    /// Records a place that must be repaired.
    pub fn fail(&mut self, file: &str, line: usize, message: impl Into<String>) {
        self.failures.push(Finding {
            file: file.to_owned(),
            line,
            message: message.into(),
        });
    }

    /// Records a place that is only reported.
    pub fn note(&mut self, file: &str, line: usize, message: impl Into<String>) {
        self.notes.push(Finding {
            file: file.to_owned(),
            line,
            message: message.into(),
        });
    }
}

/// The line, from 1, of the first line that satisfies the test; 1 when none does.
pub(super) fn line_where(text: &str, wanted: impl Fn(&str) -> bool) -> usize {
    text.lines().position(wanted).map_or(1, |index| index + 1)
}
