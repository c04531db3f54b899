//! Decision records: all in the index; and no dead link in any document.

use super::finding::Findings;
use crate::workspace::{TextFile, file_at};

const INDEX: &str = "docs/adr/README.md";

pub(super) fn check(files: &[TextFile], findings: &mut Findings) {
    let index = file_at(files, INDEX).map_or("", |file| file.text.as_str());
    let records = files
        .iter()
        .filter_map(|file| file.path.strip_prefix("docs/adr/"))
        .filter(|name| *name != "README.md");
    for (position, record) in records.enumerate() {
        if !index.contains(&format!("]({record})")) {
            findings.fail(
                INDEX,
                1,
                format!("does not list {record}: add a line with its link"),
            );
        }
        if !record.starts_with(&format!("{:04}-", position + 1)) {
            let message = format!("is record {:04} by its place: number without gaps", position + 1);
            findings.fail(&format!("docs/adr/{record}"), 1, message);
        }
    }
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in links(&file.text) {
            if !alive(files, &file.path, target) {
                findings.fail(
                    &file.path,
                    line,
                    format!("the link to {target} is dead: repair it or take it out"),
                );
            }
        }
    }
}

/// The relative links of a document with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', '#', ' ']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') {
                found.push((index + 1, target));
            }
        }
    }
    found
}

/// Whether a link from one file leads to a file or folder of the tree.
fn alive(files: &[TextFile], from: &str, target: &str) -> bool {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return false;
                }
            }
            other => parts.push(other),
        }
    }
    let path = parts.join("/");
    let folder = format!("{path}/");
    files
        .iter()
        .any(|file| file.path == path || file.path.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_outside_code_are_read_without_their_anchor() {
        let text = "[a](b.md#x) [w](https://example.org)\n```\n[no](c.md)\n```\n[d](../d/)\n";
        assert_eq!(links(text), [(1, "b.md"), (5, "../d/")]);
    }

    #[test]
    fn a_link_leads_to_a_file_or_a_folder() {
        let files = [TextFile {
            path: "docs/adr/0001-a.md".to_owned(),
            text: String::new(),
        }];
        assert!(alive(&files, "docs/adr/README.md", "0001-a.md"));
        assert!(alive(&files, "docs/x.md", "adr/"));
        assert!(alive(&files, "README.md", "./docs/adr"));
        assert!(!alive(&files, "docs/x.md", "../../y.md"));
        assert!(!alive(&files, "docs/x.md", "adr/0002-b.md"));
    }
}
