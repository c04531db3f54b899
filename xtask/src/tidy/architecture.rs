//! `docs/ARCHITECTURE.md`: names every crate and none that is gone; every invariant names its test.

use super::finding::Findings;
use super::test_names::{broken, named_tests};
use crate::workspace::{TextFile, Workspace, file_at};

const FILE: &str = "docs/ARCHITECTURE.md";

pub(super) fn check(workspace: &Workspace, files: &[TextFile], findings: &mut Findings) {
    let Some(map) = file_at(files, FILE) else {
        return findings.fail(FILE, 1, "is missing: draw the map of the crates");
    };
    for package in workspace.members() {
        if !map.text.contains(&format!("`{}`", package.name)) {
            findings.fail(
                FILE,
                1,
                format!("does not name `{}`: add it to the map", package.name),
            );
        }
    }
    for (index, line) in map.text.lines().enumerate() {
        for name in line
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|code| is_crate_name(code))
        {
            if !workspace.has_member(name) {
                findings.fail(
                    FILE,
                    index + 1,
                    format!("names `{name}`, which is not a member: take it out"),
                );
            }
        }
    }
    for (line, text) in invariants(&map.text) {
        let tests = named_tests(&text);
        if tests.is_empty() {
            findings.fail(
                FILE,
                line,
                "this invariant names no test: end it with `file.rs::test`",
            );
        }
        for message in tests.into_iter().filter_map(|reference| broken(files, reference)) {
            findings.fail(FILE, line, message);
        }
    }
}

fn is_crate_name(code: &str) -> bool {
    code.strip_prefix("driftless-")
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
}

/// The numbered items of the section on invariants, continuation lines joined, with their first line.
fn invariants(text: &str) -> Vec<(usize, String)> {
    let mut items: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("## ") {
            inside = line == "## Invariants";
        } else if inside {
            let numbered = line
                .split_once(". ")
                .is_some_and(|(number, _)| number.parse::<u32>().is_ok());
            match items.last_mut() {
                _ if numbered => items.push((index + 1, line.to_owned())),
                Some((_, item)) if line.starts_with("   ") => {
                    item.push(' ');
                    item.push_str(line.trim());
                }
                _ => {}
            }
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invariant_may_run_over_several_lines() {
        let text = "# Map\n1. not one\n## Invariants\n\n1. A holds.\n   `a.rs::b`\n2. B holds. `c.rs::d`\n## More\n3. no\n";
        let found = invariants(text);
        assert_eq!(
            found,
            [
                (5, "1. A holds. `a.rs::b`".to_owned()),
                (7, "2. B holds. `c.rs::d`".to_owned())
            ]
        );
    }

    #[test]
    fn only_package_names_count_as_crates() {
        assert!(is_crate_name("driftless-store"));
        assert!(!is_crate_name("driftless-store::commit"));
        assert!(!is_crate_name("driftless"));
    }
}
