//! Scenarios across crates: real processes, real wires. Every file of this folder is a module here.

#[cfg(test)]
#[path = "../common/mod.rs"]
mod common;

#[cfg(test)]
mod cap_service;
#[cfg(test)]
mod fault_proxy;
#[cfg(test)]
mod no_file_forgotten;
