//! Queries: compiled to SQL, and interpreted where SQL cannot answer exactly.

use std::borrow::Cow;
use std::cell::RefCell;

use driftless_record::query::{Context, Lookups, eval};
use driftless_record::sql::{CompileError, Compiler, Dialect, Names, Statement, Stored};
use driftless_record::{
    Collation, DateTime, EntityName, FieldName, Query, Record, RecordId, Timestamp, Value,
};
use driftless_store::StoreError;
use rusqlite::params_from_iter;

use super::row::record;
use crate::catalogue::{Catalogue, State, Table};
use crate::error::{Result, of_database, unknown};
use crate::store::Reader;
use crate::write::Bind;

impl Names for Catalogue {
    fn table(&self, entity: &EntityName) -> Option<String> {
        Self::table(self, entity)
            .ok()
            .map(|table| format!("e{}", table.number))
    }

    fn id_column(&self, _: &EntityName) -> String {
        "id".to_owned()
    }

    fn column(&self, entity: &EntityName, field: &FieldName) -> Option<String> {
        let table = Self::table(self, entity).ok()?;
        table.column(field).map(|column| format!("c{}", column.number))
    }

    fn restriction(
        &self,
        entity: &EntityName,
        _alias: &str,
        _bind: &mut dyn FnMut(Stored<'static>) -> String,
    ) -> Option<String> {
        let loading = self
            .tables
            .get(entity)
            .is_some_and(|table| table.state == State::Loading);
        loading.then(|| "1 = 0".to_owned())
    }
}

impl Reader<'_> {
    /// Answers a query.
    pub(super) fn query(&self, query: &Query, now: Timestamp) -> Result<Vec<Record>> {
        let table = self.catalogue.table(&query.entity)?;
        let select = match self.compiler(now).select(query, &["id", "revision"]) {
            Ok(select) => select,
            Err(CompileError::Unsupported { .. } | CompileError::TooLarge) => {
                return self.interpret(query, now);
            }
            Err(error) => return Err(unfit(&error)),
        };
        let fields: Vec<_> = select
            .fields
            .iter()
            .filter_map(|name| table.column(name))
            .collect();
        self.rows(&select.statement, |row| {
            record(&query.entity, fields.iter().copied(), row)
        })
    }

    /// Counts the records of a query without its paging.
    pub(super) fn count(&self, query: &Query, now: Timestamp) -> Result<u64> {
        self.catalogue.table(&query.entity)?;
        let unpaged = Query {
            order: Vec::new(),
            skip: 0,
            top: None,
            ..query.clone()
        };
        match self.compiler(now).count(&unpaged) {
            Ok(statement) => {
                let count = self.rows(&statement, |row| row.get::<_, i64>(0).map_err(of_database))?;
                Ok(count.first().map_or(0, |count| count.cast_unsigned()))
            }
            Err(CompileError::Unsupported { .. } | CompileError::TooLarge) => {
                Ok(self.interpret(&unpaged, now)?.len() as u64)
            }
            Err(error) => Err(unfit(&error)),
        }
    }

    fn compiler(&self, now: Timestamp) -> Compiler<'_> {
        Compiler {
            schema: &self.catalogue.schema,
            names: &*self.catalogue,
            dialect: Dialect::Sqlite,
            collation: Collation::Binary,
            now: DateTime::from_timestamp(now),
        }
    }

    fn rows<T>(
        &self,
        statement: &Statement,
        read: impl Fn(&rusqlite::Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut prepared = self
            .connection
            .prepare_cached(&statement.sql)
            .map_err(of_database)?;
        let params = statement.params.iter().map(|param| Bind(param.as_ref()));
        let mut rows = prepared.query(params_from_iter(params)).map_err(of_database)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(of_database)? {
            found.push(read(row)?);
        }
        Ok(found)
    }

    /// Answers a query that SQL cannot answer exactly, from every record of the entity.
    fn interpret(&self, query: &Query, now: Timestamp) -> Result<Vec<Record>> {
        let lookups = Around {
            reader: self,
            failed: RefCell::new(None),
        };
        let context = Context {
            schema: &self.catalogue.schema,
            collation: Collation::Binary,
            now: DateTime::from_timestamp(now),
            lookups: &lookups,
        };
        let records = self.records(&query.entity, None)?;
        let found = eval::run(query, records, &context).map_err(|error| StoreError::Unfit(error.to_string()));
        match lookups.failed.into_inner() {
            Some(error) => Err(error),
            None => found,
        }
    }

    /// Returns the visible records of an entity, or those with a value in a column.
    fn records(&self, entity: &EntityName, only: Option<(&str, &RecordId)>) -> Result<Vec<Record>> {
        let table = self.catalogue.table(entity)?;
        if table.state == State::Loading {
            return Ok(Vec::new());
        }
        let mut sql = table.select_all.clone();
        if let Some((condition, _)) = only {
            sql.push_str(condition);
        }
        let params = only.map(|(_, id)| Stored::Text(Cow::Owned(id.as_str().to_owned())));
        let statement = Statement {
            sql,
            params: params.into_iter().collect(),
        };
        self.rows(&statement, |row| record(entity, table.by_name(), row))
    }

    fn children(&self, child: &EntityName, via: &FieldName, parent: &RecordId) -> Result<Vec<Record>> {
        let table: &Table = self.catalogue.table(child)?;
        let column = table.column(via).ok_or_else(|| unknown(child))?;
        self.records(
            child,
            Some((&format!(" WHERE \"c{}\" = ?1", column.number), parent)),
        )
    }
}

fn unfit(error: &CompileError) -> StoreError {
    StoreError::Unfit(error.to_string())
}

/// The records around the one in question, as the interpreter asks for them. The first failure is kept.
struct Around<'a> {
    reader: &'a Reader<'a>,
    failed: RefCell<Option<StoreError>>,
}

impl Around<'_> {
    fn or_keep<T: Default>(&self, result: Result<T>) -> T {
        result.unwrap_or_else(|error| {
            self.failed.borrow_mut().get_or_insert(error);
            T::default()
        })
    }
}

impl Lookups for Around<'_> {
    fn record(&self, entity: &EntityName, id: &RecordId) -> Option<Cow<'_, Record>> {
        let found = self.reader.records(entity, Some((" WHERE \"id\" = ?1", id)));
        self.or_keep(found).pop().map(Cow::Owned)
    }

    fn children(
        &self,
        child: &EntityName,
        via: &FieldName,
        parent: (&EntityName, &RecordId),
    ) -> Vec<Cow<'_, Record>> {
        let found = self.reader.children(child, via, parent.1);
        let mut found = self.or_keep(found);
        found.retain(
            |record| matches!(record.value(via), Value::Lookup(lookup) if lookup.entity == *parent.0),
        );
        found.into_iter().map(Cow::Owned).collect()
    }
}
