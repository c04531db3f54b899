//! Alternate keys: no two records have the same values of one.

use std::collections::BTreeSet;

use driftless_record::sql::encode;
use driftless_record::{FieldName, Fields, RecordId, Value};
use http::StatusCode;
use rusqlite::Connection;

use super::row::Bound;
use super::table::Table;
use crate::reply::Refusal;

/// Refuses values that another record has already. Of a record that is changed, only keys with a changed field are
/// looked at, so that what was there before an alternate key was declared stands in nobody's way.
pub(super) fn check(
    connection: &Connection,
    table: &Table,
    (id, fields): (&RecordId, &Fields),
    changed: Option<&BTreeSet<FieldName>>,
) -> Result<(), Refusal> {
    for key in &table.entity.alternate_keys {
        let is_changed = |name: &&FieldName| changed.is_none_or(|changed| changed.contains(*name));
        let Some(field) = key.iter().find(is_changed) else {
            continue;
        };
        if let Some(other) = find(connection, table, (id, fields), key)? {
            let set = &table.entity.set;
            let names: Vec<&str> = key.iter().map(FieldName::as_str).collect();
            let text = format!("{set}({other}) has the same {} already", names.join(" and "));
            let refusal = Refusal::new(StatusCode::CONFLICT, "NotUnique", text);
            return Err(refusal.target(field.to_string()).other(other));
        }
    }
    Ok(())
}

/// Finds another record with the same values; a record without one of them is like no other.
fn find(
    connection: &Connection,
    table: &Table,
    (id, fields): (&RecordId, &Fields),
    key: &[FieldName],
) -> rusqlite::Result<Option<RecordId>> {
    let mut values = Vec::new();
    let mut sql = format!("SELECT \"$id\" FROM {} WHERE \"$id\" <> ?1", table.name);
    for name in key {
        let Some((field, (start, count))) = table.field(name) else {
            return Ok(None);
        };
        let value = fields.get(name).unwrap_or(&Value::Null);
        if value.is_null() {
            return Ok(None);
        }
        for (column, place) in table
            .columns
            .iter()
            .skip(start)
            .take(count)
            .zip(values.len() + 2..)
        {
            sql.push_str(&format!(" AND {column} IS ?{place}"));
        }
        encode(&field.kind, value, &mut values)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    }
    sql.push_str(" LIMIT 1");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.raw_bind_parameter(1, id.as_str())?;
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(index + 2, Bound(value))?;
    }
    let mut rows = statement.raw_query();
    match rows.next()? {
        Some(row) => Ok(Some(RecordId::from_canonical(row.get_ref(0)?.as_str()?))),
        None => Ok(None),
    }
}
