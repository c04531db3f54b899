//! The statement being written: parameters, tables and joins.

use crate::name::{EntityName, FieldName};
use crate::query::{Collation, Step};
use crate::sql::dialect::{Dialect, quoted};
use crate::sql::names::{CompileError, Names, Statement};
use crate::sql::stored::Stored;

/// The most bytes of a statement.
const MAX_BYTES: usize = 1 << 20;
/// The most parameters of a statement, as SQLite allows.
const MAX_PARAMS: usize = 32_766;

/// Encloses the index of a parameter in text that is still being written.
const MARK: char = '\u{1}';

pub(super) struct Writer<'a> {
    pub(super) dialect: Dialect,
    pub(super) collation: Collation,
    names: &'a dyn Names,
    params: Vec<Stored<'static>>,
    scopes: Vec<Scope>,
    aliases: usize,
}

/// A table of the statement with the tables that its lookups lead to.
struct Scope {
    entity: EntityName,
    alias: String,
    joins: Vec<Join>,
}

struct Join {
    through: Vec<Step>,
    alias: String,
    sql: String,
}

impl<'a> Writer<'a> {
    pub(super) fn new(names: &'a dyn Names, dialect: Dialect, collation: Collation) -> Self {
        Self {
            dialect,
            collation,
            names,
            params: Vec::new(),
            scopes: Vec::new(),
            aliases: 0,
        }
    }

    /// Numbers the parameters that the text uses; some may belong to parts that were dropped.
    pub(super) fn finish(self, sql: &str) -> Result<Statement, CompileError> {
        let mut text = String::with_capacity(sql.len());
        let mut params = Vec::with_capacity(self.params.len());
        let mut values: Vec<_> = self.params.into_iter().map(Some).collect();
        let mut placeholders: Vec<String> = vec![String::new(); values.len()];
        for (place, piece) in sql.split(MARK).enumerate() {
            if place % 2 == 0 {
                text.push_str(piece);
                continue;
            }
            let index: usize = piece.parse().map_err(|_| CompileError::Control)?;
            if let Some(value) = values.get_mut(index).and_then(Option::take) {
                placeholders[index] = self.dialect.placeholder(params.len() + 1, &value);
                params.push(value);
            }
            text.push_str(placeholders.get(index).ok_or(CompileError::Control)?);
        }
        if params.len() > MAX_PARAMS {
            return Err(CompileError::TooLarge);
        }
        Ok(Statement {
            sql: within_limit(text)?,
            params,
        })
    }

    /// Adds a parameter and returns what stands for it until the statement is finished.
    pub(super) fn bind(&mut self, value: Stored<'static>) -> String {
        let mark = format!("{MARK}{}{MARK}", self.params.len());
        self.params.push(value);
        mark
    }

    /// Adds a text that may be compared with stored texts.
    pub(super) fn bind_text(&mut self, text: &str) -> Result<String, CompileError> {
        if text.contains('\0') {
            return Err(CompileError::Control);
        }
        Ok(self.bind(Stored::Text(text.to_owned().into())))
    }

    fn next_alias(&mut self) -> String {
        let alias = format!("t{}", self.aliases);
        self.aliases += 1;
        alias
    }

    /// Opens a scope: what follows is about records of an entity.
    pub(super) fn enter(&mut self, entity: &EntityName) {
        let alias = self.next_alias();
        self.scopes.push(Scope {
            entity: entity.clone(),
            alias,
            joins: Vec::new(),
        });
    }

    /// Closes the scope; returns its tables and the condition for its records to be visible.
    pub(super) fn leave(&mut self) -> Result<(String, Option<String>), CompileError> {
        let scope = self.scopes.pop().ok_or(CompileError::TooLarge)?;
        let mut from = format!("{} AS {}", self.table(&scope.entity)?, scope.alias);
        for join in scope.joins {
            from.push_str(&join.sql);
        }
        let restriction = self.restriction(&scope.entity, &scope.alias);
        Ok((from, restriction))
    }

