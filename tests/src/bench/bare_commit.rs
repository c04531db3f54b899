//! A bare durable transaction of two rows: the limit of an offline write.

use super::data::opportunity;
use super::table::{build_indexes, insert, open};
use super::{Row, Scale, Stopwatch, Unit};
use anyhow::Result;
use rusqlite::params;

pub(super) const ROW: Row = Row {
    name: "bare-commit",
    what: "one durable transaction in bare SQLite (WAL, FULL) of the two rows that an edit writes: the record, and an \
           outbox row of the same size; median",
    unit: Unit::Microseconds,
    limit: None,
    measure,
};

/// An operation as a store keeps it, some 500 bytes.
fn payload(id: &str, phone: &str) -> String {
    let raw = r#"[1780000000000,123456,"00000000-0000-0000-0000-000000000002",1234,"00000000-0000-0000-0000-000000000001"]"#;
    format!(
        r#"{{"v":1,"id":"{id}","sequence":1234,"author":"demo","tenant":"here","schema_version":"1","entity":"Opportunity","record":"{id}","base_revision":"W/\"1234\"","kind":{{"update":{{"Phone":{{"old":{{"text":"{phone}"}},"new":{{"text":"{phone}"}},"raw":{raw},"stamp":null}}}}}},"needs":[],"state":"queued","attempts":0,"rebased":0}}"#
    )
}

fn measure(scale: Scale) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut connection = open(folder.path())?;
    let mut records: Vec<_> = (0..scale.writes).map(opportunity).collect();
    let transaction = connection.transaction()?;
    insert(&transaction, &records)?;
    transaction.commit()?;
    build_indexes(&connection)?;
    connection.execute_batch(
        "CREATE TABLE outbox (sequence INTEGER PRIMARY KEY, operation BLOB NOT NULL UNIQUE, entity TEXT NOT NULL,
             record TEXT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL) STRICT",
    )?;
    let mut took = Vec::with_capacity(scale.writes);
    for (number, record) in records.iter_mut().enumerate() {
        let operation = uuid::Uuid::from_u128(number as u128);
        record.phone = format!("+47 5 {number:08}").into();
        let body = payload(&record.id, &record.phone);
        let watch = Stopwatch::start();
        let transaction = connection.transaction()?;
        transaction
            .prepare_cached("UPDATE opportunity SET phone = ?2 WHERE id = ?1")?
            .execute(params![record.id, record.phone])?;
        transaction
            .prepare_cached(
                "INSERT INTO outbox (operation, entity, record, state, body)
                 VALUES (?1, 'Opportunity', ?2, 'queued', ?3)",
            )?
            .execute(params![operation.as_bytes(), record.id, body])?;
        transaction.commit()?;
        took.push(watch.elapsed());
    }
    took.sort_unstable();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    Ok(median.as_secs_f64() * 1e6)
}
