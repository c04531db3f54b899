//! The laws that one answer, or two, can break.

use driftless_conflict::{Pick, Resolution};
use driftless_record::Value;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::ask::Asker;
use super::draw::samples;
use super::{Made, Sample, Trial};

/// How many cases a law looks at unless told otherwise.
const CASES: u32 = 256;

/// Returns how many cases a law looks at.
pub(super) fn cases() -> u32 {
    let told = std::env::var("DRIFTLESS_POLICY_CASES").ok();
    told.and_then(|text| text.parse().ok()).unwrap_or(CASES)
}

/// Makes a runner that draws the same in every run.
pub(super) fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Looks at drawn cases one after the other, and panics with the smallest that breaks the law.
fn look(trial: &Trial, law: impl Fn(&Sample) -> Result<(), String>) {
    let result = runner(cases()).run(&samples(trial.about.clone()), |sample| {
        law(&sample).map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, sample)) => {
            panic!("{why}\n{:?} of {:?} in {:#?}", sample.kind, sample.fields, sample)
        }
        Err(TestError::Abort(why)) => panic!("no cases could be drawn: {why}"),
    }
}

/// Every kind of case gets an answer, and in time: without one, a person is asked each time.
///
/// # Panics
/// If the policy breaks the law.
pub fn every_case_is_answered_in_time(trial: &Trial) {
    let asker = Asker::of((trial.make)());
    look(trial, |sample| {
        let bare = Sample {
            fields: Vec::new(),
            mine: driftless_record::Fields::new(),
            theirs: None,
            ..sample.clone()
        };
        asker.ask(&bare)?;
        asker.ask(sample).map(drop)
    });
}

/// The same case gets the same answer, whatever was asked before and whoever asks: what a device decides can be repeated
/// after a crash, told beforehand and replayed on a desk.
///
/// # Panics
/// If the policy breaks the law.
pub fn the_same_case_gets_the_same_answer(trial: &Trial) {
    let old = Asker::of((trial.make)());
    look(trial, |sample| {
        let first = old.ask(sample)?;
        let again = old.ask(sample)?;
        let new = Asker::of((trial.make)()).ask(sample)?;
        if first == again && first == new {
            return Ok(());
        }
        Err(format!(
            "the same case is answered differently:\n{first:?}\n{again:?}\n{new:?}"
        ))
    });
}

/// The order in which fields come says nothing.
///
/// # Panics
/// If the policy breaks the law.
pub fn the_order_of_fields_makes_no_difference(trial: &Trial) {
    let asker = Asker::of((trial.make)());
    look(trial, |sample| {
        let first = asker.ask(sample)?;
        let mut turned = sample.clone();
        for _ in 1..sample.fields.len() {
            turned.fields.rotate_left(1);
            let other = asker.ask(&turned)?;
            if other != first {
                return Err(format!(
                    "another order of fields is answered differently:\n{first:?}\n{other:?}"
                ));
            }
        }
        turned.fields.reverse();
        let other = asker.ask(&turned)?;
        if other == first {
            return Ok(());
        }
        Err(format!(
            "another order of fields is answered differently:\n{first:?}\n{other:?}"
        ))
    });
}

/// A verdict is about the fields of the case: what one side alone changed, or nobody, is not the policy's to decide.
///
/// # Panics
/// If the policy breaks the law.
pub fn only_fields_of_the_case_are_decided(trial: &Trial) {
    let asker = Asker::of((trial.make)());
    look(trial, |sample| {
        let Resolution::Fields { picks, .. } = asker.ask(sample)? else {
            return Ok(());
        };
        let strange = picks
            .keys()
            .find(|name| !sample.fields.iter().any(|case| case.field == **name));
        match strange {
            Some(name) => Err(format!("{name} is decided, and is not in the case")),
            None => Ok(()),
        }
    });
}

/// A policy makes no values unless it says that it does, and those that it makes are of their field's kind.
///
/// # Panics
/// If the policy breaks the law.
pub fn values_are_made_only_where_that_is_said(trial: &Trial) {
    let asker = Asker::of((trial.make)());
    look(trial, |sample| {
        let answer = asker.ask(sample)?;
        for case in &sample.fields {
            let Some(Pick::Made(value)) = answer.pick(&case.field) else {
                continue;
            };
            if trial.made == Made::Never {
                return Err(format!(
                    "{} gets {value}, which neither side has: a policy that makes values says `makes_values`",
                    case.field
                ));
            }
            let like = |other: &Value| std::mem::discriminant(other) == std::mem::discriminant(&value);
            if !value.is_null() && ![&case.base, &case.mine, &case.theirs].into_iter().any(like) {
                return Err(format!("{} gets {value}, which is of another kind", case.field));
            }
        }
        Ok(())
    });
}

/// Why it came out so is told to a person, who may have to decide the rest.
///
/// # Panics
/// If the policy breaks the law.
pub fn reasons_can_be_read(trial: &Trial) {
    let asker = Asker::of((trial.make)());
    look(trial, |sample| {
        let answer = asker.ask(sample)?;
        let reason = answer.reason();
        if reason.trim().is_empty() {
            return Err("the reason is empty".to_owned());
        }
        if reason.chars().any(char::is_control) || reason.chars().count() > 1000 {
            return Err(format!("the reason is no sentence: {reason:?}"));
        }
        Ok(())
    });
}
