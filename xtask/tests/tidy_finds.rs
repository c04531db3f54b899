//! Tidy finds what it promises to find, in a small workspace that breaks the rules.

use anyhow::Result;
use std::fs;
use std::path::Path;
use xtask::tidy;
use xtask::workspace::Workspace;

const ROOT: &str = r#"[workspace]
resolver = "3"
members = ["crates/*"]

[workspace.package]
rust-version = "1.95"

[workspace.metadata.layers]
driftless-low = { layer = "words", may-use = [] }
driftless-high = { layer = "engine", may-use = ["driftless-low"] }
driftless-gone = { layer = "engine", may-use = [] }

[workspace.metadata.wrappers]
rusqlite = ["driftless-high"]

[workspace.lints.rust]
unsafe_code = "forbid"
"#;

fn crate_at(root: &Path, name: &str, dependencies: &str, lints: &str) -> Result<()> {
    let folder = root.join("crates").join(name);
    fs::create_dir_all(folder.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"driftless-{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{dependencies}\n{lints}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/lib.rs"), "//! A crate.\n")?;
    fs::write(folder.join("CHANGELOG.md"), "# Changelog\n")?;
    Ok(())
}

/// A workspace that keeps every rule: two crates, the documents, a changelog each.
fn tidy_workspace() -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let root = folder.path();
    fs::create_dir_all(root.join("docs/adr"))?;
    fs::write(
        root.join("Cargo.toml"),
        ROOT.replace("driftless-gone = { layer = \"engine\", may-use = [] }\n", ""),
    )?;
    fs::write(
        root.join("README.md"),
        "Needs Rust 1.95.\n| low | `driftless-low` |\n| high | `driftless-high` |\n",
    )?;
    fs::write(
        root.join("docs/ARCHITECTURE.md"),
        "`driftless-low` `driftless-high`\n",
    )?;
    fs::write(root.join("docs/adr/README.md"), "- [0001](0001-a.md)\n")?;
    fs::write(root.join("docs/adr/0001-a.md"), "# 0001\n")?;
    let promises = [('C', 23), ('P', 5), ('D', 14), ('S', 10), ('B', 21)];
    let rows: String = promises
        .iter()
        .flat_map(|(letter, last)| {
            (1..=*last).map(move |number| format!("| {letter}{number} | p | | | not yet |\n"))
        })
        .collect();
    fs::write(root.join("docs/features.md"), rows)?;
    crate_at(root, "low", "", "[lints]\nworkspace = true")?;
    let low = "[dependencies]\ndriftless-low = { path = \"../low\", version = \"0.1.0\" }";
    crate_at(root, "high", low, "[lints]\nworkspace = true")?;
    Ok(folder)
}

fn found(root: &Path) -> Result<Vec<String>> {
    let findings = tidy::check(&Workspace::at(root)?)?;
    Ok(findings.failures.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn check(breaks: impl FnOnce(&Path) -> Result<()>, expected: &[&str]) {
    let found = tidy_workspace().and_then(|folder| breaks(folder.path()).and_then(|()| found(folder.path())));
    let found = found.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for text in expected {
        assert!(
            found.iter().any(|finding| finding.contains(text)),
            "{text:?} is not in {found:#?}"
        );
    }
}

#[test]
fn a_workspace_that_keeps_the_rules_is_tidy() {
    check(|_| Ok(()), &[]);
}

#[test]
fn an_arrow_up_is_found_with_its_line() {
    let up = "[build-dependencies]\ndriftless-high = { path = \"../high\", version = \"0.1.0\" }";
    check(
        |root| {
            crate_at(root, "low", up, "[lints]\nworkspace = true")?;
            crate_at(root, "high", "", "[lints]\nworkspace = true")
        },
        &["crates/low/Cargo.toml:6: `driftless-low` may not use `driftless-high`"],
    );
}

#[test]
fn a_published_dev_dependency_has_no_version() {
    let versioned = "[dev-dependencies]\ndriftless-high = { path = \"../high\", version = \"0.1.0\" }";
    let bare = "[dev-dependencies]\ndriftless-high = { path = \"../high\" }";
    check(
        |root| crate_at(root, "low", bare, "[lints]\nworkspace = true"),
        &[],
    );
    check(
        |root| crate_at(root, "low", versioned, "[lints]\nworkspace = true"),
        &["dev-dependency `driftless-high` has a version"],
    );
}

#[test]
fn a_wrapped_package_has_one_door() {
    let direct = "[dependencies]\nrusqlite = \"0.41\"";
    check(
        |root| crate_at(root, "low", direct, "[lints]\nworkspace = true"),
        &["only driftless-high may name `rusqlite`"],
    );
}

#[test]
fn a_member_that_is_gone_or_inherits_no_lints_is_found() {
    check(
        |root| {
            fs::write(root.join("Cargo.toml"), ROOT)?;
            crate_at(root, "low", "", "")
        },
        &[
            "layers names `driftless-gone`",
            "crates/low/Cargo.toml:1: lints are not inherited",
        ],
    );
}

#[test]
fn files_are_held_against_their_budget_and_their_first_line() {
    check(
        |root| {
            let long = "const A: u8 = 0;\n".repeat(601);
            fs::write(root.join("crates/low/src/long.rs"), format!("//! Long.\n{long}"))?;
            fs::write(root.join("crates/low/src/bare.rs"), "const A: u8 = 0;\n")?;
            Ok(())
        },
        &[
            "crates/low/src/long.rs:1: 601 code lines",
            "crates/low/src/bare.rs:1: does not start with `//!`",
        ],
    );
}

#[test]
fn documents_name_what_is_there() {
    check(
        |root| {
            fs::write(root.join("docs/adr/0003-c.md"), "# 0003\n[x](gone.md)\n")?;
            let invariants =
                "`driftless-low` `driftless-old`\n## Invariants\n1. It holds. `crates/low/src/lib.rs::a`\n";
            fs::write(root.join("docs/ARCHITECTURE.md"), invariants)?;
            fs::remove_file(root.join("crates/high/CHANGELOG.md"))?;
            Ok(())
        },
        &[
            "docs/adr/README.md:1: does not list 0003-c.md",
            "docs/adr/0003-c.md:1: is record 0002 by its place",
            "docs/adr/0003-c.md:2: the link to gone.md is dead",
            "does not name `driftless-high`",
            "names `driftless-old`, which is not a member",
            "docs/ARCHITECTURE.md:3: names the test `a`",
            "crates/high/CHANGELOG.md:1: is missing",
        ],
    );
}

#[test]
fn retries_and_unfinished_code_are_found() {
    check(
        |root| {
            fs::create_dir(root.join(".config"))?;
            fs::write(
                root.join(".config/nextest.toml"),
                "[profile.default]\n# retries = 1\nretries = 2\n",
            )?;
            let unfinished = concat!("//! A.\n#[test]\n#[ig", "nore]\nfn a() { to", "do!() }\n");
            fs::write(root.join("crates/low/src/a.rs"), unfinished)?;
            Ok(())
        },
        &[
            ".config/nextest.toml:3: retries",
            "crates/low/src/a.rs:3: has",
            "crates/low/src/a.rs:4: has",
        ],
    );
}
