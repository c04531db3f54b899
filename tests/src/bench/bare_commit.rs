//! A bare durable transaction of two rows: the limit of an offline write.

use super::data::{PAGE, opportunity};
use super::table::{build_indexes, insert, open};
use super::{Row, Scale, Stopwatch, Unit};
use anyhow::Result;
use rusqlite::params;

pub(super) const ROW: Row = Row {
    name: "bare-commit",
    what: "one durable transaction in bare SQLite (WAL, FULL): a record updated, an outbox row added; median",
    unit: Unit::Microseconds,
    limit: None,
    measure,
};

fn measure(scale: Scale) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut connection = open(folder.path())?;
    let records: Vec<_> = (0..PAGE).map(opportunity).collect();
    let transaction = connection.transaction()?;
    insert(&transaction, &records)?;
    transaction.commit()?;
    build_indexes(&connection)?;
    connection.execute_batch(
        "CREATE TABLE outbox (sequence INTEGER PRIMARY KEY, operation TEXT NOT NULL UNIQUE, record TEXT NOT NULL,
             body TEXT NOT NULL) STRICT",
    )?;
    let mut took = Vec::with_capacity(scale.writes);
    for number in 0..scale.writes {
        let id = &records[number % records.len()].id;
        let operation = opportunity(1_000_000 + number).id;
        let phone = format!("+33 4 {number:08}");
        let watch = Stopwatch::start();
        let transaction = connection.transaction()?;
        transaction
            .prepare_cached("UPDATE opportunity SET phone = ?2 WHERE id = ?1")?
            .execute(params![id, phone])?;
        transaction
            .prepare_cached("INSERT INTO outbox (operation, record, body) VALUES (?1, ?2, ?3)")?
            .execute(params![operation, id, format!(r#"{{"Phone":"{phone}"}}"#)])?;
        transaction.commit()?;
        took.push(watch.elapsed());
    }
    took.sort_unstable();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    Ok(median.as_secs_f64() * 1e6)
}
