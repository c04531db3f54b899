//! Runs the standard's grammar cases, as far as this crate implements their rules.
//!
//! The cases are read from the file that `DRIFTLESS_ABNF_CASES` names, by default
//! `../shared/odata-abnf/testcases.yaml` from the workspace root. They are not part of this project.

mod model;

use std::collections::BTreeMap;
use std::path::PathBuf;

use driftless_odata::syntax::{SyntaxErrorKind, conformance};
use saphyr::{LoadableYamlNode, Yaml};

/// The rules that this crate must know.
const NEEDED: &[&str] = &[
    "filter",
    "boolCommonExpr",
    "commonExpr",
    "orderby",
    "select",
    "expand",
    "search",
    "searchExpr",
    "keyPredicate",
    "header",
    "preference",
    "primitiveLiteral",
    "primitiveValue",
];

#[derive(Default)]
struct Tally {
    passed: u32,
    failed: u32,
    not_implemented: u32,
}

/// The file with the cases; a relative path counts from the workspace root.
fn cases_file() -> PathBuf {
    let named = std::env::var_os("DRIFTLESS_ABNF_CASES").map(PathBuf::from);
    let path = named.unwrap_or_else(|| PathBuf::from("../shared/odata-abnf/testcases.yaml"));
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn field<'a>(case: &'a Yaml<'_>, name: &str) -> Option<&'a str> {
    case.as_mapping_get(name).and_then(Yaml::as_str)
}

#[test]
fn the_grammar_is_that_of_the_standard() {
    for rule in NEEDED {
        assert!(
            conformance::check(rule, "").is_some(),
            "{rule} is not implemented"
        );
    }
    let file = cases_file();
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!(
            "skipped: no grammar cases at {} (set DRIFTLESS_ABNF_CASES)",
            file.display()
        );
        return;
    };
    let documents = Yaml::load_from_str(&text).expect("the cases are YAML");
    let document = documents.first().expect("the file has a document");
    let model = model::Model::of(document);
    let cases = document
        .as_mapping_get("TestCases")
        .and_then(Yaml::as_sequence)
        .expect("TestCases is a list");

    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut failures = Vec::new();
    for case in cases {
        let (Some(rule), Some(input)) = (field(case, "Rule"), field(case, "Input")) else {
            failures.push(format!("a case without rule or input: {case:?}"));
            continue;
        };
        let tally = tallies.entry(rule.to_owned()).or_default();
        let positive = case.as_mapping_get("FailAt").is_none();
        match conformance::check(rule, input).map(|read| read.and_then(|()| model.check(rule, input))) {
            None => tally.not_implemented += 1,
            Some(Err(error)) if positive && matches!(error.kind, SyntaxErrorKind::Unsupported(_)) => {
                println!("not implemented: {rule} {input:?}: {error}");
                tally.not_implemented += 1;
            }
            Some(result) if result.is_ok() == positive => tally.passed += 1,
            Some(result) => {
                tally.failed += 1;
                let said = result
                    .err()
                    .map_or_else(|| "was accepted".to_owned(), |error| error.to_string());
                failures.push(format!("{rule} {input:?}: {said}"));
            }
        }
    }
    println!(
        "{:<32} {:>6} {:>6} {:>15}",
        "rule", "passed", "failed", "not implemented"
    );
    for (rule, tally) in &tallies {
        println!(
            "{rule:<32} {:>6} {:>6} {:>15}",
            tally.passed, tally.failed, tally.not_implemented
        );
    }
    assert!(
        failures.is_empty(),
        "{} cases failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
