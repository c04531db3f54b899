//! Policies that always choose the same side.

use driftless_record::Side;

use crate::{ConflictCase, ConflictPolicy, Resolution};

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
    fn resolve(&self, _case: &ConflictCase<'_>) -> Resolution {
        Resolution::Ask {
            reason: "this is left to you to decide".to_owned(),
        }
    }
}
