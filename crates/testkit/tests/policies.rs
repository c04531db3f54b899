//! The laws of policies hold for those that come with driftless, and catch those that break them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use driftless_conflict::{CaseKind, ConflictCase, ConflictPolicy, Pick, Resolution};
use driftless_record::{Side, Value};
use driftless_testkit::policy::{self, Trial};

mod by_rules {
    driftless_testkit::policy_laws!(driftless_conflict::ByRules);
}
mod execution_order {
    driftless_testkit::policy_laws!(driftless_conflict::ExecutionOrder);
}
mod server_wins {
    driftless_testkit::policy_laws!(driftless_conflict::ServerWins);
}
mod client_wins {
    driftless_testkit::policy_laws!(driftless_conflict::ClientWins);
}
mod ask {
    driftless_testkit::policy_laws!(driftless_conflict::Ask);
}
mod field_merge {
    driftless_testkit::policy_laws!(driftless_conflict::FieldMerge(driftless_conflict::ExecutionOrder));
}

/// A policy made of a function.
struct By<F>(F);

impl<F: Fn(&ConflictCase<'_>) -> Resolution + Send + Sync> ConflictPolicy for By<F> {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        (self.0)(case)
    }
}

fn trial<F>(decide: F) -> Trial
where
    F: Fn(&ConflictCase<'_>) -> Resolution + Send + Sync + Clone + 'static,
{
    Trial::of(move || By(decide.clone()))
}

/// Holds that a law is broken, and that the policy is told why.
#[track_caller]
fn caught(law: fn(&Trial), trial: &Trial, why: &str) {
    let failed = catch_unwind(AssertUnwindSafe(|| law(trial))).unwrap_err();
    let told = failed.downcast_ref::<String>().unwrap();
    assert!(told.contains(why), "{told}");
}

fn theirs() -> Resolution {
    Resolution::keep(Side::Theirs, "theirs")
}

#[test]
fn a_policy_that_panics_on_one_kind_is_caught() {
    let trial = trial(|case| {
        assert!(case.kind != CaseKind::UniqueClash, "never heard of it");
        theirs()
    });
    caught(policy::every_case_is_answered_in_time, &trial, "UniqueClash");
}

#[test]
fn a_policy_that_takes_the_other_record_for_granted_is_caught() {
    let trial = trial(|case| match case.theirs {
        Some(_) => theirs(),
        None => panic!("no record"),
    });
    caught(
        policy::every_case_is_answered_in_time,
        &trial,
        "the policy panics",
    );
}

/// Waits for what never comes.
struct Hangs(Sender<()>, Mutex<Receiver<()>>);

impl ConflictPolicy for Hangs {
    fn resolve(&self, _case: &ConflictCase<'_>) -> Resolution {
        let _ = (&self.0, self.1.lock().unwrap().recv());
        theirs()
    }
}

#[test]
fn a_policy_that_hangs_is_caught() {
    let hangs = || {
        let (never, waits) = channel();
        Hangs(never, Mutex::new(waits))
    };
    caught(
        policy::every_case_is_answered_in_time,
        &Trial::of(hangs),
        "does not answer within",
    );
}

#[test]
fn a_policy_that_remembers_is_caught() {
    /// Gives in every other time.
    struct Alternates(AtomicBool);
    impl ConflictPolicy for Alternates {
        fn resolve(&self, _case: &ConflictCase<'_>) -> Resolution {
            let mine = self.0.fetch_xor(true, Ordering::Relaxed);
            Resolution::keep(if mine { Side::Mine } else { Side::Theirs }, "in turns")
        }
    }
    caught(
        policy::the_same_case_gets_the_same_answer,
        &Trial::of(|| Alternates(AtomicBool::new(false))),
        "answered differently",
    );
}

#[test]
fn a_policy_that_differs_from_one_device_to_the_next_is_caught() {
    static MADE: AtomicBool = AtomicBool::new(false);
    let trial = Trial::of(|| {
        let mine = MADE.fetch_xor(true, Ordering::Relaxed);
        By(move |_: &ConflictCase<'_>| {
            Resolution::keep(if mine { Side::Mine } else { Side::Theirs }, "as I was made")
        })
    });
    caught(
        policy::the_same_case_gets_the_same_answer,
        &trial,
        "answered differently",
    );
}

#[test]
fn a_policy_that_looks_at_the_first_field_is_caught() {
    let trial = trial(|case| match case.fields {
        [first, ..] => Resolution::fields([(first.field.clone(), Side::Mine.into())], "the first"),
        [] => theirs(),
    });
    caught(
        policy::the_order_of_fields_makes_no_difference,
        &trial,
        "another order of fields",
    );
}

#[test]
fn a_policy_that_decides_what_nobody_asked_is_caught() {
    let trial = trial(|case| {
        let all = case
            .mine
            .keys()
            .map(|field| (field.clone(), Pick::Side(Side::Theirs)));
        Resolution::fields(all, "the whole record")
    });
    caught(
        policy::only_fields_of_the_case_are_decided,
        &trial,
        "is not in the case",
    );
}

/// Gives every field a value.
fn makes(value: Value) -> Trial {
    trial(move |case| {
        let all = case.fields.iter();
        Resolution::fields(
            all.map(|field| (field.field.clone(), Pick::Made(value.clone()))),
            "made",
        )
    })
}

#[test]
fn a_policy_that_makes_values_without_saying_so_is_caught() {
    caught(
        policy::values_are_made_only_where_that_is_said,
        &makes(Value::Null),
        "which neither side has",
    );
}

#[test]
fn a_policy_that_makes_values_of_another_kind_is_caught() {
    caught(
        policy::values_are_made_only_where_that_is_said,
        &makes(Value::Binary(vec![7])).making_values(),
        "of another kind",
    );
}

#[test]
fn a_policy_that_says_nothing_is_caught() {
    caught(
        policy::reasons_can_be_read,
        &trial(|_| Resolution::ask(" ")),
        "empty",
    );
    caught(
        policy::reasons_can_be_read,
        &trial(|case| Resolution::ask(format!("{:#?}", case.fields))),
        "no sentence",
    );
}

#[test]
fn a_policy_that_panics_holds_up_no_world() {
    caught(
        policy::devices_end_equal_and_keep_what_one_side_changed,
        &trial(|_| panic!("broken")),
        "the policy panics",
    );
}
