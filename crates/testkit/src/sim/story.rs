//! What happened, as lines for people and as one number that two runs of a seed must agree on.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// The story of one run.
#[derive(Debug, Default)]
pub(super) struct Story {
    hash: u64,
    lines: Vec<String>,
    names: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, u64>,
}

impl Story {
    /// Begins a story.
    pub(super) fn new() -> Self {
        Self {
            // FNV-1a, 64 bits.
            hash: 0xCBF2_9CE4_8422_2325,
            ..Self::default()
        }
    }

    /// Adds a line, with the time of the world in milliseconds.
    pub(super) fn tell(&mut self, now: i64, text: fmt::Arguments<'_>) {
        let (seconds, millis) = (now / 1_000, now % 1_000);
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        let mut line = String::new();
        // Writing to a text cannot fail.
        let _ = write!(
            line,
            "{hours:>4}:{minutes:02}:{:02}.{millis:03}  {text}",
            seconds % 60
        );
        self.mix(&line);
        self.lines.push(line);
    }

    /// Adds what stays untold to the number of the story.
    pub(super) fn mix(&mut self, text: &str) {
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    /// Returns a short name for an id, the same throughout the story.
    pub(super) fn name(&mut self, kind: &'static str, id: &str) -> String {
        if let Some(name) = self.names.get(id) {
            return name.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let name = format!("{kind} {count}");
        self.names.insert(id.to_owned(), name.clone());
        name
    }

    /// Returns the number that stands for everything that was told.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// Returns the lines.
    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines
    }
}
