//! What a row of the table is.

use anyhow::Result;
use serde::Serialize;

/// How much to measure.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Records in a bulk load.
    pub records: usize,
    /// Small durable transactions.
    pub writes: usize,
}

/// The unit of a figure, and with it which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// More is better.
    #[serde(rename = "rows/s")]
    RowsPerSecond,
    /// Less is better.
    #[serde(rename = "us")]
    Microseconds,
    /// Less is better.
    #[serde(rename = "requests")]
    Requests,
    /// Less is better.
    #[serde(rename = "commits")]
    Commits,
}

/// What a figure is held against.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Limit {
    /// The row, measured in the same run, that no engine can beat.
    pub row: &'static str,
    /// The ratio to it that is demanded: at least this for rates, at most this for anything else. `None` where none is
    /// demanded yet.
    pub floor: Option<f64>,
}

/// A measurement.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Short name, unique.
    pub name: &'static str,
    /// One sentence for the reader of the table.
    pub what: &'static str,
    /// The unit of the figure.
    pub unit: Unit,
    /// What it is held against; nothing for a row that is a limit itself.
    pub limit: Option<Limit>,
    /// Measures once.
    pub measure: fn(Scale) -> Result<f64>,
}

/// The outcome of one measurement as it is printed, one JSON line.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Measured {
    /// The row.
    pub name: &'static str,
    /// Its sentence.
    pub what: &'static str,
    /// The unit of the figure.
    pub unit: Unit,
    /// What it is held against.
    pub limit: Option<Limit>,
    /// The figure.
    pub value: f64,
    /// The most memory this process held, in bytes, where the system tells.
    pub peak_bytes: Option<u64>,
}
