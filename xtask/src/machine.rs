//! What this machine has: the tools that some suites need, and how to get those that are missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Something that a suite needs and this machine does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The suite that does not run.
    pub suite: String,
    /// What is missing.
    pub missing: String,
    /// How a person gets it.
    pub remedy: String,
}

/// Whether a program can be started with this argument and ends well.
pub fn has(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The major version that a program prints for `--version`, for example 20 for `v20.11.1`.
pub fn major_version(program: &str) -> Option<u32> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    parse_major(&String::from_utf8(output.stdout).ok()?)
}

fn parse_major(version: &str) -> Option<u32> {
    version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()?
        .parse()
        .ok()
}

/// The OData grammar cases: the file named by `DRIFTLESS_ABNF_CASES`, else the one beside the workspace.
pub fn abnf_cases(root: &Path) -> PathBuf {
    std::env::var_os("DRIFTLESS_ABNF_CASES")
        .map_or_else(|| root.join("../shared/odata-abnf/testcases.yaml"), PathBuf::from)
}

/// What is missing for the suites that need more than Rust and a C compiler.
pub fn lacks(root: &Path) -> Vec<Lack> {
    let mut lacks = Vec::new();
    let mut lack = |suite: &str, missing: &str, remedy: &str| {
        lacks.push(Lack {
            suite: suite.to_owned(),
            missing: missing.to_owned(),
            remedy: remedy.to_owned(),
        });
    };
    if major_version("node").is_none_or(|major| major < 20) || major_version("npm").is_none() {
        lack(
            "interop with SAP CAP",
            "Node.js 20 or newer, with npm",
            "install it from https://nodejs.org or your system's packages (Debian: apt-get install nodejs npm)",
        );
    }
    if !has("perl", "-v") || !has("make", "--version") {
        lack(
            "encrypted SQLite store",
            "perl and make, which build OpenSSL for SQLCipher",
            "install your system's packages (Debian: apt-get install perl make)",
        );
    }
    if !abnf_cases(root).is_file() {
        lack(
            "OData grammar cases",
            "the file of the OASIS ABNF test cases",
            "set DRIFTLESS_ABNF_CASES to odata-abnf-testcases.yaml from https://github.com/oasis-tcs/odata-abnf",
        );
    }
    lacks
}

#[cfg(test)]
mod tests {
    use super::parse_major;

    #[test]
    fn a_major_version_is_the_first_number() {
        assert_eq!(parse_major("v20.11.1\n"), Some(20));
        assert_eq!(parse_major("10.2.3"), Some(10));
        assert_eq!(parse_major("unknown"), None);
    }
}
