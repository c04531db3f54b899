//! Third-party packages that only the members of `[workspace.metadata.wrappers]` may name.

use super::finding::{Findings, line_where};
use crate::workspace::Workspace;
use std::collections::BTreeMap;
use std::fs;

pub(super) fn check(workspace: &Workspace, findings: &mut Findings) {
    let table = workspace
        .metadata
        .workspace_metadata
        .get("wrappers")
        .cloned()
        .unwrap_or_default();
    let wrappers: BTreeMap<String, Vec<String>> = match serde_json::from_value(table) {
        Ok(wrappers) => wrappers,
        Err(error) => {
            let message = format!("[workspace.metadata.wrappers] does not read ({error}): repair the table");
            return findings.fail("Cargo.toml", 1, message);
        }
    };
    for (wrapped, users) in &wrappers {
        for gone in users.iter().filter(|user| !workspace.has_member(user)) {
            let message =
                format!("wrappers of `{wrapped}` names `{gone}`, which is not a member: take it out");
            findings.fail("Cargo.toml", 1, message);
        }
    }
    for package in workspace.members() {
        for dependency in &package.dependencies {
            let Some(users) = wrappers.get(&dependency.name) else {
                continue;
            };
            if users.iter().any(|user| user == package.name.as_str()) {
                continue;
            }
            let file = workspace.relative(package.manifest_path.as_std_path());
            let manifest = fs::read_to_string(&package.manifest_path).unwrap_or_default();
            let line = line_where(&manifest, |line| line.starts_with(&dependency.name));
            let message = format!(
                "only {} may name `{}`: go through one of them",
                users.join(", "),
                dependency.name
            );
            findings.fail(&file, line, message);
        }
    }
}
