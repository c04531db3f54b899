//! Policies that always choose the same side, and the one that chooses none.

use driftless_record::{ConflictRule, Side};

use crate::{CaseKind, ConflictCase, ConflictPolicy, Resolution};

/// The server's values win; what they replace is kept in the sync log.
///
/// A command is no value: one on a record that was changed waits for a person.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerWins;

impl ConflictPolicy for ServerWins {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        match case.kind {
            CaseKind::CommandOnChanged => Resolution::ask(case.kind.words()),
            CaseKind::UpdateUpdate
            | CaseKind::UpdateDelete
            | CaseKind::DeleteUpdate
            | CaseKind::CreateCreate
            | CaseKind::UniqueClash
            | CaseKind::LostReference => Resolution::keep(
                Side::Theirs,
                format!(
                    "{} lets the server's values win",
                    who_says(case, ConflictRule::ServerWins)
                ),
            ),
        }
    }
}

/// The device's values win, sent with the server's latest revision so that nothing unseen is overwritten.
///
/// A value that is taken and a record that is gone stay so, whoever is to win: a person decides.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClientWins;

impl ConflictPolicy for ClientWins {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        match case.kind {
            CaseKind::UniqueClash | CaseKind::LostReference => Resolution::ask(case.kind.words()),
            CaseKind::UpdateUpdate
            | CaseKind::UpdateDelete
            | CaseKind::DeleteUpdate
            | CaseKind::CreateCreate
            | CaseKind::CommandOnChanged => Resolution::keep(
                Side::Mine,
                format!(
                    "{} lets the device's values win",
                    who_says(case, ConflictRule::ClientWins)
                ),
            ),
        }
    }
}

/// A person decides everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask;

impl ConflictPolicy for Ask {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        let what = case.kind.words();
        Resolution::ask(if case.own_rule == Some(ConflictRule::Ask) {
            format!("{what}, and it was to be shown to you then")
        } else {
            format!("{what}, and the administrator leaves it to you")
        })
    }
}

/// Says who chose a rule.
fn who_says(case: &ConflictCase<'_>, rule: ConflictRule) -> &'static str {
    if case.own_rule == Some(rule) {
        "the rule that was given with this change"
    } else {
        "the administrator's setting"
    }
}
