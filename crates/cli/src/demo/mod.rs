//! The main job in one command: two devices, one server, no network in between, and the proof that nothing was lost.

mod crm;
mod device;
mod made;
mod plain;
mod proof;
mod report;
mod run;
mod server;
mod story;
mod teller;
mod tour;
mod witness;

pub(crate) use run::{DemoArgs, run};
