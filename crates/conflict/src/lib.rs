#![doc = include_str!("../README.md")]

mod builtin;
mod case;
mod merge;
mod policy;
mod resolution;

pub use builtin::{Ask, ByRules, ClientWins, ExecutionOrder, FieldMerge, ServerWins};
pub use case::{CaseKind, ConflictCase, Later};
pub use merge::{MergedEdits, conflicting_fields};
pub use policy::{ConflictPolicy, resolve_guarded};
pub use resolution::{Pick, Resolution};
