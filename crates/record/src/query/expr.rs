//! Expressions of a query.

use serde::{Deserialize, Serialize};

use super::Function;
use crate::name::{CollectionName, FieldName};
use crate::value::Value;

/// A field of the record in question or, through lookups, of one it points to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// How many lambdas to step out of: 0 is the record of the innermost one, or of the query outside any lambda.
    pub scope: u8,
    /// Lookup fields to follow, in order; each must have a single target.
    pub through: Vec<FieldName>,
    /// The field. Behind a lookup that is null, or whose target is not on the device, it is null; only the single key
    /// field of the last target is known from the lookup itself.
    pub field: FieldName,
}

/// An expression. Three-valued logic: a missing value is null, and a filter keeps a record only if it is true.
///
/// Numbers of different types compare by value: a whole number beside a decimal as decimal, any number beside a double
/// as the nearest double. A constant double beside a whole number or decimal counts as the decimal that people write
/// for it (0.1 is 0.1). Not-a-number equals itself and is larger than every other number. Date-times compare by
/// instant, lookups by target (beside a guid, number or text: by the target's id), choices by code.
///
/// At most [`MAX_DEPTH`](super::MAX_DEPTH) levels and [`MAX_PARTS`](super::MAX_PARTS) parts are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expr {
    /// A value.
    Literal(Value),
    /// A field.
    Field(Path),
    /// The opposite; null stays null.
    Not(Box<Self>),
    /// All are true. Empty is true.
    And(Vec<Self>),
    /// At least one is true. Empty is false.
    Or(Vec<Self>),
    /// A comparison.
    Compare(Comparison, Box<Self>, Box<Self>),
    /// The left value equals one of the others.
    In(Box<Self>, Vec<Self>),
    /// Arithmetic; null if a side is null, on division by zero, if the result is not-a-number, and if it is too large:
    /// whole numbers, times and decimals of a fixed scale are computed within 64 bits (outermost numbers excluded).
    Arithmetic(Arithmetic, Box<Self>, Box<Self>),
    /// The negative of a number or duration.
    Negate(Box<Self>),
    /// A function call; null if an argument is null.
    Call(Function, Vec<Self>),
    /// There is a child record for which the condition is true; without a condition, there is one at all.
    Any(Collected),
    /// The condition is true for every child record; null is not true.
    All(Collected),
}

/// A condition over a collection of child records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// How many lambdas to step out of to reach the record that has the collection.
    pub scope: u8,
    /// Lookup fields to follow from there, in order.
    pub through: Vec<FieldName>,
    /// The collection.
    pub collection: CollectionName,
    /// The condition; inside it, scope 0 is the child record.
    pub body: Option<Box<Expr>>,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Equal; null equals null.
    Eq,
    /// Not equal; a value differs from null.
    Ne,
    /// Greater than.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less than.
    Lt,
    /// Less or equal.
    Le,
    /// All the options on the right are among those on the left.
    Has,
}

/// An arithmetic operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arithmetic {
    /// Addition.
    Add,
    /// Subtraction.
    Sub,
    /// Multiplication.
    Mul,
    /// Division; of whole numbers: without the remainder.
    Div,
    /// Division with fraction; the result is a double.
    DivBy,
    /// The remainder, with the sign of the left side.
    Mod,
}

impl Expr {
    /// Makes a field of the record in question.
    #[must_use]
    pub fn field(field: FieldName) -> Self {
        Self::Field(Path {
            scope: 0,
            through: Vec::new(),
            field,
        })
    }

    /// Makes a comparison of a field with a value.
    #[must_use]
    pub fn compare(field: FieldName, comparison: Comparison, value: Value) -> Self {
        Self::Compare(
            comparison,
            Box::new(Self::field(field)),
            Box::new(Self::Literal(value)),
        )
    }

    /// Makes the conjunction of two filters, either of which may be absent.
    #[must_use]
    pub fn and(left: Option<Self>, right: Option<Self>) -> Option<Self> {
        match (left, right) {
            (Some(left), Some(right)) => Some(Self::And(vec![left, right])),
            (one, None) | (None, one) => one,
        }
    }
}
