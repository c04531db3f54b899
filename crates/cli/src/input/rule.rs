//! Conflict rules on the command line.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use driftless_record::ConflictRule;

/// The rules.
const RULES: [ConflictRule; 4] = [
    ConflictRule::ExecutionOrder,
    ConflictRule::ServerWins,
    ConflictRule::ClientWins,
    ConflictRule::Ask,
];

/// Makes a reader of the names of rules.
pub(crate) fn rule() -> impl TypedValueParser<Value = ConflictRule> {
    let of = |name: String| {
        let known = RULES.into_iter().find(|rule| rule_name(*rule) == name);
        known.unwrap_or_default()
    };
    PossibleValuesParser::new(RULES.map(rule_name)).map(of)
}

/// Returns the name of a rule.
pub(crate) fn rule_name(rule: ConflictRule) -> &'static str {
    match rule {
        ConflictRule::ExecutionOrder => "execution_order",
        ConflictRule::ServerWins => "server_wins",
        ConflictRule::ClientWins => "client_wins",
        ConflictRule::Ask => "ask",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_the_name_that_settings_give_it() {
        for rule in RULES {
            assert_eq!(serde_json::to_value(rule).unwrap(), rule_name(rule));
        }
    }
}
