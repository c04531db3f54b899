//! Rows of the view.

use driftless_record::sql::{self, Stored, StoredRef};
use driftless_record::{EntityName, RecordId, RowSet};
use driftless_store::StoreError;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::Commit;
use crate::catalogue::{Column, Table};
use crate::error::{Result, of_database};

/// A stored value on its way into a statement.
pub(crate) struct Bind<'a>(pub(crate) StoredRef<'a>);

impl ToSql for Bind<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            StoredRef::Null => ValueRef::Null,
            StoredRef::Int(v) => ValueRef::Integer(v),
            StoredRef::Real(v) => ValueRef::Real(v),
            StoredRef::Text(v) => ValueRef::Text(v.as_bytes()),
            StoredRef::Blob(v) => ValueRef::Blob(v),
        }))
    }
}

impl Commit<'_> {
    pub(super) fn put_rows(&self, rows: &RowSet) -> Result<()> {
        let table = self.catalogue.table(&rows.entity)?;
        let columns = rows
            .columns
            .iter()
            .map(|name| {
                table
                    .column(name)
                    .ok_or_else(|| StoreError::Unfit(format!("{} has no field {name}", rows.entity)))
            })
            .collect::<Result<Vec<_>>>()?;
        if let Some(twice) = rows
            .columns
            .iter()
            .enumerate()
            .find(|(at, name)| rows.columns[..*at].contains(name))
        {
            return Err(StoreError::Unfit(format!(
                "field {} of {} twice in a row",
                twice.1, rows.entity
            )));
        }
        let mut statement = self
            .connection
            .prepare_cached(&upsert(table, &columns))
            .map_err(of_database)?;
        let mut stored = Vec::<Stored<'_>>::new();
        for row in &rows.rows {
            if row.values.len() != columns.len() {
                return Err(StoreError::Unfit(format!(
                    "a row of {} with {} values for {} fields",
                    rows.entity,
                    row.values.len(),
                    columns.len()
                )));
            }
            stored.clear();
            for (column, value) in columns.iter().zip(&row.values) {
                sql::encode(&column.kind, value, &mut stored).map_err(|error| {
                    StoreError::Unfit(format!("field {} of {}: {error}", column.name, rows.entity))
                })?;
            }
            let revision = row.revision.as_ref().map(|revision| revision.0.as_str());
            let bind = || {
                statement.raw_bind_parameter(1, row.id.as_str())?;
                statement.raw_bind_parameter(2, revision)?;
                for (at, value) in stored.iter().enumerate() {
                    statement.raw_bind_parameter(at + 3, Bind(value.as_ref()))?;
                }
                statement.raw_execute()
            };
            with(bind).map_err(of_database)?;
        }
        Ok(())
    }

    pub(super) fn remove_rows(&self, entity: &EntityName, ids: &[RecordId]) -> Result<()> {
        let table = self.catalogue.table(entity)?;
        let sql = format!("DELETE FROM {} WHERE \"id\" = ?1", table.name());
        for id in ids {
            self.run(&sql, [id.as_str()])?;
        }
        Ok(())
    }
}

fn with<T>(mut work: impl FnMut() -> T) -> T {
    work()
}

/// Returns the statement that inserts a row or sets the given columns of the one that is there.
fn upsert(table: &Table, columns: &[&Column]) -> String {
    let names: Vec<_> = columns.iter().flat_map(|column| column.names()).collect();
    let mut sql = format!("INSERT INTO {} (\"id\", \"revision\"", table.name());
    for name in &names {
        sql.push_str(", ");
        sql.push_str(name);
    }
    sql.push_str(") VALUES (?, ?");
    sql.extend(std::iter::repeat_n(", ?", names.len()));
    sql.push_str(") ON CONFLICT (\"id\") DO UPDATE SET \"revision\" = excluded.\"revision\"");
    for name in &names {
        sql.push_str(", ");
        sql.push_str(name);
        sql.push_str(" = excluded.");
        sql.push_str(name);
    }
    sql
}
