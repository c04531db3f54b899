//! What every suite here needs: the seed, and a look at a whole database.

mod dump;
mod seed;

pub(crate) use dump::dump;
pub(crate) use seed::{mix, rounds, seed};
