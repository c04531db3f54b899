//! Parsing alone: the ceiling of anything that reads JSON.

use super::data::{Page, pages};
use super::{Row, Scale, Stopwatch, Unit};
use anyhow::Result;
use std::hint::black_box;

pub(super) const ROW: Row = Row {
    name: "raw-parse",
    what: "JSON pages of 1,000 records of 20 fields into borrowed structs",
    unit: Unit::RowsPerSecond,
    limit: None,
    measure,
};

fn measure(scale: Scale) -> Result<f64> {
    let pages = pages(scale.records)?;
    let watch = Stopwatch::start();
    for bytes in &pages {
        let page: Page<'_> = serde_json::from_slice(bytes)?;
        black_box(&page.value);
    }
    Ok(watch.rate(scale.records))
}
