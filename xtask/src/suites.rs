//! `cargo xtask test`: every suite that this machine can run, and a list of those it cannot.

use crate::machine::{self, Lack};
use crate::run::{Steps, cargo, say};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What a missing tool means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The suite that needs it is left out, and said so at the end.
    Skips,
    /// The run fails.
    Fails,
}

impl Missing {
    /// [`Missing::Fails`] when everything is asked for.
    pub fn fails_if(all: bool) -> Self {
        if all { Self::Fails } else { Self::Skips }
    }
}

/// Runs the suites and tells whether all of them passed.
///
/// Tests learn what they need from the environment: `DRIFTLESS_BIN` (the binary under test),
/// `DRIFTLESS_WORKSPACE_ROOT`, `DRIFTLESS_SKIPPED` (a file; a test that must skip appends
/// `suite<TAB>missing<TAB>remedy`), and `DRIFTLESS_REQUIRE_ALL=1`, which makes skipping a failure.
///
/// # Errors
/// When cargo cannot be started or the list of skipped suites cannot be kept.
pub fn run(workspace: &Workspace, missing: Missing) -> Result<bool> {
    let mut steps = Steps::default();
    let skipped = run_into(workspace, missing, &mut steps)?;
    Ok(conclude(&steps, &skipped, missing))
}

/// Runs the suites as steps of a longer run; returns what was skipped.
///
/// # Errors
/// As [`run`].
pub fn run_into(workspace: &Workspace, missing: Missing, steps: &mut Steps) -> Result<Vec<Lack>> {
    let mut lacks = machine::lacks(&workspace.root);
    let told = workspace
        .metadata
        .target_directory
        .as_std_path()
        .join("skipped-suites.txt");
    fs::create_dir_all(&workspace.metadata.target_directory)?;
    fs::write(&told, "").with_context(|| format!("cannot write {}", told.display()))?;
    let env = |mut command: Command| {
        command
            .current_dir(&workspace.root)
            .env("DRIFTLESS_BIN", workspace.binary("debug", "driftless"))
            .env("DRIFTLESS_WORKSPACE_ROOT", &workspace.root)
            .env("DRIFTLESS_SKIPPED", &told);
        if missing == Missing::Fails {
            command.env("DRIFTLESS_REQUIRE_ALL", "1");
        }
        command
    };

    // All targets at once, so that the binary and the tests share one set of features and one build.
    steps.command(
        "build",
        &mut env(cargo(&["build", "--workspace", "--all-targets"])),
    )?;
    if uses_nextest() {
        steps.command(
            "tests",
            &mut env(cargo(&["nextest", "run", "--workspace", "--no-fail-fast"])),
        )?;
    } else {
        let tests = ["test", "--workspace", "--all-targets", "--no-fail-fast"];
        steps.command("tests", &mut env(cargo(&tests)))?;
    }
    steps.command(
        "doctests",
        &mut env(cargo(&["test", "--workspace", "--doc", "--no-fail-fast"])),
    )?;
    for example in examples(workspace, "driftless-conflict") {
        let run = [
            "run",
            "--quiet",
            "--package",
            "driftless-conflict",
            "--example",
            &example,
        ];
        steps.command(&format!("example {example}"), &mut env(cargo(&run)))?;
    }
    if has_feature(workspace, "driftless-store-sqlite", "encryption") {
        if !lacks.iter().any(|lack| lack.suite.starts_with("encrypted")) {
            let encrypted = [
                "test",
                "--package",
                "driftless-store-sqlite",
                "--package",
                "driftless-fault-vfs",
                "--features",
                "driftless-store-sqlite/encryption,driftless-fault-vfs/encryption",
            ];
            steps.command("encrypted SQLite store", &mut env(cargo(&encrypted)))?;
        }
    } else {
        lacks.retain(|lack| !lack.suite.starts_with("encrypted"));
    }
    lacks.extend(told_by_tests(&told, &lacks)?);
    Ok(lacks)
}

/// Prints the steps and what was skipped; tells whether the run passed.
pub fn conclude(steps: &Steps, skipped: &[Lack], missing: Missing) -> bool {
    let passed = steps.finish();
    if skipped.is_empty() {
        say("\nNothing was skipped.");
        return passed;
    }
    say(format_args!(
        "\nSkipped, because this machine lacks something ({}):",
        skipped.len()
    ));
    for lack in skipped {
        say(format_args!(
            "  {}: missing {}\n      to get it: {}",
            lack.suite, lack.missing, lack.remedy
        ));
    }
    if missing == Missing::Fails {
        say("Failed: with --all nothing may be skipped.");
    }
    passed && missing == Missing::Skips
}

/// nextest is faster; in CI its output would hide the `test result` lines that people look for.
fn uses_nextest() -> bool {
    std::env::var_os("CI").is_none() && machine::has("cargo-nextest", "--version")
}

fn has_feature(workspace: &Workspace, package: &str, feature: &str) -> bool {
    workspace
        .members()
        .iter()
        .any(|member| member.name.as_str() == package && member.features.contains_key(feature))
}

/// Returns the names of a package's examples.
fn examples(workspace: &Workspace, package: &str) -> Vec<String> {
    let members = workspace.members();
    let targets = members
        .iter()
        .filter(|member| member.name.as_str() == package)
        .flat_map(|member| &member.targets);
    targets
        .filter(|target| target.is_example())
        .map(|target| target.name.clone())
        .collect()
}

/// What tests wrote about themselves, without what was known before.
fn told_by_tests(file: &Path, known: &[Lack]) -> Result<Vec<Lack>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut told: Vec<Lack> = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, '\t').map(str::to_owned);
        if let (Some(suite), Some(missing), Some(remedy)) = (parts.next(), parts.next(), parts.next()) {
            let lack = Lack {
                suite,
                missing,
                remedy,
            };
            if !known.iter().chain(&told).any(|other| other.suite == lack.suite) {
                told.push(lack);
            }
        }
    }
    Ok(told)
}
