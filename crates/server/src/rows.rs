//! Reading many rows by a query.

use std::collections::BTreeSet;

use driftless_odata::payload::Layout;
use driftless_record::query::Collation;
use driftless_record::sql::{CompileError, Compiler, Dialect, Names, Stored, StoredRef, columns, decode};
use driftless_record::{DateTime, EntityName, FieldName, Query, RecordId, Revision, Row, Timestamp};
use rusqlite::{Connection, params_from_iter};

use crate::db::row::{Stamps, owned, stored_ref};
use crate::db::table::{LEADING_COUNT, Table, Tables};
use crate::db::write::Writing;
use crate::reply::Refusal;
use crate::request::etag;
use crate::service::Service;

/// The most ids of [`Limit::Ids`].
pub(crate) const MOST_IDS: usize = 500;
/// The columns before those of the fields.
const LEADING: [&str; LEADING_COUNT] = ["$key", "$id", "$version", "$stamp", "$stamps"];
/// How the compiler calls the table of the query.
const ROOT: &str = "t0";

/// Which of a query's records.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit<'a> {
    /// Those after a storage key, in the order of storage.
    AfterKey(i64),
    /// Those after so many, in the order of the query.
    AfterCount(u64),
    /// Those with these ids, in any order.
    Ids(&'a [&'a str]),
}

/// Where the compiler finds tables and columns.
struct Places<'a> {
    tables: &'a Tables,
    limit: Option<Limit<'a>>,
}

impl Names for Places<'_> {
    fn table(&self, entity: &EntityName) -> Option<String> {
        self.tables
            .get(entity.as_str())
            .map(|table| table.entity.name.to_string())
    }

    fn id_column(&self, _: &EntityName) -> String {
        "$id".to_owned()
    }

    fn column(&self, entity: &EntityName, field: &FieldName) -> Option<String> {
        let table = self.tables.get(entity.as_str())?;
        table.position(field).map(|_| field.to_string())
    }

    fn restriction(
        &self,
        _: &EntityName,
        alias: &str,
        bind: &mut dyn FnMut(Stored<'static>) -> String,
    ) -> Option<String> {
        if alias != ROOT {
            return None;
        }
        match self.limit? {
            Limit::AfterKey(key) => Some(format!("{alias}.\"$key\" > {}", bind(Stored::Int(key)))),
            Limit::AfterCount(_) => None,
            Limit::Ids(ids) => {
                let marks: Vec<String> = ids
                    .iter()
                    .map(|id| bind(Stored::Text((*id).to_owned().into())))
                    .collect();
                Some(format!("{alias}.\"$id\" IN ({})", marks.join(", ")))
            }
        }
    }
}

fn compiler<'a>(service: &'a Service, places: &'a Places<'a>, now: Timestamp) -> Compiler<'a> {
    Compiler {
        schema: &service.schema,
        names: places,
        dialect: Dialect::Sqlite,
        collation: Collation::Binary,
        now: DateTime::from_timestamp(now),
    }
}

/// Gives up to `wanted` rows to `take`, with their storage keys and stamps; returns whether there are more.
pub(crate) fn each(
    service: &Service,
    writing: &Writing<'_>,
    (query, layout, limit): (&Query, &Layout, Limit<'_>),
    wanted: usize,
    mut take: impl FnMut(i64, &Stamps, &Row),
) -> Result<bool, Refusal> {
    let places = Places {
        tables: &service.tables,
        limit: Some(limit),
    };
    let mut query = Query {
        select: layout.columns().to_vec(),
        top: None,
        ..query.clone()
    };
    let one_more = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_add(1);
    match limit {
        Limit::AfterCount(count) => {
            query.skip = query.skip.saturating_add(count);
            query.top = Some(one_more);
        }
        Limit::AfterKey(_) | Limit::Ids(_) => query.order.clear(),
    }
    let select = compiler(service, &places, writing.now)
        .select(&query, &LEADING)
        .map_err(|error| refused(&error))?;
    let mut sql = select.statement.sql;
    if let Limit::AfterKey(_) = limit {
        // Storage order instead of id order, so that a page costs the same wherever it begins.
        let tail = format!(" ORDER BY {ROOT}.\"$id\"");
        let head = sql.strip_suffix(&tail).map(str::len).unwrap_or(sql.len());
        sql.truncate(head);
        sql.push_str(&format!(" ORDER BY {ROOT}.\"$key\" LIMIT {one_more}"));
    }
    let fields: Vec<_> = layout
        .columns()
        .iter()
        .filter_map(|name| layout.entity().field(name))
        .collect();
    let mut statement = writing.connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(select.statement.params.iter().map(owned)))?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        if count == wanted {
            return Ok(true);
        }
        count += 1;
        let mut at = LEADING_COUNT;
        let mut values = Vec::with_capacity(fields.len());
        let mut parts = [StoredRef::Null; 4];
        for field in &fields {
            let width = columns(&field.kind).len();
            for (offset, part) in parts.iter_mut().take(width).enumerate() {
                *part = stored_ref(row.get_ref(at + offset)?)?;
            }
            let value = decode(&field.kind, &parts[..width]);
            values.push(value.map_err(|_| damaged())?);
            at += width;
        }
        let stamp = row.get_ref(3)?.as_str_or_null().map_err(rusqlite::Error::from)?;
        let stamps = row.get_ref(4)?.as_str_or_null().map_err(rusqlite::Error::from)?;
        let version = row.get(2)?;
        let made = Row {
            id: RecordId::from_canonical(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?),
            revision: Some(Revision(etag(version))),
            values,
        };
        take(row.get(0)?, &Stamps::read(stamp, stamps), &made);
    }
    Ok(false)
}

/// Returns the number of a query's records.
pub(crate) fn count(
    service: &Service,
    connection: &Connection,
    query: &Query,
    now: Timestamp,
) -> Result<u64, Refusal> {
    let places = Places {
        tables: &service.tables,
        limit: None,
    };
    let statement = compiler(service, &places, now)
        .count(query)
        .map_err(|error| refused(&error))?;
    let count: i64 = connection
        .prepare_cached(&statement.sql)?
        .query_row(params_from_iter(statement.params.iter().map(owned)), |row| {
            row.get(0)
        })?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Returns which of some ids are those of records.
pub(crate) fn present(
    connection: &Connection,
    table: &Table,
    ids: &[&str],
) -> rusqlite::Result<BTreeSet<String>> {
    let marks = vec!["?"; ids.len()].join(", ");
    connection
        .prepare_cached(&format!(
            "SELECT \"$id\" FROM {} WHERE \"$id\" IN ({marks})",
            table.name
        ))?
        .query_map(params_from_iter(ids), |row| row.get(0))?
        .collect()
}

fn damaged() -> Refusal {
    Refusal::new(
        http::StatusCode::INTERNAL_SERVER_ERROR,
        "Damaged",
        "a stored record cannot be read",
    )
}

fn refused(error: &CompileError) -> Refusal {
    match error {
        CompileError::Unsupported { .. } => Refusal::not_implemented(error.to_string()),
        _ => Refusal::bad("InvalidQuery", error.to_string()),
    }
}
