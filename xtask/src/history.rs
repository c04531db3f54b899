//! `cargo xtask history`: a run of real processes whose recorded history is checked, or a history from a file.

use crate::run::{cargo, say, succeeds};
use crate::workspace::Workspace;
use anyhow::{Result, ensure};
use std::path::PathBuf;

/// The test that is the run.
const TEST: &str = "history::l09_a_recorded_history_of_real_processes_has_nothing_lost_repeated_or_reordered";

/// Which run.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How much each device does in a run.
    #[arg(long, default_value_t = 60)]
    rounds: u64,
    /// The seed of the first run's choices; any, if it is left out. The machine's timing is not repeated.
    #[arg(long)]
    seed: Option<u64>,
    /// Begin another run, with the next seed, until so many minutes have passed.
    #[arg(long, default_value_t = 0)]
    minutes: u64,
    /// Where the history of the last run is written; `history.jsonl` beside the build output, if it is left out.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Run nothing: check a history that was recorded before, or by another program.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rounds", "seed", "minutes", "file"])]
    check: Option<PathBuf>,
}

/// Runs devices, server and what is between them, with kills and cuts, and tells whether the recorded history has nothing
/// lost, repeated or reordered. A line that begins with `history:` sums up; what is wrong is told as stories.
///
/// # Errors
/// When cargo cannot be started, or what it needs does not build.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    if let Some(file) = &options.check {
        let file = std::path::absolute(file)?;
        let mut check = cargo(&[
            "run",
            "--quiet",
            "--package",
            "driftless-testkit",
            "--example",
            "check_history",
        ]);
        return succeeds(check.arg("--").arg(file).current_dir(&workspace.root));
    }
    let build = ["build", "--package", "driftless-cli"];
    ensure!(
        succeeds(cargo(&build).current_dir(&workspace.root))?,
        "the binary under test does not build"
    );
    let beside = || {
        workspace
            .metadata
            .target_directory
            .as_std_path()
            .join("history.jsonl")
    };
    let file = std::path::absolute(options.file.clone().unwrap_or_else(beside))?;
    let test = [
        "test",
        "--quiet",
        "--package",
        "driftless-tests",
        "--test",
        "scenarios",
        "--",
    ];
    let mut command = cargo(&test);
    command
        .args([TEST, "--exact", "--nocapture"])
        .current_dir(&workspace.root)
        .env("DRIFTLESS_BIN", workspace.binary("debug", "driftless"))
        .env("DRIFTLESS_WORKSPACE_ROOT", &workspace.root)
        .env("DRIFTLESS_HISTORY_ROUNDS", options.rounds.to_string())
        .env("DRIFTLESS_HISTORY_MINUTES", options.minutes.to_string())
        .env("DRIFTLESS_HISTORY_FILE", &file)
        .envs(
            options
                .seed
                .map(|seed| ("DRIFTLESS_HISTORY_SEED", seed.to_string())),
        );
    let passed = succeeds(&mut command)?;
    say(format_args!("the history is in {}", file.display()));
    Ok(passed)
}
