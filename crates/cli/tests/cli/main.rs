//! The command line as other programs rely on it: exit codes, JSON shapes, messages. Real processes, the real server.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod clash;
mod commands;
mod conflicts;
mod device;
mod groups;
mod help;
mod misuse;
mod offline;
mod partial;
mod refused;
mod repair;
mod serve;
mod shapes;
mod work;
