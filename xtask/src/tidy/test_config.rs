//! No retries: a test that passes at the second try has found something.

use super::finding::Findings;
use crate::workspace::TextFile;

pub(super) fn check(files: &[TextFile], findings: &mut Findings) {
    for file in files
        .iter()
        .filter(|file| file.path.starts_with(".config/") || file.path.starts_with(".cargo/"))
    {
        for (index, line) in file.text.lines().enumerate() {
            if line
                .split('#')
                .next()
                .is_some_and(|code| code.contains("retries"))
            {
                findings.fail(
                    &file.path,
                    index + 1,
                    "retries hide a defect: take it out and find the cause",
                );
            }
        }
    }
}
