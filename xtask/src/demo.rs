//! `cargo xtask demo`: builds the binary and runs the main job.

use crate::run::{cargo, say, succeeds};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use std::process::{Command, ExitCode};

/// Builds `driftless` and runs `driftless demo --headless` with the extra arguments.
///
/// Returns the exit code of the demo: 0 when devices and server agree.
///
/// # Errors
/// When cargo or the binary cannot be started.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    say("Building driftless (the first time takes some minutes) ...");
    if !succeeds(cargo(&["build", "--package", "driftless-cli"]).current_dir(&workspace.root))? {
        return Ok(ExitCode::FAILURE);
    }
    let binary = workspace.binary("debug", "driftless");
    let status = Command::new(&binary)
        .args(["demo", "--headless"])
        .args(arguments)
        .status()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}
