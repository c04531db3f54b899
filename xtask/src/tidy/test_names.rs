//! Finds the tests that a document names as `path/to/file.rs::name`.

use crate::workspace::{TextFile, file_at};

/// The `file.rs::name` references between backticks on a line.
pub(super) fn named_tests(line: &str) -> Vec<(&str, &str)> {
    line.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|code| code.split_once(".rs::").map(|_| code))
        .filter_map(split)
        .collect()
}

fn split(code: &str) -> Option<(&str, &str)> {
    code.rsplit_once("::").filter(|(file, _)| file.ends_with(".rs"))
}

/// What is wrong with a reference, if anything.
pub(super) fn broken(files: &[TextFile], (path, name): (&str, &str)) -> Option<String> {
    let Some(file) = file_at(files, path) else {
        return Some(format!(
            "names a test in `{path}`, which does not exist: name one that does"
        ));
    };
    let wanted = format!("fn {name}");
    let defined = file.text.match_indices(&wanted).any(|(at, _)| {
        let next = file.text[at + wanted.len()..].chars().next();
        next.is_some_and(|c| !c.is_alphanumeric() && c != '_')
    });
    (!defined).then(|| format!("names the test `{name}`, which `{path}` does not have: name one that exists"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_between_backticks() {
        let line = "| C1 | x | `engine::push` | `tests/tests/a.rs::it_holds`, `b/c.rs::d` | works |";
        assert_eq!(
            named_tests(line),
            [("tests/tests/a.rs", "it_holds"), ("b/c.rs", "d")]
        );
    }

    #[test]
    fn a_reference_needs_the_file_and_the_function() {
        let files = [TextFile {
            path: "a.rs".to_owned(),
            text: "#[test]\nfn holds() {}\n".to_owned(),
        }];
        assert_eq!(broken(&files, ("a.rs", "holds")), None);
        assert!(broken(&files, ("a.rs", "hold")).is_some());
        assert!(broken(&files, ("b.rs", "holds")).is_some());
    }
}
