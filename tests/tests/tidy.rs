//! The house rules hold for the tree as it stands.

use xtask::tidy;
use xtask::workspace::Workspace;

#[test]
fn the_tree_is_tidy() {
    let workspace = Workspace::load().unwrap();
    let findings = tidy::check(&workspace).unwrap();
    let failures: String = findings
        .failures
        .iter()
        .map(|failure| format!("{failure}\n"))
        .collect();
    assert!(failures.is_empty(), "cargo xtask tidy finds:\n{failures}");
}
