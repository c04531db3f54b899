//! The commands, one file per group: what each takes, and what it does.

mod account;
mod events;
mod group;
mod hint;
mod log;
mod login;
mod outbox;
mod read;
mod repair;
mod run;
mod serve;
mod standing;
mod sync;
mod write;

pub(crate) use account::{Accounts, Logout, Settings};
pub(crate) use events::{Events, Watch};
pub(crate) use group::Group;
pub(crate) use log::{Log, Resolve};
pub(crate) use login::Login;
pub(crate) use outbox::{Outbox, Undo, Wait};
pub(crate) use read::{Get, List, Which};
pub(crate) use repair::Repair;
pub(crate) use run::Run;
pub(crate) use serve::Serve;
pub(crate) use standing::{Mode, Ready, Status, Why};
pub(crate) use sync::{Download, Sync};
pub(crate) use write::{Create, Delete, Update};
