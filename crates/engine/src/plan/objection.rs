//! What a policy's answer does about a value that the server has something against: one that another record has, or a
//! lookup that leads nowhere (see [`CaseKind::UniqueClash`] and [`CaseKind::LostReference`]).

use std::collections::BTreeSet;

use driftless_conflict::{CaseKind, MergedEdits};
use driftless_record::{
    Cause, CauseClass, FieldCase, FieldName, Fields, LogKind, Operation, OperationId, OperationState, Side,
    Value,
};

use super::case::Case;
use super::decide::{Draft, Facts, Verdict, decide};
use super::run::{Effect, Run};
use super::settle::{apply_sides, case, decided, doubt};
use crate::fold::fold;

/// What the server has against values of a change: kept until the policy has said what becomes of it, but not across a
/// restart. Then the change is simply sent, and refused, once more.
#[derive(Debug, Clone)]
pub(crate) struct Objection {
    /// What the server said.
    pub cause: Cause,
    /// The operations that it was said of.
    pub operations: BTreeSet<OperationId>,
    /// The values that it is about.
    pub values: Fields,
}

impl Objection {
    fn kind(&self) -> CaseKind {
        match self.cause.class {
            CauseClass::MissingReference => CaseKind::LostReference,
            _ => CaseKind::UniqueClash,
        }
    }

    /// Returns whether what it was said of is still to be sent. Once it was parked, a person may have mended what the
    /// server had against it.
    pub(crate) fn is_open(&self, pending: &[Operation]) -> bool {
        let mut said_of = pending.iter().filter(|o| self.operations.contains(&o.id));
        said_of.any(|operation| operation.state.is_to_be_sent())
    }

    /// Returns whether it is about a run: nobody has set another value since.
    pub(super) fn is_about(&self, run: &Run) -> bool {
        let (Effect::Create(edits) | Effect::Update(edits)) = run.effect() else {
            return false;
        };
        let same =
            |(name, value): (&FieldName, &Value)| edits.get(name).is_some_and(|edit| edit.new == *value);
        self.values.iter().all(same) && run.operations.iter().any(|o| self.operations.contains(&o.id))
    }
}

/// Asks the policy about values that the server did not take, and carries its answer out.
///
/// What gives way is left out of a change, and kept in the log; a new record is not sent without what a person gave it,
/// so that he decides. A value that was made instead is sent. That mine is to win changes nothing of the server's mind:
/// that too is for a person.
pub(super) fn decide_objection(facts: &Facts<'_>, mut run: Run, objection: &Objection) -> Verdict {
    let (edits, is_new) = match run.effect() {
        Effect::Create(edits) => (edits, true),
        Effect::Update(edits) if facts.image.present().is_some() => (edits, false),
        Effect::Update(_) | Effect::Delete { .. } | Effect::Nothing | Effect::Command(..) => {
            return decide(facts, run);
        }
    };
    facts.clocks.stamp(&mut run.operations);
    let mut fields = cases(facts, &edits, objection);
    let mine = fold(facts.image, &run.operations).map(|record| record.fields);
    let case = Case {
        doubt: doubt(facts, &run, &edits, &fields),
        ..case(facts, objection.kind(), fields.clone(), mine.unwrap_or_default())
    };
    let Some(answer) = facts.judging.answer(&case) else {
        return Verdict::Ask(Box::new(case));
    };
    let mut reason = answer.reason().to_owned();
    for field in &mut fields {
        let name = field.field.clone();
        match decided(facts.entity, &answer, &name) {
            Ok((Some(Side::Theirs), _)) if is_new => {
                reason.push_str(&format!("; but a new record is not sent without its {name}"));
            }
            Ok((Some(Side::Mine), Some(made))) if made != field.mine => {
                (field.winner, field.made) = (Some(Side::Mine), Some(made));
            }
            Ok((Some(Side::Mine), _)) => reason.push_str("; but the server does not take it"),
            Ok((winner, _)) => field.winner = winner,
            Err(_) => reason.push_str(&format!("; but {name} cannot take the value made instead")),
        }
    }
    if fields.is_empty() || fields.iter().any(|field| field.winner.is_none()) {
        return Verdict::Refuse {
            run,
            cause: Box::new(objection.cause.clone()),
            fields,
            reason: (reason != objection.kind().words()).then_some(reason),
        };
    }
    // The answer is about these fields alone: whether others are in conflict is still to be seen, so the run rests on
    // the revision that it did.
    let run = apply_sides(run, &fields);
    let draft = Draft {
        kind: LogKind::Overwritten,
        fields,
        reason,
        kept: Fields::new(),
    };
    with_draft(decide(facts, run), &draft)
}

fn cases(facts: &Facts<'_>, edits: &MergedEdits, objection: &Objection) -> Vec<FieldCase> {
    let theirs = facts.image.present();
    let case = |name: &FieldName| {
        let edit = edits.get(name)?;
        let now = theirs.and_then(|theirs| theirs.record.fields.get(name));
        let at = theirs.and_then(|theirs| theirs.stamps.get(name));
        let case = FieldCase::new(
            name.clone(),
            edit.old.clone(),
            edit.new.clone(),
            now.cloned().unwrap_or_default(),
        );
        Some(case.at(edit.stamp, at.copied()))
    };
    objection.values.keys().filter_map(case).collect()
}

/// Adds what was given up to what else is said of the verdict.
fn with_draft(verdict: Verdict, draft: &Draft) -> Verdict {
    let joined = |log: Option<Draft>| match log {
        None => draft.clone(),
        Some(log) => Draft {
            fields: draft.fields.iter().cloned().chain(log.fields).collect(),
            reason: format!("{}; {}", draft.reason, log.reason),
            ..log
        },
    };
    match verdict {
        Verdict::Send { change, run, log } => Verdict::Send {
            change,
            run,
            log: Some(joined(log)),
        },
        Verdict::Finish { log, .. } => Verdict::Finish {
            state: OperationState::Superseded,
            log: Some(joined(log)),
        },
        Verdict::Park { run, log } => Verdict::Park {
            run,
            log: joined(Some(log)),
        },
        // Nothing of it is committed: it is decided again.
        Verdict::Fetch | Verdict::Ask(_) | Verdict::Stuck(_) | Verdict::Refuse { .. } => verdict,
    }
}
