//! `cargo xtask sim`: simulated worlds, one a seed, over the real engine.

use crate::run::{cargo, succeeds};
use crate::workspace::Workspace;
use anyhow::{Result, ensure};
use std::process::Command;

/// Which worlds to run.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    start: u64,
    /// Over which store.
    #[arg(long, value_enum, default_value_t = Store::Memory)]
    store: Store,
}

/// A store that devices can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Store {
    /// In memory.
    Memory,
    /// On disk.
    Sqlite,
}

/// Builds the simulator, runs the seeds and tells whether every world kept every law. The last line that is printed
/// says how many seeds ran, how many violations there were and how many device-hours were simulated.
///
/// # Errors
/// When the simulator does not build or cannot be started.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    ensure!(options.seeds > 0, "--seeds must be at least 1");
    let build = [
        "build",
        "--release",
        "--package",
        "driftless-tests",
        "--bin",
        "driftless-sim",
    ];
    ensure!(
        succeeds(cargo(&build).current_dir(&workspace.root))?,
        "the simulator does not build"
    );
    let mut command = Command::new(workspace.binary("release", "driftless-sim"));
    let store = match options.store {
        Store::Memory => "memory",
        Store::Sqlite => "sqlite",
    };
    command.args([&options.start.to_string(), &options.seeds.to_string(), store]);
    succeeds(&mut command)
}
