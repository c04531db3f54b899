//! Execution order: the later edit wins.

use std::collections::BTreeMap;

use driftless_record::{FieldCase, Side};

use crate::{CaseKind, ConflictCase, ConflictPolicy, Later, Pick, Resolution};

/// The later edit wins, field by field, where both sides tell when they made it; otherwise a person decides. Edits that
/// are nearer to each other than the clocks of both sides can tell are ambiguous: nothing is guessed, a person decides.
///
/// An edit of a record that the server no longer has is always shown: a record is not brought back by an order of times.
/// A command that was given after the other change is carried out, since it was given later; one that was given before
/// it waits for a person, who knows whether it still makes sense. No order helps against a value that is taken or a
/// record that is gone.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExecutionOrder;

impl ConflictPolicy for ExecutionOrder {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        match case.kind {
            CaseKind::UpdateUpdate => by_field(case),
            CaseKind::DeleteUpdate => match later(case) {
                Ok(side) => Resolution::keep(side, "the later change wins"),
                Err(ask) => ask,
            },
            CaseKind::CommandOnChanged => match later(case) {
                Ok(Side::Mine) => {
                    Resolution::keep(Side::Mine, "your command was given after the other change")
                }
                Ok(Side::Theirs) => Resolution::ask(format!("{}, and later than you", case.kind.words())),
                Err(ask) => ask,
            },
            CaseKind::UpdateDelete
            | CaseKind::CreateCreate
            | CaseKind::UniqueClash
            | CaseKind::LostReference => Resolution::ask(case.kind.words()),
        }
    }
}

/// Returns whose change of the record was later, or the question to a person.
fn later(case: &ConflictCase<'_>) -> Result<Side, Resolution> {
    let words = case.kind.words();
    match case.later(case.mine_at, case.theirs_at) {
        Later::Known(side) => Ok(side),
        Later::NotTold => Err(Resolution::ask(format!(
            "{words}, and the server does not tell when"
        ))),
        Later::TooNear => Err(Resolution::ask(format!(
            "ambiguous: {words}, and the clocks cannot tell which was later"
        ))),
    }
}

fn by_field(case: &ConflictCase<'_>) -> Resolution {
    let later = |field: &FieldCase| case.later(field.mine_at, field.theirs_at);
    let known = |field: &FieldCase| Some((field.field.clone(), Pick::Side(later(field).side()?)));
    let picks: BTreeMap<_, _> = case.fields.iter().filter_map(known).collect();
    let is_near = case.fields.iter().any(|field| later(field) == Later::TooNear);
    let reason = if picks.len() == case.fields.len() {
        "the later edit of a field wins"
    } else if is_near {
        "ambiguous: someone else changed the same field at nearly the same time, and the clocks cannot tell whose change was later"
    } else {
        "someone else changed the same field, and the server does not tell whose change was later"
    };
    Resolution::fields(picks, reason)
}
