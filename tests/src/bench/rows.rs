//! The list of rows, in the order of the table.

use super::row::Row;
use super::{
    bare_commit, delta_sync, first_sync, offline_write, parse_insert, push, query, raw_insert, raw_parse,
    served_insert, served_upsert,
};

/// Every row that can be measured.
pub const ROWS: &[Row] = &[
    raw_parse::ROW,
    raw_insert::ROW,
    parse_insert::ROW,
    served_insert::ROW,
    first_sync::ROW,
    bare_commit::ROW,
    offline_write::ROW,
    push::FEWEST,
    push::REQUESTS,
    push::CONFIRMS,
    push::RATE,
    served_upsert::ROW,
    delta_sync::ROW,
    query::BARE,
    query::ROW,
];
