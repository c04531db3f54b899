//! `docs/features.md`: every promise by id, with a state, and tests that exist.

use super::finding::Findings;
use super::test_names::{broken, named_tests};
use crate::workspace::{TextFile, file_at};

const FILE: &str = "docs/features.md";
/// The promises of the product: a letter per source, numbered from 1.
const PROMISES: [(char, u32); 5] = [('C', 23), ('P', 5), ('D', 14), ('S', 10), ('B', 21)];
const STATES: [&str; 3] = ["works", "partial", "not yet"];

pub(super) fn check(files: &[TextFile], findings: &mut Findings) {
    let Some(table) = file_at(files, FILE) else {
        return findings.fail(
            FILE,
            1,
            "is missing: list every promise with its state and its test",
        );
    };
    let mut seen: Vec<&str> = Vec::new();
    for (index, line) in table.text.lines().enumerate() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let &[id, _, place, tests, state] = cells.as_slice() else {
            continue;
        };
        if id == "id" || id.starts_with('-') {
            continue;
        }
        let line_number = index + 1;
        if seen.contains(&id) {
            findings.fail(FILE, line_number, format!("row {id} stands twice: keep one"));
        }
        seen.push(id);
        if !promised().any(|promise| promise == id) {
            findings.fail(
                FILE,
                line_number,
                format!("row {id} is no promise of the product: take it out"),
            );
        }
        if !STATES.contains(&state) {
            findings.fail(
                FILE,
                line_number,
                format!("state `{state}` of {id}: write works, partial or not yet"),
            );
        }
        if state != "not yet" && named_tests(tests).is_empty() {
            let message =
                format!("{id} is called {state} but names no test: name `file.rs::test` or say not yet");
            findings.fail(FILE, line_number, message);
        }
        if state != "not yet" && !place.contains('`') {
            findings.fail(
                FILE,
                line_number,
                format!("{id} does not say where it lives: name `crate::module`"),
            );
        }
        for reference in named_tests(tests) {
            if let Some(message) = broken(files, reference) {
                findings.fail(FILE, line_number, format!("{id} {message}"));
            }
        }
    }
    for id in promised().filter(|id| !seen.contains(&id.as_str())) {
        findings.fail(
            FILE,
            1,
            format!("row {id} is missing: add it, `not yet` if it is not there"),
        );
    }
}

fn promised() -> impl Iterator<Item = String> {
    PROMISES
        .into_iter()
        .flat_map(|(letter, last)| (1..=last).map(move |number| format!("{letter}{number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(rows: &str) -> Vec<String> {
        let all: String = promised()
            .filter(|id| !rows.contains(&format!("| {id} ")))
            .map(|id| format!("| {id} | promise | | | not yet |\n"))
            .collect();
        let text = format!("| id | promise | where | test | state |\n|---|---|---|---|---|\n{rows}\n{all}");
        let files = [
            TextFile {
                path: FILE.to_owned(),
                text,
            },
            TextFile {
                path: "a.rs".to_owned(),
                text: "fn holds() {}".to_owned(),
            },
        ];
        let mut findings = Findings::default();
        check(&files, &mut findings);
        findings
            .failures
            .into_iter()
            .map(|failure| failure.message)
            .collect()
    }

    #[test]
    fn a_working_row_names_a_test_that_exists() {
        assert!(failures("| C1 | p | `engine::push` | `a.rs::holds` | works |").is_empty());
        assert_eq!(
            failures("| C1 | p | `engine::push` | `a.rs::gone` | works |").len(),
            1
        );
        assert_eq!(failures("| C1 | p | `engine::push` | | partial |").len(), 1);
        assert_eq!(failures("| C1 | p | | `a.rs::holds` | partial |").len(), 1);
    }

    #[test]
    fn only_known_rows_and_states_stand_once() {
        assert_eq!(failures("| Z9 | p | | | not yet |").len(), 1);
        assert_eq!(failures("| C1 | p | | | done |").len(), 3);
        assert_eq!(
            failures("| C1 | p | | | not yet |\n| C1 | p | | | not yet |").len(),
            1
        );
    }

    #[test]
    fn a_missing_row_is_named() {
        let mut findings = Findings::default();
        check(
            &[TextFile {
                path: FILE.to_owned(),
                text: String::new(),
            }],
            &mut findings,
        );
        assert_eq!(findings.failures.len(), 73);
        assert!(findings.failures[0].message.starts_with("row C1 is missing"));
    }
}
