//! A query that a list view makes: two conditions, an order, 50 records.

use super::data::opportunity;
use super::entity::ENTITY;
use super::offline_write::loaded;
use super::table::{build_indexes, insert, open};
use super::{Limit, Row, Scale, Stopwatch, Unit};
use anyhow::{Result, ensure};
use driftless_record::query::{Comparison, Order};
use driftless_record::{EntityName, Expr, FieldName, Lookup, Query, RecordId, Value};
use rusqlite::params;
use std::hint::black_box;
use std::time::Duration;

/// How many owners the records have.
const OWNERS: usize = 250;
/// How many records a view shows.
const SHOWN: u64 = 50;

pub(super) const ROW: Row = Row {
    name: "indexed-query",
    what: "filter by owner and activity, order by modification date, first 50 records, through the engine; median",
    unit: Unit::Microseconds,
    limit: Some(Limit {
        row: "bare-query",
        floor: None,
    }),
    measure,
};

pub(super) const BARE: Row = Row {
    name: "bare-query",
    what: "the same by a prepared statement in bare SQLite with an index of owner and modification date; median",
    unit: Unit::Microseconds,
    limit: None,
    measure: measure_bare,
};

fn owner(number: usize) -> String {
    opportunity(number % OWNERS).owner_id.into_owned()
}

fn median(mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    median.as_secs_f64() * 1e6
}

fn measure(scale: Scale) -> Result<f64> {
    let device = loaded(scale.records)?;
    let field = FieldName::parse;
    let mut took = Vec::with_capacity(scale.writes);
    for number in 0..scale.writes {
        let owner = Value::Lookup(Lookup {
            entity: EntityName::parse("User")?,
            id: RecordId::from_canonical(&owner(number)),
            name: None,
        });
        let watch = Stopwatch::start();
        let filter = Expr::and(
            Some(Expr::compare(field("OwnerId")?, Comparison::Eq, owner)),
            Some(Expr::compare(
                field("IsActive")?,
                Comparison::Eq,
                Value::Bool(true),
            )),
        );
        let query = Query {
            filter,
            order: vec![Order {
                by: Expr::field(field("ModifiedOn")?),
                descending: true,
            }],
            ..Query::all(EntityName::parse(ENTITY)?)
        };
        let found = device.engine.query(&query.top(SHOWN))?;
        took.push(watch.elapsed());
        ensure!(!found.is_empty() || scale.records < OWNERS, "nothing was found");
        black_box(found);
    }
    Ok(median(took))
}

fn measure_bare(scale: Scale) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut connection = open(folder.path())?;
    let records: Vec<_> = (0..scale.records).map(opportunity).collect();
    let transaction = connection.transaction()?;
    insert(&transaction, &records)?;
    transaction.commit()?;
    build_indexes(&connection)?;
    let mut statement = connection.prepare(
        "SELECT * FROM opportunity WHERE owner_id = ?1 AND is_active = 1 ORDER BY modified_on DESC LIMIT ?2",
    )?;
    let mut took = Vec::with_capacity(scale.writes);
    for number in 0..scale.writes {
        let owner = owner(number);
        let watch = Stopwatch::start();
        let mut rows = statement.query(params![owner, SHOWN.cast_signed()])?;
        while let Some(row) = rows.next()? {
            for at in 0..22 {
                black_box(row.get_ref(at)?);
            }
        }
        took.push(watch.elapsed());
    }
    Ok(median(took))
}
