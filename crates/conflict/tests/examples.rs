//! The examples keep the laws of policies, and do what they say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../examples/amount_only_grows.rs"]
#[expect(dead_code, reason = "an example has a main function of its own")]
mod amount_only_grows;
#[path = "../examples/tags_are_united.rs"]
#[expect(dead_code, reason = "an example has a main function of its own")]
mod tags_are_united;

use driftless_conflict::{ByRules, CaseKind, ConflictCase, ConflictPolicy as _, Pick};
use driftless_record::{EntitySchema, FieldCase, RecordId, Settings, Side, Value};
use driftless_testkit::policy::thing;

use amount_only_grows::AmountOnlyGrows;
use tags_are_united::TagsAreUnited;

mod amounts {
    driftless_testkit::policy_laws!(super::AmountOnlyGrows);
}
mod tags {
    driftless_testkit::policy_laws!(super::TagsAreUnited, about = super::thing(), makes_values);
}

/// Returns what a policy makes of an amount and a title that both sides changed.
fn amount(kind: CaseKind, mine: &str, theirs: &str) -> (Option<Pick>, Option<Pick>) {
    let entity = EntitySchema::new("Opportunity".try_into().unwrap());
    let (record, settings) = (RecordId::from_canonical("1"), Settings::default());
    let decimal = |text: &str| Value::Decimal(text.parse().unwrap());
    let name = |text: &str| text.try_into().unwrap();
    let fields = [
        FieldCase::new(
            name("title"),
            Value::text("a"),
            Value::text("b"),
            Value::text("c"),
        ),
        FieldCase::new(name("amount"), decimal("100"), decimal(mine), decimal(theirs)),
    ];
    let case = ConflictCase::new(kind, &entity, &record, &settings).of_fields(&fields);
    let answer = AmountOnlyGrows.resolve(&case);
    (answer.pick(&fields[1].field), answer.pick(&fields[0].field))
}

#[test]
fn an_amount_only_grows_and_other_fields_go_by_the_rules() {
    let check = |mine, theirs, winner: Side| {
        assert_eq!(
            amount(CaseKind::UpdateUpdate, mine, theirs),
            (Some(winner.into()), None)
        );
    };
    check("250", "200", Side::Mine);
    check("250", "300", Side::Theirs);
    check("90", "99.5", Side::Theirs);
    assert_eq!(amount(CaseKind::CreateCreate, "250", "200"), (None, None));
}

#[test]
fn tags_of_both_sides_are_kept_and_taken_away_ones_stay_away() {
    let check = |base: &str, mine: &str, theirs: &str, expected: Pick| {
        let entity = EntitySchema::new("Contact".try_into().unwrap());
        let (record, settings) = (RecordId::from_canonical("1"), Settings::default());
        let tags = |text: &str| Value::Choices(text.split_whitespace().map(str::to_owned).collect());
        let fields = [FieldCase::new(
            "tags".try_into().unwrap(),
            tags(base),
            tags(mine),
            tags(theirs),
        )];
        let case = ConflictCase::new(CaseKind::UpdateUpdate, &entity, &record, &settings).of_fields(&fields);
        assert_eq!(ByRules.resolve(&case).pick(&fields[0].field), None);
        assert_eq!(
            TagsAreUnited.resolve(&case).pick(&fields[0].field),
            Some(expected)
        );
    };
    let made = |tags: &[&str]| Pick::Made(Value::Choices(tags.iter().map(|tag| (*tag).to_owned()).collect()));
    check("", "a", "b", made(&["a", "b"]));
    check("a b", "a", "b c", made(&["c"]));
    check("a", "a b", "", made(&["b"]));
    check("a", "b", "b c", Side::Theirs.into());
    check("a b", "b c", "b", Side::Mine.into());
}
