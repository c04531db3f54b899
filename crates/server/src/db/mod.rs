//! The database: typed tables of the schema, the change feed, kept replies, credentials.

pub(crate) mod feed;
pub(crate) mod load;
pub(crate) mod open;
pub(crate) mod pool;
pub(crate) mod repeat;
pub(crate) mod rights;
pub(crate) mod row;
pub(crate) mod state;
pub(crate) mod table;
mod unique;
pub(crate) mod write;
