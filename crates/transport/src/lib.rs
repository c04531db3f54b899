#![doc = include_str!("../README.md")]

mod capabilities;
mod error;
mod port;
mod pull;
mod push;
mod token;

pub use capabilities::{Batch, Capabilities, ChangeDetection, CompareAndSet, Deletions, Idempotency};
pub use error::{Retry, TransportError};
pub use port::{Contact, Described, Transport};
pub use pull::{Checkpoint, Page, PullRequest, Removal, RemovalReason, SweepPage, SweepRequest};
pub use push::{PushItem, PushReply, PushResult};
pub use token::{Credentials, TokenStore, TokenStoreError};
