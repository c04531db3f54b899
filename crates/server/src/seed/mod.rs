//! A data set as a field team would have it: deterministic, related, of any size. The same size gives the same bytes.

mod activities;
mod companies;
mod directory;
mod generate;
mod people;
mod plan;
mod rng;
mod row;
mod sales;
mod service;
mod topics;
mod words;

pub use generate::generate;
pub use row::SeedRow;

#[cfg(test)]
mod tests;
