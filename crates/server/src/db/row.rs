//! One row as the server reads and writes it.

use std::collections::BTreeMap;

use driftless_record::sql::{Stored, StoredRef, decode, encode};
use driftless_record::{FieldName, Fields, RecordId, Stamp, Value};
use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, ToSql};

use super::table::{LEADING_COUNT, Table};

/// A row of an entity's table.
#[derive(Debug, Clone)]
pub(crate) struct StoredRow {
    /// The storage key.
    pub(crate) key: i64,
    /// The record's id.
    pub(crate) id: RecordId,
    /// The change that last wrote it.
    pub(crate) version: i64,
    /// The stamps of the fields.
    pub(crate) stamps: Stamps,
    /// The values, nulls included.
    pub(crate) fields: Fields,
}

/// The stamps of a row: one for most fields and those that differ.
///
/// A row of the data that the server began with has none at all: its fields count as older than every edit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stamps {
    pub(crate) of_row: Option<Stamp>,
    pub(crate) of_fields: BTreeMap<FieldName, Stamp>,
}

impl Stamps {
    /// Returns a field's stamp.
    pub(crate) fn of(&self, field: &FieldName) -> Option<Stamp> {
        self.of_fields.get(field).copied().or(self.of_row)
    }

    pub(crate) fn read(row: Option<&str>, fields: Option<&str>) -> Self {
        let texts: BTreeMap<FieldName, String> = fields
            .and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default();
        Self {
            of_row: row.and_then(|text| text.parse().ok()),
            of_fields: texts
                .into_iter()
                .filter_map(|(name, text)| Some((name, text.parse().ok()?)))
                .collect(),
        }
    }

    fn write(&self) -> (Option<String>, Option<String>) {
        let differing: BTreeMap<&str, String> = self
            .of_fields
            .iter()
            .filter(|(_, stamp)| self.of_row != Some(**stamp))
            .map(|(name, stamp)| (name.as_str(), stamp.to_string()))
            .collect();
        let fields = (!differing.is_empty()).then(|| serde_json::to_string(&differing).unwrap_or_default());
        (self.of_row.map(|stamp| stamp.to_string()), fields)
    }
}

/// A stored value on its way into a statement.
pub(super) struct Bound<'a>(pub(super) &'a Stored<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0.as_ref() {
            StoredRef::Null => ValueRef::Null,
            StoredRef::Int(v) => ValueRef::Integer(v),
            StoredRef::Real(v) => ValueRef::Real(v),
            StoredRef::Text(v) => ValueRef::Text(v.as_bytes()),
            StoredRef::Blob(v) => ValueRef::Blob(v),
        }))
    }
}

/// Turns a stored value into one that a statement owns.
pub(crate) fn owned(stored: &Stored<'_>) -> SqlValue {
    match stored.as_ref() {
        StoredRef::Null => SqlValue::Null,
        StoredRef::Int(v) => SqlValue::Integer(v),
        StoredRef::Real(v) => SqlValue::Real(v),
        StoredRef::Text(v) => SqlValue::Text(v.to_owned()),
        StoredRef::Blob(v) => SqlValue::Blob(v.to_vec()),
    }
}

/// Reads a column as the stored forms know it.
pub(crate) fn stored_ref(value: ValueRef<'_>) -> rusqlite::Result<StoredRef<'_>> {
    Ok(match value {
        ValueRef::Null => StoredRef::Null,
        ValueRef::Integer(v) => StoredRef::Int(v),
        ValueRef::Real(v) => StoredRef::Real(v),
        ValueRef::Text(v) => {
            StoredRef::Text(std::str::from_utf8(v).map_err(|error| rusqlite::Error::Utf8Error(0, error))?)
        }
        ValueRef::Blob(v) => StoredRef::Blob(v),
    })
}

/// Reads a row of [`Table::select`].
pub(crate) fn read(table: &Table, row: &Row<'_>) -> rusqlite::Result<StoredRow> {
    let mut fields = Fields::new();
    let mut parts = [StoredRef::Null; 4];
    for (field, (start, count)) in table.entity.fields.iter().zip(&table.spans) {
        for (part, column) in parts.iter_mut().zip(0..*count) {
            *part = stored_ref(row.get_ref(LEADING_COUNT + start + column)?)?;
        }
        let value = decode(&field.kind, &parts[..*count]).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(*start, rusqlite::types::Type::Null, error.into())
        })?;
        fields.insert(field.name.clone(), value);
    }
    let stamp: Option<String> = row.get(3)?;
    let stamps: Option<String> = row.get(4)?;
    Ok(StoredRow {
        key: row.get(0)?,
        id: RecordId::from_canonical(row.get_ref(1)?.as_str()?),
        version: row.get(2)?,
        stamps: Stamps::read(stamp.as_deref(), stamps.as_deref()),
        fields,
    })
}

/// Finds a row by its record's id.
pub(crate) fn find(
    connection: &Connection,
    table: &Table,
    id: &RecordId,
) -> rusqlite::Result<Option<StoredRow>> {
    let sql = format!("{} WHERE \"$id\" = ?", table.select());
    connection
        .prepare_cached(&sql)?
        .query_row([id.as_str()], |row| read(table, row))
        .optional()
}

/// Returns whether a record exists.
pub(crate) fn exists(connection: &Connection, table: &Table, id: &RecordId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(&format!("SELECT 1 FROM {} WHERE \"$id\" = ?", table.name))?
        .exists([id.as_str()])
}

/// Inserts a row, or replaces the one with the same storage key. All values must fit their fields.
pub(crate) fn write(
    connection: &Connection,
    table: &Table,
    row: &StoredRow,
    replace: bool,
) -> rusqlite::Result<()> {
    let mut values = Vec::with_capacity(table.columns.len());
    for field in &table.entity.fields {
        let value = row.fields.get(&field.name).unwrap_or(&Value::Null);
        encode(&field.kind, value, &mut values)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    }
    let (stamp, stamps) = row.stamps.write();
    let sql = if replace { table.update() } else { table.insert() };
    let mut statement = connection.prepare_cached(&sql)?;
    statement.raw_bind_parameter(1, row.id.as_str())?;
    statement.raw_bind_parameter(2, row.version)?;
    statement.raw_bind_parameter(3, stamp)?;
    statement.raw_bind_parameter(4, stamps)?;
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(LEADING_COUNT + index, Bound(value))?;
    }
    if replace {
        statement.raw_bind_parameter(LEADING_COUNT + values.len(), row.key)?;
    }
    statement.raw_execute()?;
    Ok(())
}

/// Inserts a row without stamps, given as stored values of all columns.
pub(crate) fn insert(
    connection: &Connection,
    sql: &str,
    id: &RecordId,
    version: i64,
    values: &[Stored<'_>],
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    statement.raw_bind_parameter(1, id.as_str())?;
    statement.raw_bind_parameter(2, version)?;
    statement.raw_bind_parameter(3, rusqlite::types::Null)?;
    statement.raw_bind_parameter(4, rusqlite::types::Null)?;
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(LEADING_COUNT + index, Bound(value))?;
    }
    statement.raw_execute()?;
    Ok(())
}

/// Deletes a row by its storage key.
pub(crate) fn delete(connection: &Connection, table: &Table, key: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(&format!("DELETE FROM {} WHERE \"$key\" = ?", table.name))?
        .execute([key])?;
    Ok(())
}
