//! What must not stay in the tree: unfinished code, switched-off tests, paths of one machine.

use super::finding::Findings;
use crate::workspace::{TextFile, Workspace};

/// Texts that mark unfinished or switched-off Rust code, spelt so that this file does not hold them.
const UNFINISHED: [&str; 4] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
    concat!("FIX", "ME"),
];

pub(super) fn check(workspace: &Workspace, files: &[TextFile], findings: &mut Findings) {
    let machine = machine_paths(workspace);
    for file in files.iter().filter(|file| file.path != "Cargo.lock") {
        for (index, line) in file.text.lines().enumerate() {
            if file.path.ends_with(".rs")
                && let Some(mark) = UNFINISHED.iter().find(|mark| line.contains(**mark))
            {
                findings.fail(
                    &file.path,
                    index + 1,
                    format!("has `{mark}`: finish it, or take it out and say so"),
                );
            }
            if let Some(path) = machine.iter().find(|path| names_path(line, path)) {
                findings.fail(
                    &file.path,
                    index + 1,
                    format!("names {path}, a path of one machine: make it relative"),
                );
            }
        }
    }
}

/// The folders of this machine that no file should name.
fn machine_paths(workspace: &Workspace) -> Vec<String> {
    let home = std::env::home_dir();
    let above = workspace.root.parent().map(std::path::Path::to_path_buf);
    [home, above, Some(workspace.root.clone())]
        .into_iter()
        .flatten()
        .map(|path| path.to_string_lossy().into_owned())
        .filter(|path| path.len() > 1 && path != "/tmp")
        .map(|path| format!("{path}/"))
        .chain([concat!("/ho", "me/").to_owned()])
        .collect()
}

/// Whether the line names the path from the root of the file system, not as the end of a longer one.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '.' | '_' | '-' | '}' | ')'))
    })
}

#[cfg(test)]
mod tests {
    use super::names_path;

    #[test]
    fn a_path_counts_only_from_the_root() {
        assert!(names_path("see \"/srv/x/a\"", "/srv/x/"));
        assert!(names_path("/srv/x/a", "/srv/x/"));
        assert!(!names_path("https://host.example/srv/x/a", "/srv/x/"));
        assert!(!names_path("{root}/srv/x/a", "/srv/x/"));
    }
}
