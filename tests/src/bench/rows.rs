//! The list of rows, in the order of the table.

use super::row::Row;
use super::{bare_commit, parse_insert, raw_insert, raw_parse};

/// Every row that can be measured.
pub const ROWS: &[Row] = &[
    raw_parse::ROW,
    raw_insert::ROW,
    parse_insert::ROW,
    bare_commit::ROW,
];
