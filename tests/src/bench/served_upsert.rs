//! Parsing and upserting the very bytes of a delta: the limit of an incremental pull.

use super::changes::change;
use super::data::{PAGE, Page};
use super::served::Served;
use super::table::{PER_TRANSACTION, build_indexes, insert, open, upsert};
use super::wire::Wire;
use super::{Row, Scale, Stopwatch, Unit};
use anyhow::Result;

pub(super) const ROW: Row = Row {
    name: "served-upsert",
    what: "the very pages of changes that our server sends, fetched before: parsed and upserted into a bare SQLite \
           table that has every record and 2 indexes, 10 pages a transaction",
    unit: Unit::RowsPerSecond,
    limit: None,
    measure,
};

fn measure(scale: Scale) -> Result<f64> {
    let served = Served::start(scale.records)?;
    let wire = Wire::new(&served)?;
    let set = wire.read("Opportunities")?;
    let changed = change(&served, scale.records / 10)?;
    let changes = wire.read(&set.changes)?;
    drop(served);
    let folder = tempfile::tempdir()?;
    let mut connection = open(folder.path())?;
    let transaction = connection.transaction()?;
    for bytes in &set.pages {
        let page: Page<'_> = serde_json::from_slice(bytes)?;
        insert(&transaction, &page.value)?;
    }
    transaction.commit()?;
    build_indexes(&connection)?;
    let watch = Stopwatch::start();
    for chunk in changes.pages.chunks(PER_TRANSACTION / PAGE) {
        let transaction = connection.transaction()?;
        for bytes in chunk {
            let page: Page<'_> = serde_json::from_slice(bytes)?;
            upsert(&transaction, &page.value)?;
        }
        transaction.commit()?;
    }
    Ok(watch.rate(changed))
}
