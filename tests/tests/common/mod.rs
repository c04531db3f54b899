//! What the scenarios share: a real SAP CAP process, a wire that breaks on command, and a
//! plain HTTP client to look at a service's data behind the device's back.

mod cap;
mod http;
mod message;
mod process;
mod proxy;
mod rule;

pub(crate) use cap::{Cap, MANAGER, SELLER};
pub(crate) use http::{Service, client};
pub(crate) use proxy::FaultProxy;
pub(crate) use rule::{Fault, Rule};
