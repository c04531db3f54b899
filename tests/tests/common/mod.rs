//! What the scenarios share: real processes (a device, our server, SAP CAP), a wire that breaks on command, and a
//! plain HTTP client to look at a service's data behind the device's back.

mod cap;
mod device;
mod fate;
mod http;
mod lasting;
mod message;
mod process;
mod proxy;
mod reference;
mod rule;

pub(crate) use cap::{Cap, MANAGER, SECOND, SELLER};
pub(crate) use device::{Device, Ended};
pub(crate) use fate::{Fate, Moment};
pub(crate) use http::{Service, client};
pub(crate) use lasting::{Lasting, PASSWORD};
pub(crate) use proxy::{FaultProxy, Route};
pub(crate) use reference::Reference;
pub(crate) use rule::{Fault, Rule};
