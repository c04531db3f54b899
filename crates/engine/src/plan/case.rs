//! Conflicts as planning puts them to a policy, and what is known of the answers.

use std::sync::Arc;

use driftless_conflict::{ByRules, CaseKind, ConflictCase, Resolution};
use driftless_record::{ConflictRule, EntitySchema, FieldCase, Fields, RecordId, Settings, Stamp};

use crate::judge::{Policy, ask_in_place};

/// A conflict, kept until it is answered.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub kind: CaseKind,
    pub entity: Arc<EntitySchema>,
    pub record: RecordId,
    pub fields: Vec<FieldCase>,
    pub mine: Fields,
    pub theirs: Option<Fields>,
    pub doubt: i64,
    pub mine_at: Option<Stamp>,
    pub theirs_at: Option<Stamp>,
    pub own_rule: Option<ConflictRule>,
    pub settings: Settings,
    /// The name of the command, in a case of one.
    pub command: Option<String>,
}

impl Case {
    /// Returns the case as a policy sees it.
    pub(crate) fn seen(&self) -> ConflictCase<'_> {
        let case = ConflictCase::new(self.kind, &self.entity, &self.record, &self.settings);
        let case = match &self.command {
            Some(command) => case.of_command(command),
            None => case,
        };
        case.of_fields(&self.fields)
            .between(&self.mine, self.theirs.as_ref())
            .at(self.mine_at, self.theirs_at)
            .doubtful(self.doubt)
            .under(self.own_rule)
    }

    /// Returns whether both are about the same values: how exactly the clocks are known may have changed meanwhile.
    fn is_as(&self, other: &Self) -> bool {
        let values = |case: &FieldCase| {
            (
                case.field.clone(),
                case.base.clone(),
                case.mine.clone(),
                case.theirs.clone(),
            )
        };
        self.kind == other.kind
            && self.record == other.record
            && self.entity.name == other.entity.name
            && self.mine == other.mine
            && self.theirs == other.theirs
            && self.fields.iter().map(values).eq(other.fields.iter().map(values))
    }
}

/// What policies have answered so far.
#[derive(Debug, Default)]
pub(crate) struct Answers(Vec<(Case, Resolution)>);

impl Answers {
    /// Keeps an answer.
    pub(crate) fn keep(&mut self, case: Case, answer: Resolution) {
        self.0.push((case, answer));
    }

    fn to(&self, case: &Case) -> Option<Resolution> {
        let known = self.0.iter().rev().find(|(known, _)| known.is_as(case));
        known.map(|(_, answer)| answer.clone())
    }
}

/// Who decides, and what is known of it.
#[derive(Clone, Copy)]
pub(crate) struct Judging<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Its answers so far, if it is the app's own.
    pub answers: &'a Answers,
}

impl Judging<'_> {
    /// Returns the answer to a case; `None` if the app's policy has to be asked first.
    pub(crate) fn answer(&self, case: &Case) -> Option<Resolution> {
        match self.policy {
            // What was said for this one change comes before everything else.
            _ if case.own_rule.is_some() => Some(ask_in_place(&ByRules, case)),
            Policy::Rules => Some(ask_in_place(&ByRules, case)),
            Policy::BuiltIn(policy) => Some(ask_in_place(&**policy, case)),
            Policy::Own { .. } => self.answers.to(case),
        }
    }
}
