//! Rows of the view.

use driftless_record::sql::{self, Stored, StoredRef};
use driftless_record::{EntityName, RecordId, Row, RowSet};
use driftless_store::StoreError;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

use super::Commit;
use crate::catalogue::{Column, State, Table};
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
        let mut put = Put::prepare(self.connection, table, &columns)?;
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
            put.row(row, &stored)?;
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

/// Puts rows: where most are new, they are inserted and the others updated; where most are there, the other way round.
struct Put<'a> {
    connection: &'a Connection,
    table: &'a Table,
    names: Vec<String>,
    update: Option<CachedStatement<'a>>,
    insert: Option<CachedStatement<'a>>,
}

impl<'a> Put<'a> {
    fn prepare(connection: &'a Connection, table: &'a Table, columns: &[&Column]) -> Result<Self> {
        let names: Vec<_> = columns.iter().flat_map(|column| column.names()).collect();
        let update = match table.state {
            State::Loading => None,
            State::Open | State::Gone => Some(prepare(connection, &update(table, &names))?),
        };
        Ok(Self {
            connection,
            table,
            names,
            update,
            insert: None,
        })
    }

    fn row(&mut self, row: &Row, stored: &[Stored<'_>]) -> Result<()> {
        if let Some(update) = &mut self.update
            && run(update, row, stored).map_err(of_database)? > 0
        {
            return Ok(());
        }
        let insert = match &mut self.insert {
            Some(insert) => insert,
            none => {
                let mut sql = insert(self.table, &self.names);
                if self.update.is_none() {
                    sql.push_str(&on_conflict(&self.names));
                }
                none.insert(prepare(self.connection, &sql)?)
            }
        };
        run(insert, row, stored).map(|_| ()).map_err(of_database)
    }
}

fn prepare<'a>(connection: &'a Connection, sql: &str) -> Result<CachedStatement<'a>> {
    connection.prepare_cached(sql).map_err(of_database)
}

fn run(statement: &mut CachedStatement<'_>, row: &Row, stored: &[Stored<'_>]) -> rusqlite::Result<usize> {
    statement.raw_bind_parameter(1, row.id.as_str())?;
    statement.raw_bind_parameter(2, row.revision.as_ref().map(|revision| revision.0.as_str()))?;
    for (at, value) in stored.iter().enumerate() {
        statement.raw_bind_parameter(at + 3, Bind(value.as_ref()))?;
    }
    statement.raw_execute()
}

fn insert(table: &Table, names: &[String]) -> String {
    let mut sql = format!("INSERT INTO {} (\"id\", \"revision\"", table.name());
    for name in names {
        sql.push_str(", ");
        sql.push_str(name);
    }
    sql.push_str(") VALUES (?1, ?2");
    sql.extend((3..).take(names.len()).map(|number| format!(", ?{number}")));
    sql + ")"
}

fn on_conflict(names: &[String]) -> String {
    let mut sql = " ON CONFLICT (\"id\") DO UPDATE SET \"revision\" = excluded.\"revision\"".to_owned();
    sql.extend(names.iter().map(|name| format!(", {name} = excluded.{name}")));
    sql
}

fn update(table: &Table, names: &[String]) -> String {
    let mut sql = format!("UPDATE {} SET \"revision\" = ?2", table.name());
    sql.extend(
        (3..)
            .zip(names)
            .map(|(number, name)| format!(", {name} = ?{number}")),
    );
    sql + " WHERE \"id\" = ?1"
}
