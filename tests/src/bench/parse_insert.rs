//! Parsing and inserting the same bytes in one process: the limit of a first sync.

use super::data::{PAGE, Page, pages};
use super::table::{PER_TRANSACTION, build_indexes, insert, open};
use super::{Row, Scale, Stopwatch, Unit};
use anyhow::Result;

pub(super) const ROW: Row = Row {
    name: "parse-insert",
    what: "both in one process: JSON pages into bare SQLite, the limit of a first sync",
    unit: Unit::RowsPerSecond,
    limit: None,
    measure,
};

fn measure(scale: Scale) -> Result<f64> {
    let pages = pages(scale.records)?;
    let folder = tempfile::tempdir()?;
    let mut connection = open(folder.path())?;
    let watch = Stopwatch::start();
    for chunk in pages.chunks(PER_TRANSACTION / PAGE) {
        let transaction = connection.transaction()?;
        for bytes in chunk {
            let page: Page<'_> = serde_json::from_slice(bytes)?;
            insert(&transaction, &page.value)?;
        }
        transaction.commit()?;
    }
    build_indexes(&connection)?;
    Ok(watch.rate(scale.records))
}
