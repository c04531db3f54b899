//! Homes: one installation on a device, with an account for everyone who signed in.
//!
//! ```text
//! device.db                     device id, install id, accounts
//! accounts/<id>/store.db        records and journal
//! accounts/<id>/files/          bytes of files
//! accounts/<id>/account.txt     whose it is, for people
//! accounts/<id>/drive.lock      held by the process that drives the account
//! vault/<id>/                   accounts that were set aside with unsent operations
//! ```

mod account;
mod error;
mod files;
mod installation;
mod remove;

pub use account::{Account, DriveGuard, Identity};
pub use error::HomeError;
pub use files::{Files, WrittenFile};
pub use installation::Home;
pub use remove::{Removed, Unsent};
