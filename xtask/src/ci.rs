//! `cargo xtask ci`: what must be green before a change is merged, the same on a laptop and in CI.

use crate::run::{Steps, cargo, say};
use crate::sim;
use crate::suites::{self, Missing};
use crate::tidy;
use crate::workspace::Workspace;
use anyhow::Result;

/// How much of CI to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// What needs no test to run.
    Static,
    /// Everything.
    All,
}

/// Runs CI and tells whether it passed.
///
/// # Errors
/// When a program cannot be started.
pub fn run(workspace: &Workspace, parts: Parts) -> Result<bool> {
    let mut steps = Steps::default();
    static_parts(workspace, &mut steps)?;
    match parts {
        Parts::Static => Ok(steps.finish()),
        Parts::All => {
            let skipped = suites::run_into(workspace, Missing::Fails, &mut steps)?;
            steps.step("simulated worlds", || sim::run(workspace, &sim::Options::of_ci()))?;
            Ok(suites::conclude(&steps, &skipped, Missing::Fails))
        }
    }
}

fn static_parts(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    let at_root = |arguments: &[&str]| {
        let mut command = cargo(arguments);
        command.current_dir(&workspace.root);
        command
    };
    steps.command("format", &mut at_root(&["fmt", "--all", "--check"]))?;
    steps.step("tidy", || Ok(tidy::run(workspace)))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    steps.command("clippy", &mut at_root(&clippy))?;
    for package in workspace.members() {
        for feature in package.features.keys() {
            let name = format!("{} with only `{feature}`", package.name);
            let alone = [
                "check",
                "--package",
                package.name.as_str(),
                "--no-default-features",
                "--features",
                feature,
            ];
            steps.command(&name, &mut at_root(&alone))?;
        }
        if package.features.keys().any(|feature| feature == "default") {
            let bare = [
                "check",
                "--package",
                package.name.as_str(),
                "--no-default-features",
            ];
            steps.command(&format!("{} without features", package.name), &mut at_root(&bare))?;
        }
    }
    let mut docs = at_root(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
    steps.command("docs", docs.env("RUSTDOCFLAGS", "-D warnings"))?;
    steps.command(
        "licences, bans, sources",
        &mut at_root(&[
            "deny",
            "check",
            "--hide-inclusion-graph",
            "bans",
            "licenses",
            "sources",
        ]),
    )?;
    steps.advisory(
        "advisories",
        &mut at_root(&["deny", "check", "--hide-inclusion-graph", "advisories"]),
    )?;
    say(
        "\nNot checked here: foreign types in public signatures (the tool for it needs a nightly toolchain).",
    );
    Ok(())
}
