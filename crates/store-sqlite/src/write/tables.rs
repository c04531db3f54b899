//! The shape of tables: columns, changes of kind, and indexes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_record::sql::{self, DecimalForm};
use driftless_record::{EntitySchema, FieldKind};
use driftless_store::{StoreError, convert, former_name};
use rusqlite::Connection;

use super::Commit;
use super::rows::Bind;
use crate::catalogue::{Column, State, Table};
use crate::error::{Result, of_database, unreadable};
use crate::read::field_value;

/// How many lookups of an entity get an index, in the order of the schema.
const INDEXED_LOOKUPS: usize = 6;

impl Commit<'_> {
    pub(super) fn create(&self, schema: &Arc<EntitySchema>) -> Result<Table> {
        let number = self.number("SELECT coalesce(max(number), 0) + 1 FROM entity")?;
        let mut numbers = BTreeMap::new();
        for (field, number) in schema.fields.iter().zip(1..) {
            numbers.insert(field.name.clone(), number);
        }
        let table = Table::new(number, State::Open, Arc::clone(schema), &numbers)?;
        let mut text = format!(
            "CREATE TABLE {} (\"key\" INTEGER PRIMARY KEY, \"id\" TEXT NOT NULL UNIQUE, \"revision\" TEXT",
            table.name()
        );
        for definition in table.fields.iter().flat_map(definitions) {
            text.push_str(", ");
            text.push_str(&definition);
        }
        text.push_str(") STRICT");
        self.alter_text(&text)?;
        self.store(number, State::Open, schema, &numbers)
    }

    /// Brings a table after the new schema of its entity.
    pub(super) fn alter(&self, table: &Table, schema: &Arc<EntitySchema>) -> Result<Table> {
        if table.schema.key != schema.key {
            self.drop_settled(table)?;
        }
        let mut free = table.fields.iter().map(|column| column.number).max().unwrap_or(0) + 1;
        let mut numbers = BTreeMap::new();
        let mut kept = BTreeSet::new();
        for field in &schema.fields {
            let name = former_name(schema, field, |name| table.column(name).is_some());
            let old = table.column(name);
            // Two fields may have gone by one name; only one of them keeps the column itself.
            let stays = |old: &&Column| same_form(&old.kind, &field.kind) && !kept.contains(&old.number);
            if let Some(old) = old.filter(stays) {
                numbers.insert(field.name.clone(), old.number);
                kept.insert(old.number);
                continue;
            }
            let new = Column {
                name: field.name.clone(),
                kind: field.kind.clone(),
                number: free,
            };
            free += 1;
            for definition in definitions(&new) {
                self.alter_text(&format!("ALTER TABLE {} ADD COLUMN {definition}", table.name()))?;
            }
            if let Some(old) = old {
                self.retype(table, old, &new)?;
            }
            numbers.insert(new.name, new.number);
        }
        for old in table
            .fields
            .iter()
            .filter(|column| !kept.contains(&column.number))
        {
            self.alter_text(&format!("DROP INDEX IF EXISTS {}", index_name(table, old)))?;
            for name in old.names() {
                self.alter_text(&format!("ALTER TABLE {} DROP COLUMN {name}", table.name()))?;
            }
        }
        let state = match table.state {
            State::Gone => State::Open,
            state => state,
        };
        self.store(table.number, state, schema, &numbers)
    }

    /// Fills the columns of a field that has another kind now from those it had before.
    fn retype(&self, table: &Table, old: &Column, new: &Column) -> Result<()> {
        let from: Vec<_> = old.names().collect();
        let to: Vec<_> = new.names().map(|name| format!("{name} = ?")).collect();
        let mut update = self
            .connection
            .prepare(&format!(
                "UPDATE {} SET {} WHERE \"key\" = ?",
                table.name(),
                to.join(", ")
            ))
            .map_err(of_database)?;
        let select = format!(
            "SELECT \"key\", {} FROM {} WHERE \"key\" > ?1 ORDER BY \"key\" LIMIT 1000",
            from.join(", "),
            table.name()
        );
        let mut select = self.connection.prepare(&select).map_err(of_database)?;
        let mut last = i64::MIN;
        loop {
            let mut page = Vec::new();
            let mut rows = select.query([last]).map_err(of_database)?;
            while let Some(row) = rows.next().map_err(of_database)? {
                last = row.get(0).map_err(of_database)?;
                // What does not fit the new kind is null until the server says it again.
                let value = field_value(&old.kind, row, 1).ok();
                page.push((last, value.and_then(|value| convert(&value, &new.kind))));
            }
            drop(rows);
            for (key, value) in &page {
                let Some(value) = value else { continue };
                let mut stored = Vec::new();
                sql::encode(&new.kind, value, &mut stored).map_err(|_| unreadable("a value"))?;
                for (at, part) in stored.iter().enumerate() {
                    update
                        .raw_bind_parameter(at + 1, Bind(part.as_ref()))
                        .map_err(of_database)?;
                }
                update
                    .raw_bind_parameter(stored.len() + 1, key)
                    .map_err(of_database)?;
                update.raw_execute().map_err(of_database)?;
            }
            if page.is_empty() {
                return Ok(());
            }
        }
    }

    /// Makes the indexes of an open table, and drops those of any other.
    pub(super) fn index(&self, table: &Table) -> Result<()> {
        let wanted: BTreeMap<String, String> = table
            .fields
            .iter()
            .filter(|column| matches!(column.kind, FieldKind::Lookup { .. }) && table.state == State::Open)
            .take(INDEXED_LOOKUPS)
            .map(|column| (index_name(table, column), format!("\"c{}\"", column.number)))
            .collect();
        let found = indexes(self.connection, table)?;
        for name in found.iter().filter(|name| !wanted.contains_key(*name)) {
            self.alter_text(&format!("DROP INDEX {name}"))?;
        }
        for (name, column) in wanted.iter().filter(|(name, _)| !found.contains(*name)) {
            self.alter_text(&format!("CREATE INDEX {name} ON {} ({column})", table.name()))?;
        }
        Ok(())
    }
}

/// Returns whether values of two kinds are stored alike, so that a column can stay.
fn same_form(old: &FieldKind, new: &FieldKind) -> bool {
    use FieldKind::{Binary, Choice, Choices, Decimal, Int, Money, Text};
    match (old, new) {
        (Int { .. }, Int { .. })
        | (Text { .. } | Choice { .. }, Text { .. } | Choice { .. })
        | (Choices { .. }, Choices { .. })
        | (Binary { .. }, Binary { .. }) => true,
        (Decimal { .. } | Money { .. }, Decimal { .. } | Money { .. }) => {
            DecimalForm::of(old) == DecimalForm::of(new)
        }
        _ => old == new,
    }
}

fn definitions(column: &Column) -> Vec<String> {
    let types = sql::columns(&column.kind).iter().map(|part| part.sqlite);
    column
        .names()
        .zip(types)
        .map(|(name, sqlite)| format!("{name} {sqlite}"))
        .collect()
}

fn index_name(table: &Table, column: &Column) -> String {
    format!("\"e{}_c{}\"", table.number, column.number)
}

/// Returns the quoted names of the indexes that were made here, not those that the table needs for itself.
fn indexes(connection: &Connection, table: &Table) -> Result<BTreeSet<String>, StoreError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL",
        )
        .map_err(of_database)?;
    let names = statement.query_map([format!("e{}", table.number)], |row| row.get::<_, String>(0));
    names
        .and_then(|names| names.map(|name| name.map(|name| format!("\"{name}\""))).collect())
        .map_err(of_database)
}
