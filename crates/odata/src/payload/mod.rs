//! JSON bodies: pages, deltas, single records and changes, typed by the schema while they are read.
//!
//! Readers never build an untyped tree. They accept control information with and without the `odata.` prefix, whole
//! numbers and decimals as numbers or strings (`IEEE754Compatible`), and refuse duplicate names.

mod commands;
mod error;
mod layout;
mod links;
mod read;
mod row;
mod seeds;
mod time;
mod value;
mod write;

pub(crate) use value::decimal as exact_decimal;

pub use commands::Results;
pub use error::PayloadError;
pub use layout::{Layout, Limits, Unknown};
pub use links::{key_id, link_id, record_link};
pub use read::{Body, Page, Removed, RemovedReason, read_body, read_page, read_record};
pub use write::{
    BodyOptions, DeltaForm, LookupForm, Numbers, Own, PageWriter, write_body, write_record, write_value,
};

#[cfg(test)]
mod tests;
