//! Manifests: inherited lints, the testkit without a version; the MSRV and the features that the README tells.

use super::finding::{Findings, line_where};
use crate::workspace::{TextFile, Workspace, file_at};

/// The one unpublished package that may say why it needs unsafe code, block by block: a file system for SQLite.
const WITH_UNSAFE: &str = "tests/fault-vfs/Cargo.toml";

pub(super) fn check(workspace: &Workspace, files: &[TextFile], findings: &mut Findings) {
    let Some(root) = file_at(files, "Cargo.toml") else {
        return findings.fail("Cargo.toml", 1, "the root manifest is missing");
    };
    let manifest: toml::Table = root.text.parse().unwrap_or_default();
    for package in workspace.members() {
        let path = workspace.relative(package.manifest_path.as_std_path());
        let text = file_at(files, &path).map_or("", |file| file.text.as_str());
        let may_be_unsafe = path == WITH_UNSAFE && denies_unsafe(text, &manifest);
        if !inherits_lints(text) && !may_be_unsafe {
            findings.fail(
                &path,
                1,
                "lints are not inherited: add `[lints]` with `workspace = true`",
            );
        }
    }
    let shared = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"));
    if shared
        .and_then(|shared| shared.get("driftless-testkit"))
        .and_then(|kit| kit.get("version"))
        .is_some()
    {
        let line = line_where(&root.text, |line| line.starts_with("driftless-testkit = { path"));
        findings.fail(
            "Cargo.toml",
            line,
            "driftless-testkit has a version: leave only its path, it is a dev-dependency",
        );
    }
    let msrv = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("package")?.get("rust-version")?.as_str())
        .unwrap_or_default();
    let readme = file_at(files, "README.md").map_or("", |file| file.text.as_str());
    readme_msrv(msrv, readme, findings);
    for package in workspace.members() {
        let name = package.name.as_str();
        let features: Vec<&str> = package
            .features
            .keys()
            .map(String::as_str)
            .filter(|feature| *feature != "default")
            .collect();
        if package
            .manifest_path
            .starts_with(workspace.metadata.workspace_root.join("crates"))
        {
            readme_features(name, &features, readme, findings);
        }
    }
}

fn inherits_lints(manifest: &str) -> bool {
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace")?.as_bool())
        == Some(true)
}

/// Returns whether a manifest is unpublished, denies unsafe code, so that every exception is written beside its code,
/// and has every other lint of the workspace.
fn denies_unsafe(manifest: &str, root: &toml::Table) -> bool {
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    let published = manifest
        .get("package")
        .and_then(|package| package.get("publish")?.as_bool());
    let own = manifest.get("lints");
    let has = |group: &str, lint: &str, level: &toml::Value| {
        let found = own.and_then(|own| own.get(group)?.get(lint));
        match lint {
            "unsafe_code" => found.and_then(toml::Value::as_str) == Some("deny"),
            _ => found == Some(level),
        }
    };
    let lints = root
        .get("workspace")
        .and_then(|workspace| workspace.get("lints")?.as_table());
    published == Some(false)
        && lints.is_some_and(|lints| {
            lints.iter().all(|(group, lints)| {
                let lints = lints.as_table();
                lints.is_none_or(|lints| lints.iter().all(|(lint, level)| has(group, lint, level)))
            })
        })
}

/// Every `Rust 1.N` in the README is the version of the manifest, and there is one.
fn readme_msrv(msrv: &str, readme: &str, findings: &mut Findings) {
    let mut said = false;
    for (index, line) in readme.lines().enumerate() {
        for rest in line.split("Rust ").skip(1).filter(|rest| rest.starts_with("1.")) {
            let version: String = rest
                .chars()
                .take_while(|c| c.is_ascii_digit() || *c == '.')
                .collect();
            said = true;
            if version.trim_end_matches('.') != msrv {
                let message = format!("says Rust {version}, the manifest says {msrv}: make them equal");
                findings.fail("README.md", index + 1, message);
            }
        }
    }
    if !said {
        findings.fail(
            "README.md",
            1,
            format!("does not say which Rust is needed: write `Rust {msrv}`"),
        );
    }
}

/// The README has a table row for the crate, and each feature of the crate stands in it.
fn readme_features(package: &str, features: &[&str], readme: &str, findings: &mut Findings) {
    let named = format!("| `{package}` |");
    let Some((index, row)) = readme.lines().enumerate().find(|(_, line)| line.contains(&named)) else {
        return findings.fail(
            "README.md",
            1,
            format!("has no row for `{package}`: add it to the table of crates"),
        );
    };
    for feature in features
        .iter()
        .filter(|feature| !row.contains(&format!("`{feature}`")))
    {
        let message =
            format!("the row of `{package}` does not name its feature `{feature}`: say what it adds");
        findings.fail("README.md", index + 1, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_must_inherit_the_lints() {
        assert!(inherits_lints("[lints]\nworkspace = true\n"));
        assert!(!inherits_lints("[lints.rust]\nunsafe_code = \"deny\"\n"));
        assert!(!inherits_lints("[package]\nname = \"x\"\n"));
    }

    #[test]
    fn unsafe_code_is_denied_beside_every_other_lint() {
        let root: toml::Table = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\nmissing_docs = \"warn\"\n"
            .parse()
            .unwrap();
        let manifest =
            |publish, lints: &str| format!("[package]\npublish = {publish}\n[lints.rust]\n{lints}");
        let whole = "unsafe_code = \"deny\"\nmissing_docs = \"warn\"\n";
        assert!(denies_unsafe(&manifest(false, whole), &root));
        assert!(!denies_unsafe(&manifest(true, whole), &root));
        assert!(!denies_unsafe(
            &manifest(false, "unsafe_code = \"deny\"\n"),
            &root
        ));
        assert!(!denies_unsafe(
            &manifest(false, "missing_docs = \"warn\"\n"),
            &root
        ));
    }

    #[test]
    fn the_readme_has_every_crate_with_its_features() {
        let found = |package: &str| {
            let mut findings = Findings::default();
            let readme =
                "| folder | package | features |\n| `a` | `low` | `bundled`: brings its own SQLite |\n";
            readme_features(package, &["bundled", "extra"], readme, &mut findings);
            findings
                .failures
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(found("low").len(), 1);
        assert!(
            found("low")[0].starts_with("README.md:2: the row of `low` does not name its feature `extra`")
        );
        assert!(found("high")[0].contains("has no row for `high`"));
    }

    #[test]
    fn the_readme_names_the_msrv_of_the_manifest() {
        let found = |readme: &str| {
            let mut findings = Findings::default();
            readme_msrv("1.95", readme, &mut findings);
            findings.failures.len()
        };
        assert_eq!(found("needs Rust 1.95 and a C compiler."), 0);
        assert_eq!(found("needs Rust 1.95. And a C compiler."), 0);
        assert_eq!(found("needs Rust 1.80"), 1);
        assert_eq!(found("needs Rust"), 1);
    }
}
