//! The OData 4.01 grammar: text to syntax tree and back, before any schema is known.
//!
//! Every reader takes the [`Form`] of its text, checks limits ([`MAX_DEPTH`], [`MAX_NODES`]) and fails on anything left
//! over. Syntax trees print themselves as plain text (`Display`); [`to_query`] and [`to_segment`] encode it for URLs.

pub mod conformance;
mod cursor;
mod error;
mod expr;
mod header;
mod json;
mod literal;
mod options;
mod parse;
mod path;
mod print;
mod search;
mod tree;

pub(crate) use literal::base64url;

pub use cursor::{Form, MAX_DEPTH, MAX_NODES};
pub use error::{SyntaxError, SyntaxErrorKind};
pub use parse::{
    parse_expr, parse_key, parse_literal, parse_option, parse_option_value, parse_options, parse_search,
};
pub use print::{to_query, to_query_string, to_segment};
pub use tree::{
    Arguments, Calculation, Comparison, ExpandItem, ExpandTarget, Expr, KeyPredicate, KeyValue, Lambda,
    Literal, Method, OrderItem, Path, QueryOption, Search, Segment, SelectItem, Start, Step,
};

#[cfg(test)]
mod tests;