    fn scope(&self, place: usize) -> Result<usize, CompileError> {
        let index = self.scopes.len().checked_sub(place + 1);
        Ok(index.ok_or(crate::query::QueryError::Scope)?)
    }

    /// Returns the table name of a scope, counted from the innermost.
    pub(super) fn alias(&self, place: usize) -> Result<&str, CompileError> {
        Ok(&self.scopes[self.scope(place)?].alias)
    }

    fn table(&self, entity: &EntityName) -> Result<String, CompileError> {
        let name = self.names.table(entity).ok_or_else(|| CompileError::NoTable {
            entity: entity.clone(),
        })?;
        Ok(quoted(&name))
    }

    fn restriction(&mut self, entity: &EntityName, alias: &str) -> Option<String> {
        let names = self.names;
        names.restriction(entity, alias, &mut |value| self.bind(value))
    }

    pub(super) fn column_name(&self, entity: &EntityName, field: &FieldName) -> Result<String, CompileError> {
        self.names
            .column(entity, field)
            .ok_or_else(|| CompileError::NoColumn {
                entity: entity.clone(),
                field: field.clone(),
            })
    }

    /// Returns the record id column of a scope.
    pub(super) fn id(&self, place: usize) -> Result<String, CompileError> {
        let scope = &self.scopes[self.scope(place)?];
        Ok(format!(
            "{}.{}",
            scope.alias,
            quoted(&self.names.id_column(&scope.entity))
        ))
    }

    /// Returns a column of a field of the scope's record, or of one that its lookups lead to.
    pub(super) fn column(
        &mut self,
        place: usize,
        through: &[Step],
        field: &FieldName,
        suffix: &str,
    ) -> Result<String, CompileError> {
        let index = self.scope(place)?;
        let entity = through
            .last()
            .map_or(&self.scopes[index].entity, |step| &step.target)
            .clone();
        let alias = self.joined(index, through)?;
        let column = self.column_name(&entity, field)?;
        Ok(format!("{alias}.{}", quoted(&format!("{column}{suffix}"))))
    }

    /// Returns the alias of the table that lookups lead to, joining it if it is not yet.
    fn joined(&mut self, index: usize, through: &[Step]) -> Result<String, CompileError> {
        let Some((last, before)) = through.split_last() else {
            return Ok(self.scopes[index].alias.clone());
        };
        if let Some(join) = self.scopes[index]
            .joins
            .iter()
            .find(|join| join.through == through)
        {
            return Ok(join.alias.clone());
        }
        let owner = before
            .last()
            .map_or(&self.scopes[index].entity, |step| &step.target)
            .clone();
        let from = self.joined(index, before)?;
        let lookup = quoted(&self.column_name(&owner, &last.field)?);
        let alias = self.next_alias();
        let id = quoted(&self.names.id_column(&last.target));
        let mut sql = format!(
            " LEFT JOIN {} AS {alias} ON {alias}.{id} = {from}.{lookup}",
            self.table(&last.target)?
        );
        if let Some(restriction) = self.restriction(&last.target, &alias) {
            sql.push_str(&format!(" AND ({restriction})"));
        }
        self.scopes[index].joins.push(Join {
            through: through.to_vec(),
            alias: alias.clone(),
            sql,
        });
        Ok(alias)
    }
}

/// Refuses text that has grown too long, such as by deep nesting of functions that name an argument twice.
pub(super) fn within_limit(sql: String) -> Result<String, CompileError> {
    if sql.len() > MAX_BYTES {
        return Err(CompileError::TooLarge);
    }
    Ok(sql)
}

/// Joins conditions as a balanced tree, as databases limit the depth of expressions.
pub(super) fn joined_conditions(mut conditions: Vec<String>, operator: &str) -> String {
    while conditions.len() > 1 {
        let mut pairs = Vec::with_capacity(conditions.len().div_ceil(2));
        let mut rest = conditions.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => format!("({left} {operator} {right})"),
                None => left,
            });
        }
        conditions = pairs;
    }
    conditions
        .pop()
        .unwrap_or_else(|| if operator == "AND" { "TRUE" } else { "FALSE" }.to_owned())
}
