//! From queries to statements.

mod compare;
mod condition;
mod function;
mod value;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::dialect::{Dialect, quoted};
use super::names::{CompileError, Names, Select, Statement};
use super::{Stored, columns};
use crate::name::FieldName;
use crate::query::{Checker, Collation, Query, Search, Type};
use crate::schema::{EntitySchema, Schema};
use crate::time::DateTime;
use writer::{Writer, joined_conditions};

/// Compiles queries for one database.
///
/// Every statement agrees with [`crate::query::eval::run`]; what SQL cannot compute exactly is an error, never another
/// answer. A comparison of a field with a value compiles to a plain comparison of its first column, so that an index on
/// that column (with the collation `NOCASE` for texts under [`Collation::AsciiNoCase`]) serves it.
#[derive(Clone, Copy)]
pub struct Compiler<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// Where entities and fields are.
    pub names: &'a dyn Names,
    /// The database's SQL.
    pub dialect: Dialect,
    /// How texts compare.
    pub collation: Collation,
    /// The time that `now()` stands for.
    pub now: DateTime,
}

impl<'a> Compiler<'a> {
    /// Compiles a query to a statement that returns its records in order: the columns `extra` of the entity's table
    /// (bare names), then the columns of the selected fields, or of all fields that have a column.
    ///
    /// # Errors
    /// [`CompileError`] if the query does not fit schema or database, or if SQL cannot answer it exactly.
    pub fn select(&self, query: &Query, extra: &[&str]) -> Result<Select, CompileError> {
        let entity = self.checker().entity(&query.entity)?;
        let fields = self.fields(query, &entity)?;
        let statement = self.rows(query, &entity, extra, &fields)?;
        Ok(Select { statement, fields })
    }

    /// Compiles a query to a statement that returns only some columns of the entity's table (bare names).
    ///
    /// # Errors
    /// As [`Compiler::select`].
    pub fn columns(&self, query: &Query, columns: &[&str]) -> Result<Statement, CompileError> {
        let entity = self.checker().entity(&query.entity)?;
        self.rows(query, &entity, columns, &[])
    }

    /// Compiles a query to a statement that returns the number of its records, without regard to skip and top.
    ///
    /// # Errors
    /// As [`Compiler::select`].
    pub fn count(&self, query: &Query) -> Result<Statement, CompileError> {
        let entity = self.checker().entity(&query.entity)?;
        let mut writer = self.writer(&entity);
        let from = self.tables(query, &entity, &mut writer)?;
        writer.finish(&format!("SELECT count(*) FROM {from}"))
    }

    /// Compiles a query to a statement that returns 1 if it has a record, else 0, without regard to skip and top.
    ///
    /// # Errors
    /// As [`Compiler::select`].
    pub fn exists(&self, query: &Query) -> Result<Statement, CompileError> {
        let entity = self.checker().entity(&query.entity)?;
        let mut writer = self.writer(&entity);
        let from = self.tables(query, &entity, &mut writer)?;
        let exists = self.dialect.bool_value(&format!("EXISTS (SELECT 1 FROM {from})"));
        writer.finish(&format!("SELECT {exists}"))
    }

