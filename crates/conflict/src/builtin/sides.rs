//! Policies that always choose the same side.

use driftless_record::Side;

use crate::{CaseKind, ConflictCase, ConflictPolicy, Resolution};

/// The server's values win; what they replace is kept in the sync log.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerWins;

impl ConflictPolicy for ServerWins {
    fn resolve(&self, _case: &ConflictCase<'_>) -> Resolution {
        Resolution::Keep {
            side: Side::Theirs,
            reason: "the administrator's setting lets the server's values win".to_owned(),
        }
    }
}

/// The device's values win, sent with the server's latest revision so that nothing unseen is overwritten.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClientWins;

impl ConflictPolicy for ClientWins {
    fn resolve(&self, _case: &ConflictCase<'_>) -> Resolution {
        Resolution::Keep {
            side: Side::Mine,
            reason: "the administrator's setting lets the device's values win".to_owned(),
        }
    }
}

/// A person decides everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask;

impl ConflictPolicy for Ask {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        let what = match case.kind {
            CaseKind::UpdateUpdate => "you and someone else changed the same field",
            CaseKind::UpdateDelete => "you changed this record while someone else deleted it",
            CaseKind::DeleteUpdate => "you deleted this record while someone else changed it",
            CaseKind::CreateCreate => "the server already has another record with this key",
        };
        Resolution::Ask {
            reason: format!("{what}, and the administrator leaves it to you"),
        }
    }
}
