//! Every row of `cargo xtask bench` can be measured, on a small scale.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

fn bench(arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_driftless-bench"))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_row_measures_something_and_names_a_limit_that_is_there() {
    let names: Vec<String> = bench(&["list"])
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    let known: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(known.len(), names.len(), "row names are unique");
    for name in &names {
        let measured = bench(&["run", name, "2500", "20"]);
        let [row] = measured.as_slice() else {
            panic!("{name} measured {measured:?}");
        };
        assert_eq!(row["name"], name.as_str());
        assert!(row["value"].as_f64().unwrap() > 0.0, "{name} measured nothing");
        if let Some(limit) = row["limit"]["row"].as_str() {
            assert!(known.contains(limit), "{name} is held against {limit}");
        }
    }
}

#[test]
fn a_reply_is_confirmed_by_one_commit_and_edits_travel_a_hundred_a_request() {
    let count = |name: &str| bench(&["run", name, "2500", "20"])[0]["value"].as_f64().unwrap();
    let fewest = count("push-batches");
    assert_eq!(count("push-confirms"), fewest);
    // Signing in and reading the description come on top.
    assert!(count("push-requests") <= fewest + 3.0);
}
