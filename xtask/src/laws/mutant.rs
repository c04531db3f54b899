//! Mutants: careless engines, each a text of a source file and what it would say instead.

use crate::workspace::{TextFile, file_at};
use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// Where the mutants are, one a file.
const FOLDER: &str = "tests/mutants/";

/// A careless engine that a law's test must catch.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mutant {
    /// Its name: that of its file.
    #[serde(skip)]
    pub(super) name: String,
    /// The id of the law.
    pub(super) law: String,
    /// What it does wrong, for the reader of the table.
    pub(super) what: String,
    /// The file that it changes.
    pub(super) file: String,
    /// What stands there; exactly once.
    pub(super) find: String,
    /// What it says instead.
    pub(super) replace: String,
    /// The package of the test.
    pub(super) package: String,
    /// The test that catches it, as `cargo test` names it or a part of that.
    pub(super) test: String,
}

impl Mutant {
    /// Returns the changed file.
    pub(super) fn text(&self, files: &[TextFile]) -> Result<String> {
        let file = file_at(files, &self.file)
            .with_context(|| format!("{}: there is no {}", self.name, self.file))?;
        ensure!(
            file.text.matches(&self.find).count() == 1,
            "{}: what it changes does not stand exactly once in {}: bring it up to date",
            self.name,
            self.file
        );
        Ok(file.text.replace(&self.find, &self.replace))
    }
}

/// Reads every mutant, in the order of their names.
pub(super) fn all(files: &[TextFile]) -> Result<Vec<Mutant>> {
    files
        .iter()
        .filter_map(|file| {
            let name = file.path.strip_prefix(FOLDER)?.strip_suffix(".toml")?;
            Some((name, file))
        })
        .map(|(name, file)| {
            let mutant: Mutant =
                toml::from_str(&file.text).with_context(|| format!("{} is no mutant", file.path))?;
            Ok(Mutant {
                name: name.to_owned(),
                ..mutant
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(engine: &str) -> Vec<TextFile> {
        let mutant = r#"
            law = "L4"
            what = "stops at the first refusal"
            file = "engine.rs"
            find = "continue"
            replace = "break"
            package = "p"
            test = "l04_x"
        "#;
        let file = |path: &str, text: &str| TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        vec![
            file("engine.rs", engine),
            file("tests/mutants/l04-stops.toml", mutant),
        ]
    }

    #[test]
    fn a_mutant_changes_one_place() {
        let files = files("a; continue; b");
        let mutants = all(&files).unwrap();
        assert_eq!(mutants[0].name, "l04-stops");
        assert_eq!(mutants[0].text(&files).unwrap(), "a; break; b");
    }

    #[test]
    fn a_mutant_that_no_longer_fits_is_told() {
        for engine in ["a; b", "continue; continue"] {
            let files = files(engine);
            assert!(all(&files).unwrap()[0].text(&files).is_err(), "{engine}");
        }
    }
}
