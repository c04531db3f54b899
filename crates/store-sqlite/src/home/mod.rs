//! Homes: one installation on a device, with an account for everyone who signed in.
//!
//! ```text
//! device.db                     device id, install id, accounts
//! home.place                    which file device.db is, so that a copy is told from the original
//! accounts/<id>/store.db        records and journal
//! accounts/<id>/files/          bytes of files
//! accounts/<id>/account.txt     whose it is, for people
//! accounts/<id>/had-store       says that store.db must be there; names the place in the vault while it is set aside
//! accounts/<id>.lock            held by the process that drives the account
//! accounts/<id>.fresh/          the next folder of an account whose data are being set aside
//! accounts/removed-<id>/        given up, to be deleted
//! vault/<id>/                   accounts that were removed with unsent operations
//! vault/damaged-<id>/           data that were set aside, with the operations that could be read
//! ```

mod account;
mod aside;
mod error;
mod files;
mod installation;
mod place;
mod reclaim;
mod remove;
mod stretch;

pub use account::{Account, DriveGuard, Identity};
pub use aside::SetAside;
pub use error::HomeError;
pub use files::{Files, WrittenFile};
pub use installation::Home;
pub use remove::{Removed, Unsent};
