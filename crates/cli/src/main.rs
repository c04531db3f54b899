//! The driftless command line: a device, the reference server and the demo.

mod account;
mod app;
mod commands;
mod context;
mod demo;
mod drive;
mod error;
mod home;
mod host;
mod input;
mod mail;
mod output;
mod progress;
mod wire;

fn main() -> std::process::ExitCode {
    app::run()
}
