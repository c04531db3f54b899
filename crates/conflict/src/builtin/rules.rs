//! The rules of the administrator and of the app, per entity, field and change.

use driftless_record::ConflictRule;

use super::merge::by_field;
use super::{Ask, ClientWins, ExecutionOrder, ServerWins};
use crate::{ConflictCase, ConflictPolicy, Resolution};

/// Decides as [`ConflictCase::rule`] says: by the rule that the app gave for this change, else by the administrator's
/// settings, per field where fields contradict each other. The default policy of driftless.
#[derive(Debug, Clone, Copy, Default)]
pub struct ByRules;

impl ConflictPolicy for ByRules {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        let mut rules = case.fields.iter().map(|field| case.rule(Some(&field.field)));
        let first = rules.next().filter(|_| case.kind.is_of_fields());
        match first {
            Some(first) if rules.all(|rule| rule == first) => policy(first).resolve(case),
            Some(_) => by_field(case, |field| policy(case.rule(Some(field)))),
            None => policy(case.rule(None)).resolve(case),
        }
    }
}

/// Returns the policy that carries out a rule.
#[must_use]
fn policy(rule: ConflictRule) -> &'static dyn ConflictPolicy {
    match rule {
        ConflictRule::ExecutionOrder => &ExecutionOrder,
        ConflictRule::ServerWins => &ServerWins,
        ConflictRule::ClientWins => &ClientWins,
        ConflictRule::Ask => &Ask,
    }
}
