//! Runs every rule.

use super::finding::Findings;
use super::{
    adr, architecture, changelog, features, layers, leftovers, manifests, sources, test_config, wrappers,
};
use crate::run::say;
use crate::workspace::Workspace;
use anyhow::Result;

/// Runs every rule over the tree.
///
/// # Errors
/// When a file of the tree cannot be read.
pub fn check(workspace: &Workspace) -> Result<Findings> {
    let files = workspace.text_files()?;
    let mut findings = Findings::default();
    layers::check(workspace, &mut findings);
    wrappers::check(workspace, &mut findings);
    manifests::check(workspace, &files, &mut findings);
    sources::check(&files, &mut findings);
    architecture::check(workspace, &files, &mut findings);
    adr::check(&files, &mut findings);
    features::check(&files, &mut findings);
    test_config::check(&files, &mut findings);
    leftovers::check(workspace, &files, &mut findings);
    changelog::check(workspace, &files, &mut findings);
    Ok(findings)
}

/// Runs every rule, prints what it found and tells whether the tree is tidy.
pub fn run(workspace: &Workspace) -> bool {
    let findings = match check(workspace) {
        Ok(findings) => findings,
        Err(error) => {
            say(format_args!("tidy: {error:#}"));
            return false;
        }
    };
    for note in &findings.notes {
        say(format_args!("note: {note}"));
    }
    for failure in &findings.failures {
        say(failure);
    }
    let (failures, notes) = (findings.failures.len(), findings.notes.len());
    say(format_args!("tidy: {failures} to repair, {notes} to look at"));
    failures == 0
}
