//! Execution order: the later edit wins.

use std::collections::BTreeMap;

use driftless_record::FieldCase;

use crate::{CaseKind, ConflictCase, ConflictPolicy, Later, Resolution};

/// The later edit wins, field by field, where both sides tell when they made it; otherwise a person decides. Edits that
/// are nearer to each other than the clocks of both sides can tell are ambiguous: nothing is guessed, a person decides.
///
/// An edit of a record that the server no longer has is always shown: a record is not brought back by an order of times.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExecutionOrder;

impl ConflictPolicy for ExecutionOrder {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        match case.kind {
            CaseKind::UpdateUpdate => by_field(case),
            CaseKind::DeleteUpdate => match case.later(case.mine_at, case.theirs_at) {
                Later::Known(side) => Resolution::Keep { side, reason: "the later change wins".to_owned() },
                Later::NotTold => Resolution::Ask {
                    reason: "you deleted this record while someone else changed it, and the server does not tell when"
                        .to_owned(),
                },
                Later::TooNear => Resolution::Ask {
                    reason: "ambiguous: you deleted this record while someone else changed it, and the clocks cannot tell which was later"
                        .to_owned(),
                },
            },
            CaseKind::UpdateDelete => Resolution::Ask {
                reason: "you changed this record while someone else deleted it".to_owned(),
            },
            CaseKind::CreateCreate => {
                Resolution::Ask { reason: "the server already has another record with this key".to_owned() }
            }
        }
    }
}

fn by_field(case: &ConflictCase<'_>) -> Resolution {
    let later = |field: &FieldCase| case.later(field.mine_at, field.theirs_at);
    let known = |field: &FieldCase| Some((field.field.clone(), later(field).side()?));
    let sides: BTreeMap<_, _> = case.fields.iter().filter_map(known).collect();
    let is_near = case.fields.iter().any(|field| later(field) == Later::TooNear);
    let reason = if sides.len() == case.fields.len() {
        "the later edit of a field wins"
    } else if is_near {
        "ambiguous: someone else changed the same field at nearly the same time, and the clocks cannot tell whose change was later"
    } else {
        "someone else changed the same field, and the server does not tell whose change was later"
    };
    Resolution::Fields {
        sides,
        reason: reason.to_owned(),
    }
}
