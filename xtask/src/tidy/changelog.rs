//! Changelogs: one per crate, touched when its source is.

use super::finding::Findings;
use crate::workspace::{TextFile, Workspace};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

pub(super) fn check(workspace: &Workspace, files: &[TextFile], findings: &mut Findings) {
    for package in workspace.members() {
        let manifest = workspace.relative(package.manifest_path.as_std_path());
        let Some(folder) = manifest
            .strip_suffix("/Cargo.toml")
            .filter(|folder| folder.starts_with("crates/"))
        else {
            continue;
        };
        let changelog = format!("{folder}/CHANGELOG.md");
        if !files.iter().any(|file| file.path == changelog) {
            findings.fail(
                &changelog,
                1,
                "is missing: start it with `# Changelog` and `## Unreleased`",
            );
        }
    }
    match changed_since_base(workspace) {
        Some(changed) => {
            for folder in untold(&changed) {
                let message = format!("{folder}/src changed and this did not: add a line with a bold verb");
                findings.fail(&format!("{folder}/CHANGELOG.md"), 1, message);
            }
        }
        None => findings.note(
            "CHANGELOG.md",
            1,
            "not held against a base revision: there is no origin/main; set DRIFTLESS_BASE to a revision to check",
        ),
    }
}

/// The folders of crates whose source changed while their changelog did not.
fn untold(changed: &BTreeSet<String>) -> BTreeSet<String> {
    changed
        .iter()
        .filter_map(|path| path.strip_prefix("crates/")?.split_once("/src/"))
        .map(|(name, _)| format!("crates/{name}"))
        .filter(|folder| !changed.contains(&format!("{folder}/CHANGELOG.md")))
        .collect()
}

/// The files that differ from the base: `DRIFTLESS_BASE`, else where this branch left origin/main.
fn changed_since_base(workspace: &Workspace) -> Option<BTreeSet<String>> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .current_dir(&workspace.root)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let base = match std::env::var("DRIFTLESS_BASE") {
        Ok(base) => base,
        Err(_) => git(&["merge-base", "HEAD", "origin/main"])?.trim().to_owned(),
    };
    let changed = git(&["diff", "--name-only", &base])?;
    Some(changed.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::untold;

    #[test]
    fn a_crate_whose_source_changed_tells_it() {
        let changed = |paths: &[&str]| untold(&paths.iter().map(|path| (*path).to_owned()).collect());
        assert!(changed(&["crates/a/src/lib.rs", "crates/a/CHANGELOG.md"]).is_empty());
        assert!(changed(&["crates/a/tests/x.rs", "docs/x.md"]).is_empty());
        assert_eq!(
            changed(&["crates/a/src/lib.rs", "crates/b/CHANGELOG.md"]).len(),
            1
        );
    }
}
