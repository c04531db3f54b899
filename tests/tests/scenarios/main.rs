//! Scenarios across crates: real processes, real wires. Every file of this folder is a module here.

#[cfg(test)]
#[path = "../common/mod.rs"]
mod common;

#[cfg(test)]
mod cap_conflicts;
#[cfg(test)]
mod cap_faults;
#[cfg(test)]
mod cap_offline;
#[cfg(test)]
mod cap_service;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod fault_proxy;
#[cfg(test)]
mod history;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod newer_home;
#[cfg(test)]
mod no_file_forgotten;
#[cfg(test)]
mod reference_server;
