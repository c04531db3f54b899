//! The data that a new database begins with.

use std::collections::{BTreeMap, BTreeSet};

use driftless_odata::payload::{Layout, read_body};
use driftless_record::sql::{Stored, encode};
use driftless_record::{RecordId, Value};
use rusqlite::Connection;
use serde_json::value::RawValue;

use super::row::{self, Stamps, StoredRow};
use super::table::{Table, Tables};
use super::{state, table};
use crate::ServerError;
use crate::seed::{self, SeedRow};

/// Writes the built-in data set of so many records.
pub(crate) fn built_in(connection: &Connection, tables: &Tables, count: usize) -> Result<(), ServerError> {
    let mut version = 0;
    let mut places: Option<(&'static str, Places<'_>)> = None;
    seed::generate(count, |row| {
        version += 1;
        if places.as_ref().is_none_or(|(entity, _)| *entity != row.entity) {
            let found = tables
                .get(row.entity)
                .ok_or(ServerError::Damaged("the built-in data has an unknown entity"))?;
            places = Some((row.entity, Places::new(found)));
        }
        match &mut places {
            Some((_, places)) => places.write(connection, version, row),
            None => Ok(()),
        }
    })?;
    finish(connection, tables, version)
}

/// Where the values of an entity's rows go; the same for all its rows.
struct Places<'a> {
    table: &'a Table,
    insert: String,
    by_name: BTreeMap<&'static str, usize>,
}

impl<'a> Places<'a> {
    fn new(table: &'a Table) -> Self {
        Self {
            table,
            insert: table.insert(),
            by_name: BTreeMap::new(),
        }
    }

    fn write(&mut self, connection: &Connection, version: i64, row: SeedRow) -> Result<(), ServerError> {
        let fields = &self.table.entity.fields;
        let mut values = vec![Value::Null; fields.len()];
        let id = RecordId::guid(row.id);
        for (name, value) in row.values.into_iter().chain([("id", Value::Guid(row.id))]) {
            let known = self.by_name.get(name).copied();
            let place = known.or_else(|| fields.iter().position(|field| field.name.as_str() == name));
            let place = place.ok_or(ServerError::Damaged("the built-in data has an unknown field"))?;
            self.by_name.insert(name, place);
            values[place] = value;
        }
        let mut stored: Vec<Stored<'_>> = Vec::with_capacity(self.table.columns.len());
        for (field, value) in fields.iter().zip(&values) {
            encode(&field.kind, value, &mut stored).map_err(|error| ServerError::Seed(error.to_string()))?;
        }
        row::insert(connection, &self.insert, &id, version, &stored)?;
        Ok(())
    }
}

/// Writes the data of a seed file: a JSON object of arrays of records by entity set.
pub(crate) fn from_json(
    connection: &Connection,
    tables: &Tables,
    layouts: &BTreeMap<driftless_record::EntityName, Layout>,
    json: &str,
) -> Result<(), ServerError> {
    let seed_error = |text: String| ServerError::Seed(text);
    let sets: BTreeMap<String, Vec<&RawValue>> = serde_json::from_str(json)
        .map_err(|error| seed_error(format!("not a JSON object of arrays: {error}")))?;
    let mut version = 0;
    for (set, rows) in sets {
        let table = tables.by_set(&set).or_else(|| tables.get(&set));
        let table = table.ok_or_else(|| seed_error(format!("the schema has no entity set `{set}`")))?;
        let Some(layout) = layouts.get(&table.entity.name) else {
            continue;
        };
        let mut ids = BTreeSet::new();
        for (index, raw) in rows.into_iter().enumerate() {
            let at = |text: String| seed_error(format!("{set}, record {}: {text}", index + 1));
            let body = read_body(raw.get().as_bytes(), layout).map_err(|error| at(error.to_string()))?;
            let key: Vec<Value> = table
                .entity
                .key
                .iter()
                .filter_map(|name| body.fields.get(name).cloned())
                .collect();
            let id = RecordId::from_key(&table.entity, &key).map_err(|error| at(error.to_string()))?;
            if !ids.insert(id.clone()) {
                return Err(at("another record has the same key".to_owned()));
            }
            version += 1;
            let row = StoredRow {
                key: 0,
                id,
                version,
                stamps: Stamps::default(),
                fields: body.fields,
            };
            row::write(connection, table, &row, false).map_err(|error| at(error.to_string()))?;
        }
    }
    finish(connection, tables, version)
}

/// Sets the counters past what was written; the feed begins after it.
fn finish(connection: &Connection, tables: &Tables, version: i64) -> Result<(), ServerError> {
    connection.execute("UPDATE state$ SET seq = ?1, floor = ?1", [version])?;
    for table in tables.iter() {
        let made = largest_number(connection, table)?;
        state::raise_number(connection, table.number, made)?;
    }
    Ok(())
}

/// Returns a number that is at least the largest that records of an entity have had.
fn largest_number(connection: &Connection, found: &Table) -> rusqlite::Result<i64> {
    use driftless_record::FieldKind;
    let key = match found.entity.key.as_slice() {
        [one]
            if matches!(
                found.entity.field(one).map(|field| &field.kind),
                Some(FieldKind::Int { .. })
            ) =>
        {
            Some(one)
        }
        _ => None,
    };
    let largest = key.map_or_else(
        || "count(*)".to_owned(),
        |key| format!("coalesce(max({}), 0)", table::quoted(key.as_str())),
    );
    connection.query_row(&format!("SELECT {largest} FROM {}", found.name), [], |row| {
        row.get(0)
    })
}
