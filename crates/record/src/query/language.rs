//! Queries: which records, in which order, how many.

use serde::{Deserialize, Serialize};

use super::Expr;
use crate::name::{EntityName, FieldName};

/// How texts are compared and ordered. The interpreter and every SQL dialect take it as an argument and must agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collation {
    /// By code point: case and accents make a difference. The reference server's default.
    #[default]
    Binary,
    /// Like [`Collation::Binary`] after ASCII letters were made lower case.
    AsciiNoCase,
}

/// A query of one entity.
///
/// Nulls sort before everything else in ascending order. Comparisons with null follow OData: `eq` and `ne` know null
/// as a value, the other comparisons with null are false.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// The entity.
    pub entity: EntityName,
    /// Which records; `None` means all.
    pub filter: Option<Expr>,
    /// Words that must occur in the searchable fields, as a person typed them.
    pub search: Option<String>,
    /// The order; the key makes it total at the end.
    pub order: Vec<Order>,
    /// How many records to pass over.
    pub skip: u64,
    /// How many records at most; `None` means no limit.
    pub top: Option<u64>,
    /// The fields to return; empty means all.
    pub select: Vec<FieldName>,
}

impl Query {
    /// Makes a query for every record of an entity.
    #[must_use]
    pub fn all(entity: EntityName) -> Self {
        Self {
            entity,
            filter: None,
            search: None,
            order: Vec::new(),
            skip: 0,
            top: None,
            select: Vec::new(),
        }
    }

    /// Returns the query with another filter.
    #[must_use]
    pub fn filter(self, filter: Expr) -> Self {
        Self {
            filter: Some(filter),
            ..self
        }
    }

    /// Returns the query with a limit on the number of records.
    #[must_use]
    pub fn top(self, top: u64) -> Self {
        Self {
            top: Some(top),
            ..self
        }
    }
}

/// One criterion of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What to order by.
    pub by: Expr,
    /// Largest first.
    pub descending: bool,
}
