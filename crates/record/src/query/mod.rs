//! The one query language: a small tree that is compiled to SQL, written as OData, or interpreted in memory.

mod check;
mod compute;
mod error;
pub mod eval;
mod expr;
mod function;
mod language;
mod typed;

pub(crate) use check::Checker;
pub(crate) use compute::{FIRST_DAY, LAST_DAY, LEAST_DATE, TICKS_PER_DAY, TICKS_PER_MINUTE};
pub use error::{MAX_DEPTH, MAX_PARTS, QueryError};
pub use eval::{Context, Filter, Lookups, NoLookups, Search};
pub use expr::{Arithmetic, Collected, Comparison, Expr, Path};
pub use function::Function;
pub use language::{Collation, Order, Query};
pub(crate) use typed::{Children, FieldRef, KeyRef, Node, Step, Type, Typed};
