//! The administrator's rules, per entity and field.

use std::collections::BTreeMap;

use driftless_record::{ConflictRule, Side};

use super::{Ask, ClientWins, ExecutionOrder, ServerWins};
use crate::{CaseKind, ConflictCase, ConflictPolicy, Resolution};

/// Decides as the settings say, per entity and per field. The default policy of driftless.
#[derive(Debug, Clone, Copy, Default)]
pub struct ByRules;

impl ConflictPolicy for ByRules {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        if case.kind != CaseKind::UpdateUpdate {
            return policy(case.settings.conflict_rule(&case.entity.name, None)).resolve(case);
        }
        let mut sides = BTreeMap::new();
        let mut rules = Vec::new();
        for field in case.fields {
            let rule = case.settings.conflict_rule(&case.entity.name, Some(&field.field));
            let side = match rule {
                ConflictRule::ExecutionOrder => case.later(field.mine_at, field.theirs_at).side(),
                ConflictRule::ServerWins => Some(Side::Theirs),
                ConflictRule::ClientWins => Some(Side::Mine),
                ConflictRule::Ask => None,
            };
            sides.extend(side.map(|side| (field.field.clone(), side)));
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
        if let [rule] = rules.as_slice() {
            return policy(*rule).resolve(case);
        }
        Resolution::Fields {
            sides,
            reason: "decided field by field, as the administrator's settings say".to_owned(),
        }
    }
}

fn policy(rule: ConflictRule) -> &'static dyn ConflictPolicy {
    match rule {
        ConflictRule::ExecutionOrder => &ExecutionOrder,
        ConflictRule::ServerWins => &ServerWins,
        ConflictRule::ClientWins => &ClientWins,
        ConflictRule::Ask => &Ask,
    }
}
