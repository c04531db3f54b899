//! Reading: records as the user sees them, and the journal.

mod journal;
mod query;
mod row;
mod view;

pub(crate) use journal::COUNT_PENDING;
pub(crate) use row::field_value;
