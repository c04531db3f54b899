//! Between OData's query options and the one query language: names and literals are typed by the schema.

mod error;
mod literal;
mod lower;
mod names;
mod options;
mod path;
mod raise;

pub use error::QueryTextError;
pub use lower::{lower, parse_filter};
pub use names::Names;
pub use options::{Expand, Expanded, QueryOptions, Treatment, lower_options, read_options};
pub use raise::{raise, raise_query};

#[cfg(test)]
mod tests;