    fn checker(&self) -> Checker<'a> {
        Checker {
            schema: self.schema,
            collation: self.collation,
            now: self.now,
        }
    }

    fn writer(&self, entity: &EntitySchema) -> Writer<'a> {
        let mut writer = Writer::new(self.names, self.dialect, self.collation);
        writer.enter(&entity.name);
        writer
    }

    fn fields(&self, query: &Query, entity: &EntitySchema) -> Result<Vec<FieldName>, CompileError> {
        if query.select.is_empty() {
            let stored = entity
                .fields
                .iter()
                .filter(|field| self.names.column(&entity.name, &field.name).is_some());
            return Ok(stored.map(|field| field.name.clone()).collect());
        }
        for field in &query.select {
            if entity.field(field).is_none() {
                return Err(crate::query::QueryError::NoField {
                    entity: entity.name.clone(),
                    field: field.clone(),
                }
                .into());
            }
        }
        Ok(query.select.clone())
    }

    fn rows(
        &self,
        query: &Query,
        entity: &Arc<EntitySchema>,
        extra: &[&str],
        fields: &[FieldName],
    ) -> Result<Statement, CompileError> {
        let mut writer = self.writer(entity);
        let alias = writer.alias(0)?.to_owned();
        let mut output: Vec<String> = extra
            .iter()
            .map(|name| format!("{alias}.{}", quoted(name)))
            .collect();
        for name in fields {
            let Some(field) = entity.field(name) else { continue };
            let column = writer.column_name(&entity.name, name)?;
            let parts = columns(&field.kind).iter();
            output
                .extend(parts.map(|part| format!("{alias}.{}", quoted(&format!("{column}{}", part.suffix)))));
        }
        if output.is_empty() {
            output.push("1".to_owned());
        }
        let mut order = Vec::with_capacity(query.order.len() + 1);
        for criterion in &query.order {
            let by = self.checker().criterion(&criterion.by, entity)?;
            if by.as_const().is_some() {
                continue;
            }
            let text = by.ty == Type::Text;
            let mut sql = writer.value(&by)?.sql;
            if text {
                sql = self.dialect.collated(&sql, self.collation);
            }
            let direction = if criterion.descending { " DESC" } else { "" };
            order.push(format!(
                "{sql}{direction}{}",
                self.dialect.nulls(criterion.descending)
            ));
        }
        order.push(format!("{alias}.{}", quoted(&self.names.id_column(&entity.name))));
        let from = self.tables(query, entity, &mut writer)?;
        let mut sql = format!(
            "SELECT {} FROM {from} ORDER BY {}",
            output.join(", "),
            order.join(", ")
        );
        let number = |v: u64| Stored::Int(i64::try_from(v).unwrap_or(i64::MAX));
        if query.top.is_some() || query.skip > 0 {
            let limit = match query.top {
                Some(top) => writer.bind(number(top)),
                None => self.dialect.no_limit().to_owned(),
            };
            sql.push_str(" LIMIT ");
            sql.push_str(&limit);
        }
        if query.skip > 0 {
            sql.push_str(" OFFSET ");
            sql.push_str(&writer.bind(number(query.skip)));
        }
        writer.finish(&sql)
    }

    /// Writes the tables and the condition of a query. Comes last, as joins are found while writing expressions.
    fn tables(
        &self,
        query: &Query,
        entity: &Arc<EntitySchema>,
        writer: &mut Writer<'a>,
    ) -> Result<String, CompileError> {
        let mut conditions = Vec::new();
        if let Some(filter) = &query.filter {
            let filter = self.checker().condition(filter, entity)?;
            conditions.push(writer.condition(&filter, false)?);
        }
        if let Some(search) = &query.search {
            self.search(&Search::new(search, entity), entity, writer, &mut conditions)?;
        }
        let (from, restriction) = writer.leave()?;
        conditions.extend(restriction);
        if conditions.is_empty() {
            return Ok(from);
        }
        Ok(format!("{from} WHERE {}", joined_conditions(conditions, "AND")))
    }

    fn search(
        &self,
        search: &Search,
        entity: &EntitySchema,
        writer: &mut Writer<'a>,
        conditions: &mut Vec<String>,
    ) -> Result<(), CompileError> {
        for word in search.words() {
            let word = writer.bind_text(word)?;
            let mut any = Vec::new();
            for field in search.fields() {
                let column = writer.column_name(&entity.name, field)?;
                let text = self
                    .dialect
                    .lower(&format!("{}.{}", writer.alias(0)?, quoted(&column)));
                any.push(format!("{} > 0", self.dialect.place(&text, &word)));
            }
            conditions.push(if any.is_empty() {
                "FALSE".to_owned()
            } else {
                joined_conditions(any, "OR")
            });
        }
        Ok(())
    }
}
