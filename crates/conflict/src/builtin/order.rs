//! Execution order: the later edit wins.

use std::collections::BTreeMap;

use driftless_record::{Side, Stamp};

use crate::{CaseKind, ConflictCase, ConflictPolicy, Resolution};

/// The later edit wins, field by field, where both sides tell when they made it; otherwise a person decides.
///
/// An edit of a record that the server no longer has is always shown: a record is not brought back by an order of times.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExecutionOrder;

/// Returns the side with the larger stamp, or `None` if a stamp is missing.
pub(super) fn later(mine: Option<Stamp>, theirs: Option<Stamp>) -> Option<Side> {
    let (mine, theirs) = (mine?, theirs?);
    Some(if mine > theirs { Side::Mine } else { Side::Theirs })
}

impl ConflictPolicy for ExecutionOrder {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        match case.kind {
            CaseKind::UpdateUpdate => by_field(case),
            CaseKind::DeleteUpdate => match later(case.mine_at, case.theirs_at) {
                Some(side) => Resolution::Keep { side, reason: "the later change wins".to_owned() },
                None => Resolution::Ask {
                    reason: "you deleted this record while someone else changed it, and the server does not tell when"
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
    let mut sides = BTreeMap::new();
    for field in case.fields {
        if let Some(side) = later(field.mine_at, field.theirs_at) {
            sides.insert(field.field.clone(), side);
        }
    }
    if sides.len() == case.fields.len() {
        Resolution::Fields {
            sides,
            reason: "the later edit of a field wins".to_owned(),
        }
    } else {
        let reason =
            "someone else changed the same field, and the server does not tell whose change was later";
        Resolution::Fields {
            sides,
            reason: reason.to_owned(),
        }
    }
}
