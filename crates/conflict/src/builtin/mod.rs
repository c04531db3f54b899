//! The policies that come with driftless.

mod merge;
mod order;
mod rules;
mod sides;

pub use merge::FieldMerge;
pub use order::ExecutionOrder;
pub use rules::ByRules;
pub use sides::{Ask, ClientWins, ServerWins};

#[cfg(test)]
mod tests;
