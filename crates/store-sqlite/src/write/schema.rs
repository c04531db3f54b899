//! Bringing tables after the schema, and bulk loads. All of it is part of the commit it comes in.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_record::{EntityName, EntitySchema, FieldName, Schema};
use driftless_store::check_schema;

use super::Commit;
use crate::catalogue::{Catalogue, Column, State, Table};
use crate::error::{Result, of_database, unreadable};
use crate::payload::encode_entity;

impl Commit<'_> {
    pub(super) fn put_schema(&mut self, schema: &Arc<Schema>) -> Result<()> {
        check_schema(schema)?;
        let mut next = self.changed();
        next.schema = Arc::clone(schema);
        for (name, entity) in &schema.entities {
            let table = match next.tables.get(name) {
                Some(table) if table.state != State::Gone && table.schema == *entity => continue,
                Some(table) => {
                    if table.state == State::Gone {
                        // What has settled while the entity was gone is not brought back.
                        self.drop_settled(table)?;
                    }
                    self.alter(table, entity)?
                }
                None => self.create(entity)?,
            };
            next.tables.insert(name.clone(), Arc::new(table));
        }
        let gone: Vec<_> = next
            .tables
            .keys()
            .filter(|name| !schema.entities.contains_key(*name))
            .cloned()
            .collect();
        for name in gone {
            if let Some(table) = next.tables.remove(&name)
                && let Some(kept) = self.retire(&table)?
            {
                next.tables.insert(name, Arc::new(kept));
            }
        }
        self.run(
            "INSERT INTO schema (one, version) VALUES (1, ?1)
             ON CONFLICT (one) DO UPDATE SET version = excluded.version",
            [&schema.version],
        )?;
        self.catalogue = Arc::new(next);
        Ok(())
    }

    pub(super) fn begin_load(&mut self, entity: &EntityName) -> Result<()> {
        self.turn(entity, State::Loading)
    }

    pub(super) fn end_load(&mut self, entity: &EntityName) -> Result<()> {
        self.turn(entity, State::Open)
    }

    fn turn(&mut self, entity: &EntityName, state: State) -> Result<()> {
        let table = self.catalogue.table(entity)?;
        if table.state == state {
            return Ok(());
        }
        let table = Arc::new(self.store(table.number, state, &table.schema, &numbers(table))?);
        let mut next = self.changed();
        next.tables.insert(entity.clone(), table);
        self.catalogue = Arc::new(next);
        Ok(())
    }

    /// Returns a copy of the catalogue with the next generation.
    fn changed(&self) -> Catalogue {
        let mut next = (*self.catalogue).clone();
        next.generation = self.next_generation();
        next
    }

    /// Writes the catalogue's row of a table, brings its indexes after its state, and returns the table.
    pub(super) fn store(
        &self,
        number: i64,
        state: State,
        schema: &Arc<EntitySchema>,
        numbers: &BTreeMap<FieldName, i64>,
    ) -> Result<Table> {
        let payload = encode_entity(schema).map_err(|_| unreadable("an entity"))?;
        self.run(
            "INSERT INTO entity (number, name, state, payload) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (number) DO UPDATE SET state = excluded.state, payload = excluded.payload",
            (number, schema.name.as_str(), state.word(), &payload),
        )?;
        self.run("DELETE FROM field WHERE entity = ?1", [number])?;
        for (name, field) in numbers {
            self.run(
                "INSERT INTO field (entity, number, name) VALUES (?1, ?2, ?3)",
                (number, field, name.as_str()),
            )?;
        }
        let table = Table::new(number, state, Arc::clone(schema), numbers)?;
        self.index(&table)?;
        Ok(table)
    }

    /// Takes a table out of the schema. Returns it if it keeps rows of unsettled records.
    fn retire(&self, table: &Table) -> Result<Option<Table>> {
        self.drop_settled(table)?;
        let rows = self.number(&format!("SELECT count(*) FROM {}", table.name()))?;
        if rows > 0 {
            return self
                .store(table.number, State::Gone, &table.schema, &numbers(table))
                .map(Some);
        }
        self.alter_text(&format!("DROP TABLE {}", table.name()))?;
        self.run("DELETE FROM field WHERE entity = ?1", [table.number])?;
        self.run("DELETE FROM entity WHERE number = ?1", [table.number])?;
        Ok(None)
    }

    /// Removes the rows of records that have neither a pending operation nor an image.
    pub(super) fn drop_settled(&self, table: &Table) -> Result<()> {
        self.run(
            &format!(
                "DELETE FROM {} WHERE \"id\" NOT IN (SELECT record FROM entry WHERE entity = ?1 AND (pending = 1 OR image IS NOT NULL))",
                table.name()
            ),
            [table.schema.name.as_str()],
        )?;
        Ok(())
    }

    pub(super) fn number(&self, sql: &str) -> Result<i64> {
        self.connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(of_database)
    }

    pub(super) fn alter_text(&self, sql: &str) -> Result<()> {
        self.connection.execute(sql, []).map(|_| ()).map_err(of_database)
    }
}

fn numbers(table: &Table) -> BTreeMap<FieldName, i64> {
    let pair = |column: &Column| (column.name.clone(), column.number);
    table.fields.iter().map(pair).collect()
}
