#![doc = include_str!("../README.md")]

mod backoff;
mod confirm;
mod depend;
mod edit;
mod engine;
mod error;
mod fold;
mod ground;
mod host;
mod journal;
mod names;
mod notes;
mod outbox;
mod plan;
mod preview;
mod progress;
mod rebase;
mod report;
mod resolve;
mod status;
mod sync;
mod validate;
mod worker;

pub use edit::Written;
pub use engine::{Engine, Parts};
pub use error::{EngineError, FieldProblem};
pub use host::{Account, Clock, Host, Random};
pub use names::closest;
pub use outbox::{OutboxItem, Outcome};
pub use preview::Preview;
pub use progress::{NoProgress, Progress, ProgressSink, Stage};
pub use report::{EntityReport, SyncReport};
pub use resolve::{Decision, Touched};
pub use status::{EntityStatus, Status};
pub use sync::{SyncOptions, What};
