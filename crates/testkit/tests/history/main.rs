//! The checker of histories: silent about every good history, and never about a broken one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod breaks;
mod maker;

use driftless_testkit::history::{History, HistoryError};
use proptest::prelude::*;

use breaks::Break;

/// What is read from a file is what was written, and of a system that does everything right nothing is found.
#[test]
fn a_good_history_has_no_findings() {
    proptest!(ProptestConfig::with_cases(100), |(steps in maker::steps())| {
        let history = maker::history(&steps);
        let mut file = Vec::new();
        history.write(&mut file).unwrap();
        prop_assert_eq!(&History::read(file.as_slice()).unwrap(), &history);
        let report = history.check().unwrap();
        prop_assert!(report.findings.is_empty(), "{}", report);
        prop_assert!(report.is_at_rest);
    });
}

/// A history that goes on has no end to be held against: what is missing may be on its way.
#[test]
fn of_a_history_that_was_cut_nothing_is_called_lost() {
    proptest!(ProptestConfig::with_cases(100), |(steps in maker::steps(), cut in any::<prop::sample::Index>())| {
        let mut history = maker::history(&steps);
        history.events.truncate(cut.index(history.events.len()));
        let report = history.check().unwrap();
        prop_assert!(report.findings.is_empty() || report.is_at_rest, "{}", report);
    });
}

fn is_found(kind: Break) {
    proptest!(ProptestConfig::with_cases(40), |(steps in maker::steps(), place in any::<prop::sample::Index>())| {
        let mut history = maker::history(&steps);
        let broken = kind.carry_out(&mut history.events, &place);
        prop_assume!(broken.is_some());
        let report = history.check().unwrap();
        let fault = kind.fault();
        let found = report.findings.iter().find(|finding| finding.fault == fault);
        prop_assert!(found.is_some(), "{:?} is not found: {}", kind, report);
    });
}

#[test]
fn an_accepted_write_that_is_gone_is_found() {
    is_found(Break::Lose);
}

#[test]
fn a_write_that_vanished_from_a_log_is_found() {
    is_found(Break::LoseFromTheLog);
}

#[test]
fn a_write_that_is_there_twice_is_found() {
    is_found(Break::Repeat);
}

#[test]
fn writes_in_another_order_are_found() {
    is_found(Break::Reorder);
}

#[test]
fn a_write_of_nobody_is_found() {
    is_found(Break::Invent);
}

#[test]
fn a_value_that_no_write_made_is_found() {
    is_found(Break::Mix);
}

#[test]
fn a_write_that_was_taken_back_and_is_there_is_found() {
    is_found(Break::Revive);
}

#[test]
fn a_write_without_an_outcome_is_found() {
    is_found(Break::Forget);
}

#[test]
fn a_write_that_gave_way_in_silence_is_found() {
    is_found(Break::Silence);
}

#[test]
fn a_final_outcome_that_changes_is_found() {
    is_found(Break::EndAgain);
}

#[test]
fn a_reader_who_goes_back_is_found() {
    is_found(Break::GoBack);
}

#[test]
fn an_earlier_write_that_wins_is_found() {
    is_found(Break::LetTheEarlierWin);
}

#[test]
fn a_device_that_differs_is_found() {
    is_found(Break::Differ);
}

#[test]
fn a_list_that_nobody_read_is_found() {
    is_found(Break::LookAway);
}

/// The story of a finding is enough to follow it: who wrote, what was answered, what was seen.
#[test]
fn a_finding_tells_its_story() {
    let lines = r#"
        {"event": "list", "list": "notes", "rule": "kept", "tokens": ["a"]}
        {"event": "invoked", "device": "phone", "list": "notes", "token": "p1", "seen": ["a"]}
        {"event": "saved", "device": "phone", "token": "p1", "operation": "0192"}
        {"event": "ended", "device": "phone", "token": "p1", "outcome": "accepted"}
        {"event": "note", "text": "the server was killed"}
        {"event": "rest"}
        {"event": "read", "by": "server", "list": "notes", "tokens": ["a"]}
        {"event": "read", "by": "phone", "list": "notes", "tokens": ["a", "p1"]}
    "#;
    let report = History::read(lines.as_bytes()).unwrap().check().unwrap();
    let told = report.to_string();
    expect_test::expect![[r"
        `p1` in notes is lost: the server had it, and does not have it any more
              2  phone is asked to append `p1` to [a]
              3  phone has saved `p1` as 0192
              4  phone says that `p1` is accepted
              7  server shows [a]
        notes is not the same everywhere: phone and server differ in `p1`
              7  server shows [a]
              8  phone shows [a p1]
        events 8, lists 1, writes 1 (saved 1, unanswered 0; accepted 1, superseded 0, reverted 0, waiting 0), reads 2, at rest, findings 2"]]
    .assert_eq(&told);
}

/// A recorder that contradicts itself is told so: it is not the system's fault.
#[test]
fn events_that_cannot_be_are_refused() {
    let begin = r#"{"event": "list", "list": "notes", "rule": "kept", "tokens": []}"#;
    let invoked = r#"{"event": "invoked", "device": "phone", "list": "notes", "token": "p1", "seen": []}"#;
    let saved = r#"{"event": "saved", "device": "phone", "token": "p1", "operation": "1"}"#;
    let rest = r#"{"event": "rest"}"#;
    for (lines, event) in [
        (vec![invoked], 1),
        (vec![begin, begin], 2),
        (vec![begin, invoked, invoked], 3),
        (vec![begin, saved], 2),
        (vec![begin, invoked, saved, saved], 4),
        (vec![begin, rest, invoked], 3),
        (vec![rest, rest], 2),
    ] {
        let history = History::read(lines.join("\n").as_bytes()).unwrap();
        let error = history.check().unwrap_err();
        let HistoryError::Impossible { event: at, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(at, event, "{lines:?}");
    }
    let wrong = [begin, "", r#"{"event": "invented"}"#].join("\n");
    let error = History::read(wrong.as_bytes()).unwrap_err();
    assert!(matches!(error, HistoryError::Line { line: 3, .. }), "{error}");
}
