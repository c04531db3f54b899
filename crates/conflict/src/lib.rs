#![doc = include_str!("../README.md")]

mod builtin;
mod case;
mod merge;
mod policy;

pub use builtin::{Ask, ByRules, ClientWins, ExecutionOrder, ServerWins};
pub use case::{CaseKind, ConflictCase, Later};
pub use merge::{MergedEdits, conflicting_fields};
pub use policy::{ConflictPolicy, Resolution, resolve_guarded};
