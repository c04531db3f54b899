//! The machine a scenario runs on: where things are, and how to skip what it cannot run.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The folder of the root manifest: `DRIFTLESS_WORKSPACE_ROOT`, else where this crate was compiled.
pub fn workspace_root() -> PathBuf {
    std::env::var_os("DRIFTLESS_WORKSPACE_ROOT")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), PathBuf::from)
}

/// The `driftless` binary under test: `DRIFTLESS_BIN`, else the one built beside this test.
///
/// # Panics
/// When there is none; the message says how to build it.
pub fn driftless_bin() -> PathBuf {
    let beside = || {
        let test = std::env::current_exe().ok()?;
        let profile = test.parent()?.parent()?;
        Some(profile.join(format!("driftless{}", std::env::consts::EXE_SUFFIX)))
    };
    let binary = std::env::var_os("DRIFTLESS_BIN")
        .map(PathBuf::from)
        .or_else(beside);
    match binary.filter(|path| path.is_file()) {
        Some(path) => path,
        None => {
            panic!("no driftless binary: run `cargo xtask test`, or `cargo build -p driftless-cli` first")
        }
    }
}

/// Says that a suite cannot run here and why; the caller then returns.
///
/// The reason reaches the list that `cargo xtask test` prints at its end.
///
/// # Panics
/// With `DRIFTLESS_REQUIRE_ALL=1`, where skipping is a failure.
pub fn skip(suite: &str, missing: &str, remedy: &str) {
    assert!(
        std::env::var_os("DRIFTLESS_REQUIRE_ALL").is_none_or(|value| value != "1"),
        "{suite} must run, but this machine lacks {missing}; to get it: {remedy}"
    );
    eprintln!("skipped {suite}: missing {missing}; to get it: {remedy}");
    if let Some(list) = std::env::var_os("DRIFTLESS_SKIPPED") {
        let line = [suite, missing, remedy]
            .map(|text| text.replace(['\t', '\n', '\r'], " "))
            .join("\t");
        let written = OpenOptions::new().append(true).create(true).open(list);
        if let Err(error) = written.and_then(|mut list| writeln!(list, "{line}")) {
            eprintln!("cannot note the skipped suite: {error}");
        }
    }
}
