//! What the compiler is told, and what it hands back.

use super::Stored;
use crate::name::{EntityName, FieldName};
use crate::query::QueryError;

/// Where entities and fields are in a database. Names are handed out bare; the compiler quotes them.
pub trait Names {
    /// Returns the table or view that holds the records of an entity as they are to be seen.
    fn table(&self, entity: &EntityName) -> Option<String>;

    /// Returns the column that holds the canonical text of record ids; it should be unique.
    fn id_column(&self, entity: &EntityName) -> String;

    /// Returns the first column of a field; the others are named by appending the suffixes of
    /// [`columns`](super::columns).
    fn column(&self, entity: &EntityName, field: &FieldName) -> Option<String>;

    /// Returns a condition that each record must meet to be visible at all, such as the rights of a user.
    ///
    /// `alias` is the quoted name of the table in the statement; `bind` adds a parameter and returns what stands for it in the text.
    fn restriction(
        &self,
        entity: &EntityName,
        alias: &str,
        bind: &mut dyn FnMut(Stored<'static>) -> String,
    ) -> Option<String> {
        let _ = (entity, alias, bind);
        None
    }
}

/// A statement with its parameters in the order of their numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The text; parameters are numbered from 1 and may occur several times.
    pub sql: String,
    /// The parameters.
    pub params: Vec<Stored<'static>>,
}

/// A statement that returns records.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    /// The statement. Its columns are the extra ones asked for, then the columns of each field.
    pub statement: Statement,
    /// The fields that it returns, in order; each takes as many columns as its kind has.
    pub fields: Vec<FieldName>,
}

/// Says why a query has no SQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The query does not fit the schema.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The database has no table for an entity.
    #[error("there is no table for `{entity}`")]
    NoTable {
        /// The entity.
        entity: EntityName,
    },
    /// The database has no column for a field.
    #[error("there is no column for `{field}` of `{entity}`")]
    NoColumn {
        /// The entity.
        entity: EntityName,
        /// The field.
        field: FieldName,
    },
    /// SQL cannot compute this exactly; interpret the query instead.
    #[error("SQL cannot compute `{operation}` on {operands} exactly")]
    Unsupported {
        /// The operator or function.
        operation: &'static str,
        /// What it was to be applied to.
        operands: &'static str,
    },
    /// A text in the query has a character that no stored text has (U+0000).
    #[error("a text in the query has a control character that cannot be stored")]
    Control,
    /// The statement would be too long or have too many parameters.
    #[error("the query is too large for one statement; split it")]
    TooLarge,
}
