//! Source files: a doc comment on line one, a budget of code lines, roots that only list modules.

use super::finding::Findings;
use crate::workspace::TextFile;

/// Code lines above which a file fails.
const LIMIT: usize = 600;
/// Code lines above which a reviewer should look.
const REVIEW: usize = 400;
/// Code lines of an inline test module above which it moves to a file of its own.
const INLINE_TESTS: usize = 150;

pub(super) fn check(files: &[TextFile], findings: &mut Findings) {
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        if !["//!", "#![doc = include_str!"]
            .iter()
            .any(|doc| file.text.starts_with(doc))
        {
            findings.fail(
                &file.path,
                1,
                "does not start with `//!`: say on line one what the file is for",
            );
        }
        let lines = code_lines(&file.text);
        match lines.len() {
            over if over > LIMIT => {
                let message = format!("{over} code lines, the limit is {LIMIT}: split it by idea");
                findings.fail(&file.path, 1, message);
            }
            over if over > REVIEW => {
                findings.note(
                    &file.path,
                    1,
                    format!("{over} code lines: could it be two ideas?"),
                );
            }
            _ => {}
        }
        if let Some((line, long)) = inline_tests(&lines).filter(|(_, long)| *long > INLINE_TESTS) {
            let message = format!("{long} lines of inline tests: move them to a `tests.rs` beside the file");
            findings.fail(&file.path, line, message);
        }
        if file.path.ends_with("/lib.rs") || file.path.ends_with("/mod.rs") {
            for (line, _) in lines.iter().filter(|(_, code)| defines(code)) {
                findings.fail(
                    &file.path,
                    *line,
                    "defines an item: lib.rs and mod.rs hold docs, mod and pub use only",
                );
            }
        }
    }
}

/// The lines that are neither blank nor comment, with their numbers from 1.
fn code_lines(text: &str) -> Vec<(usize, &str)> {
    let mut in_block = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let code = line.trim();
        if in_block || code.starts_with("/*") {
            in_block = !code.contains("*/");
        } else if !code.is_empty() && !code.starts_with("//") {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// Where an inline test module begins and how many code lines it has.
fn inline_tests(lines: &[(usize, &str)]) -> Option<(usize, usize)> {
    let start = lines.iter().position(|(_, code)| *code == "mod tests {")?;
    let length = lines[start..]
        .iter()
        .position(|(_, code)| *code == "}")
        .unwrap_or(lines.len() - start);
    Some((lines[start].0, length))
}

/// Whether a line at the margin begins an item other than a module, a re-export or a macro.
fn defines(code: &str) -> bool {
    let bare = code
        .strip_prefix("pub(crate) ")
        .or_else(|| code.strip_prefix("pub "))
        .unwrap_or(code);
    let item = [
        "fn ",
        "struct ",
        "enum ",
        "trait ",
        "impl ",
        "impl<",
        "type ",
        "static ",
        "async fn ",
    ];
    item.iter().any(|word| bare.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_lines_are_free() {
        let text = "//! doc\n\n/* a\n b */\nfn a() {\n    // no\n    b();\n}\n";
        assert_eq!(code_lines(text).len(), 3);
    }

    #[test]
    fn a_test_module_counts_to_its_closing_brace() {
        let lines = code_lines("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\n");
        assert_eq!(inline_tests(&lines), Some((3, 3)));
    }

    #[test]
    fn a_root_may_list_but_not_define() {
        assert!(defines("pub fn a() {}"));
        assert!(defines("impl A {"));
        assert!(!defines("pub use a::B;"));
        assert!(!defines("pub mod a;"));
        assert!(!defines("    fn inside_a_macro() {}"));
    }
}
