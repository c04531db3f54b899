//! Reading: records as the user sees them, and the journal.

mod journal;
mod row;
mod view;

pub(crate) use row::field_value;
