//! Parsing and inserting the very bytes that the server sends: the limit of a first synchronization.

use super::data::{PAGE, Page};
use super::served::Served;
use super::table::{PER_TRANSACTION, build_indexes, insert, open};
use super::wire::Wire;
use super::{Row, Scale, Stopwatch, Unit};
use anyhow::Result;

pub(super) const ROW: Row = Row {
    name: "served-insert",
    what: "the very pages that our server sends, fetched before: parsed into borrowed structs and inserted into bare \
           SQLite in one process, 10 pages a transaction, 2 indexes at the end",
    unit: Unit::RowsPerSecond,
    limit: None,
    measure,
};

fn measure(scale: Scale) -> Result<f64> {
    let served = Served::start(scale.records)?;
    let set = Wire::new(&served)?.read("Opportunities")?;
    drop(served);
    let folder = tempfile::tempdir()?;
    let mut connection = open(folder.path())?;
    let watch = Stopwatch::start();
    for chunk in set.pages.chunks(PER_TRANSACTION / PAGE) {
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
