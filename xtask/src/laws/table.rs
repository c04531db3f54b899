//! The table: law, tests, mutants, gaps.

use super::mutant::{self, Mutant};
use super::trial;
use crate::run::say;
use crate::workspace::{TextFile, Workspace, file_at};
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;

/// The page that states the laws.
const PAGE: &str = "docs/laws.md";

/// What to do beside printing the table.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Build each mutant and run the test that must catch it; takes half a minute each. With ids, only theirs.
    #[arg(long, num_args = 0.., value_name = "LAW")]
    mutants: Option<Vec<String>>,
}

/// A law, and what holds it.
struct Law<'a> {
    id: &'a str,
    text: &'a str,
    tests: Vec<(&'a str, &'a str)>,
    mutants: Vec<&'a Mutant>,
}

impl Law<'_> {
    /// Says what the law lacks, if anything.
    fn gap(&self) -> Option<&'static str> {
        let is_invariant = self.id.starts_with('I');
        match (self.tests.is_empty(), self.mutants.is_empty()) {
            (true, _) => Some("no test"),
            (false, true) if !is_invariant => Some("no mutant"),
            _ => None,
        }
    }

    /// Returns whether the law is one of the mode machine, which is not there yet.
    fn is_due_later(&self) -> bool {
        self.id.starts_with('M')
    }
}

/// Prints the table, tries mutants if asked to, and tells whether there is no gap and no mutant was missed.
///
/// # Errors
/// When a file cannot be read, or a mutant no longer fits its source.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let files = workspace.text_files()?;
    let mutants = mutant::all(&files)?;
    for mutant in &mutants {
        mutant.text(&files)?;
    }
    let laws = laws(&files, &mutants)?;
    for law in &laws {
        print(law);
    }
    let (later, due): (Vec<_>, Vec<_>) = laws.iter().partition(|law| law.is_due_later());
    let gaps: Vec<_> = due.iter().filter_map(|law| Some((law.id, law.gap()?))).collect();
    say("");
    for (id, gap) in &gaps {
        say(format_args!("gap: {id}: {gap}"));
    }
    let tests: usize = due.iter().map(|law| law.tests.len()).sum();
    say(format_args!(
        "{} laws and invariants, {tests} tests, {} mutants, {} gaps; {} due with the mode machine",
        due.len(),
        mutants.len(),
        gaps.len(),
        later.len()
    ));
    let caught = match &options.mutants {
        None => true,
        Some(ids) => {
            let wanted = mutants
                .iter()
                .filter(|mutant| ids.is_empty() || ids.iter().any(|id| id.eq_ignore_ascii_case(&mutant.law)));
            trial::run(workspace, &files, wanted)?
        }
    };
    Ok(gaps.is_empty() && caught)
}

fn print(law: &Law<'_>) {
    say(format_args!("{:<4} {}", law.id, law.text));
    for (path, name) in &law.tests {
        say(format_args!("       test    {path}::{name}"));
    }
    for mutant in &law.mutants {
        say(format_args!("       mutant  {}: {}", mutant.name, mutant.what));
    }
    match law.gap() {
        Some(_) if law.is_due_later() => say("       due with the mode machine"),
        Some(gap) => say(format_args!("       gap     {gap}")),
        None => {}
    }
}

/// Returns the laws in the order of the page.
fn laws<'a>(files: &'a [TextFile], mutants: &'a [Mutant]) -> Result<Vec<Law<'a>>> {
    let page = file_at(files, PAGE).with_context(|| format!("{PAGE} is missing"))?;
    let mut tests = tests(files);
    let laws = page.text.lines().filter_map(row).map(|(id, text)| Law {
        id,
        text,
        tests: tests.remove(&prefix(id)).unwrap_or_default(),
        mutants: mutants.iter().filter(|mutant| mutant.law == id).collect(),
    });
    Ok(laws.collect())
}

/// Reads the id and the text of a law from a line of the page.
fn row(line: &str) -> Option<(&str, &str)> {
    let (id, text) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
    let number = id.strip_prefix(['L', 'M', 'I'])?;
    number
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some((id, text))
}

/// Returns how the names of a law's tests begin: `l04` for `L4`.
fn prefix(id: &str) -> String {
    let (letter, number) = id.split_at(1);
    format!("{}{number:0>2}", letter.to_ascii_lowercase())
}

/// Returns the tests of every law: file and name, by the beginning of their names.
fn tests(files: &[TextFile]) -> BTreeMap<String, Vec<(&str, &str)>> {
    let mut found = BTreeMap::<String, Vec<_>>::new();
    let sources = files
        .iter()
        .filter(|file| file.path.ends_with(".rs") && !file.path.starts_with("xtask/"));
    for file in sources {
        let mut is_test = false;
        for line in file.text.lines().map(str::trim) {
            if line.starts_with("#[") {
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                continue;
            }
            if is_test && let Some(name) = function(line) {
                let law = name.split('_').next().filter(|law| is_id(law));
                if let Some(law) = law {
                    found
                        .entry(law.to_owned())
                        .or_default()
                        .push((file.path.as_str(), name));
                }
            }
            is_test &= line.starts_with("//") || line.is_empty();
        }
    }
    found
}

fn is_id(text: &str) -> bool {
    let mut chars = text.chars();
    matches!(chars.next(), Some('l' | 'm' | 'i'))
        && chars.as_str().len() == 2
        && chars.all(|c| c.is_ascii_digit())
}

/// Returns the name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ").unwrap_or(line);
    let rest = rest.strip_prefix("async ").unwrap_or(rest).strip_prefix("fn ")?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_found_by_the_id_in_their_names() {
        let text = "
            #[test]
            fn l04_holds() {}
            fn l05_is_no_test() {}
            #[tokio::test]
            #[expect(lint)]
            /// Why.
            async fn l04_holds_too() {}
            #[test]
            fn late_is_no_law() {}
        ";
        let files = [TextFile {
            path: "a.rs".to_owned(),
            text: text.to_owned(),
        }];
        let found = tests(&files);
        assert_eq!(found.len(), 1);
        assert_eq!(found["l04"], [("a.rs", "l04_holds"), ("a.rs", "l04_holds_too")]);
    }

    #[test]
    fn laws_are_the_rows_of_the_page() {
        assert_eq!(row("| L4 | A law |"), Some(("L4", "A law")));
        assert_eq!(row("| id | law |"), None);
        assert_eq!(prefix("L4"), "l04");
        assert_eq!(prefix("I12"), "i12");
    }
}
