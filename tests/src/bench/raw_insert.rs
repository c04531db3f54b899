//! Inserting alone: the ceiling of anything that stores rows in SQLite.

use super::data::{Opportunity, opportunity};
use super::table::{PER_TRANSACTION, build_indexes, insert, open};
use super::{Row, Scale, Stopwatch, Unit};
use anyhow::Result;

pub(super) const ROW: Row = Row {
    name: "raw-insert",
    what: "the same records, parsed already, into bare SQLite: integer key, unique record id, \
           10 pages a transaction, 2 indexes at the end",
    unit: Unit::RowsPerSecond,
    limit: None,
    measure,
};

fn measure(scale: Scale) -> Result<f64> {
    let records: Vec<Opportunity<'_>> = (0..scale.records).map(opportunity).collect();
    let folder = tempfile::tempdir()?;
    let mut connection = open(folder.path())?;
    let watch = Stopwatch::start();
    for chunk in records.chunks(PER_TRANSACTION) {
        let transaction = connection.transaction()?;
        insert(&transaction, chunk)?;
        transaction.commit()?;
    }
    build_indexes(&connection)?;
    Ok(watch.rate(scale.records))
}
