//! The write door: what a commit does.

mod commit;
mod journal;
mod rows;
mod schema;
mod tables;

pub(crate) use commit::Commit;
pub(crate) use rows::Bind;
