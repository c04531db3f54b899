//! Pulls: by delta links, else by modification date, else everything by key.

mod delta;
mod keyset;
mod page;
mod start;
