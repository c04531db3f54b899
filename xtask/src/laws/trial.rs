//! Trying mutants: each is built in a copy of the tree, and the law's test must fail there.

use super::mutant::Mutant;
use crate::run::{cargo, say};
use crate::workspace::{TextFile, Workspace};
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Tries mutants one after another, and tells whether all of them were caught.
pub(super) fn run<'a>(
    workspace: &Workspace,
    files: &[TextFile],
    mutants: impl Iterator<Item = &'a Mutant>,
) -> Result<bool> {
    let home = workspace.metadata.target_directory.as_std_path().join("laws");
    let place = Place {
        tree: home.join("tree"),
        target: home.join("target"),
    };
    let mutants: Vec<_> = mutants.collect();
    place.lay(files)?;
    // Before the first mutant is laid, so that the tree is built once for all of them.
    let mut passed = BTreeSet::new();
    for mutant in &mutants {
        ensure!(
            !passed.insert((&mutant.package, &mutant.test)) || place.test(mutant, &[])?,
            "{} fails without the mutant {}: mend that first",
            mutant.test,
            mutant.name
        );
    }
    let mut missed = Vec::new();
    for mutant in &mutants {
        place.lay(files)?;
        write(&place.tree.join(&mutant.file), &mutant.text(files)?)?;
        if !place.test(mutant, &["--no-run"])? {
            say(format_args!("MISSED  {} does not compile", mutant.name));
            missed.push(&mutant.name);
        } else if place.test(mutant, &[])? {
            say(format_args!("MISSED  {} by {}", mutant.name, mutant.test));
            missed.push(&mutant.name);
        } else {
            say(format_args!("caught  {} by {}", mutant.name, mutant.test));
        }
    }
    let tried = mutants.len();
    say(format_args!("{tried} mutants tried, {} missed", missed.len()));
    Ok(missed.is_empty())
}

/// A copy of the tree, with build output of its own.
struct Place {
    tree: PathBuf,
    target: PathBuf,
}

impl Place {
    /// Brings the copy to the state of the tree; files that are the same are not touched, so they are not built anew.
    fn lay(&self, files: &[TextFile]) -> Result<()> {
        for file in files {
            let path = self.tree.join(&file.path);
            if fs::read_to_string(&path).is_ok_and(|text| text == file.text) {
                continue;
            }
            write(&path, &file.text)?;
        }
        Ok(())
    }

    /// Runs the test of a mutant, and tells whether it ran and passed.
    fn test(&self, mutant: &Mutant, more: &[&str]) -> Result<bool> {
        let mut command: Command = cargo(&["test", "--quiet", "--tests", "--package", &mutant.package]);
        command
            .args(more)
            .arg(&mutant.test)
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .stdin(Stdio::null());
        let output = command.output().context("cargo does not start")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let ran = !more.is_empty() || text.lines().any(has_run);
        ensure!(ran, "no test of {} is named {}", mutant.package, mutant.test);
        Ok(output.status.success())
    }
}

/// Returns whether a line of the test runner's output says that at least one test ran.
fn has_run(line: &str) -> bool {
    line.strip_prefix("running ")
        .and_then(|rest| rest.split(' ').next())
        .is_some_and(|count| count != "0")
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_no_test_proves_nothing() {
        assert!(has_run("running 1 test"));
        assert!(!has_run("running 0 tests"));
        assert!(!has_run("test result: ok. 0 passed"));
    }
}
