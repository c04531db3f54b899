//! The built-in policies, case by case.

use driftless_record::{
    ConflictRule, DeviceId, EntitySchema, FieldCase, RecordId, Settings, Side, Stamp, Timestamp, Value,
    settings::EntityConflictRules,
};

use super::*;
use crate::{CaseKind, ConflictCase, ConflictPolicy, Pick, Resolution};

fn stamp(at: Option<i64>, device: u8) -> Option<Stamp> {
    let device: DeviceId = format!("00000000-0000-0000-0000-00000000000{device}")
        .parse()
        .unwrap();
    at.map(|ms| Stamp {
        time: Timestamp(ms),
        counter: 0,
        device,
    })
}

fn decide(
    policy: &dyn ConflictPolicy,
    kind: CaseKind,
    times: (Option<i64>, Option<i64>),
    rule: ConflictRule,
) -> Option<Side> {
    answer(policy, kind, (times, 0), rule).0
}

/// Returns what a policy decides about stamps that may be wrong by so much, and why.
fn answer(
    policy: &dyn ConflictPolicy,
    kind: CaseKind,
    ((mine, theirs), doubt): ((Option<i64>, Option<i64>), i64),
    rule: ConflictRule,
) -> (Option<Side>, String) {
    let entity = EntitySchema::new("Case".try_into().unwrap());
    let record = RecordId::from_canonical("1");
    let settings = Settings {
        conflict: rule,
        ..Settings::default()
    };
    let field = FieldCase::new(
        "title".try_into().unwrap(),
        Value::Null,
        Value::text("a"),
        Value::text("b"),
    )
    .at(stamp(mine, 1), stamp(theirs, 2));
    let fields = if kind.is_of_fields() {
        vec![field]
    } else {
        Vec::new()
    };
    let case = ConflictCase::new(kind, &entity, &record, &settings)
        .of_fields(&fields)
        .at(stamp(mine, 1), stamp(theirs, 2))
        .doubtful(doubt);
    let answer = policy.resolve(&case);
    let side = match &answer {
        Resolution::Fields { picks, .. } => picks.values().next().cloned(),
        Resolution::Keep { side, .. } => Some(Pick::Side(*side)),
        Resolution::Ask { .. } => None,
    };
    let side = side.map(|pick| match pick {
        Pick::Side(side) => side,
        Pick::Made(value) => panic!("made {value}"),
    });
    (side, answer.reason().to_owned())
}

#[test]
fn the_later_edit_of_a_field_wins() {
    let check = |times, expected| {
        for policy in [&ExecutionOrder as &dyn ConflictPolicy, &ByRules] {
            let side = decide(
                policy,
                CaseKind::UpdateUpdate,
                times,
                ConflictRule::ExecutionOrder,
            );
            assert_eq!(side, expected, "{times:?}");
        }
    };
    check((Some(2), Some(1)), Some(Side::Mine));
    check((Some(1), Some(2)), Some(Side::Theirs));
    check((Some(1), None), None);
    check((None, Some(1)), None);
}

#[test]
fn an_edit_of_a_deleted_record_is_shown_unless_a_side_always_wins() {
    let check = |rule, expected| {
        assert_eq!(
            decide(&ByRules, CaseKind::UpdateDelete, (Some(2), Some(1)), rule),
            expected,
            "{rule:?}"
        );
    };
    check(ConflictRule::ExecutionOrder, None);
    check(ConflictRule::Ask, None);
    check(ConflictRule::ServerWins, Some(Side::Theirs));
    check(ConflictRule::ClientWins, Some(Side::Mine));
}

#[test]
fn a_delete_of_a_changed_record_goes_by_order() {
    let check = |times, expected| {
        let side = decide(&ExecutionOrder, CaseKind::DeleteUpdate, times, ConflictRule::Ask);
        assert_eq!(side, expected, "{times:?}");
    };
    check((Some(2), Some(1)), Some(Side::Mine));
    check((Some(1), Some(2)), Some(Side::Theirs));
    check((Some(1), None), None);
}

#[test]
fn l29_edits_nearer_than_the_clocks_can_tell_are_ambiguous_and_said_to_be() {
    let check = |times, doubt, expected| {
        for kind in [CaseKind::UpdateUpdate, CaseKind::DeleteUpdate] {
            for policy in [&ExecutionOrder as &dyn ConflictPolicy, &ByRules] {
                let (side, reason) = answer(policy, kind, (times, doubt), ConflictRule::ExecutionOrder);
                assert_eq!(side, expected, "{kind:?} {times:?} {doubt}");
                assert_eq!(reason.starts_with("ambiguous"), expected.is_none(), "{reason}");
            }
        }
    };
    check((Some(15), Some(10)), 5, Some(Side::Mine));
    check((Some(15), Some(10)), 6, None);
    check((Some(10), Some(15)), 5, Some(Side::Theirs));
    check((Some(10), Some(15)), 6, None);
    check((Some(1_000_000), Some(10)), i64::MAX, None);
}

/// Returns what each built-in policy and rule answers to a kind of case, mine being the later change.
fn answers(kind: CaseKind) -> String {
    let policies: [(&str, &dyn ConflictPolicy, ConflictRule); 5] = [
        ("order", &ByRules, ConflictRule::ExecutionOrder),
        ("server", &ByRules, ConflictRule::ServerWins),
        ("client", &ByRules, ConflictRule::ClientWins),
        ("ask", &ByRules, ConflictRule::Ask),
        ("merge", &FieldMerge(ClientWins), ConflictRule::Ask),
    ];
    let told = policies.map(|(name, policy, rule)| {
        let word = match decide(policy, kind, (Some(2), Some(1)), rule) {
            Some(Side::Mine) => "mine",
            Some(Side::Theirs) => "theirs",
            None => "ask",
        };
        format!("{name} {word}")
    });
    told.join(", ")
}

#[test]
fn every_kind_of_case_has_an_answer_of_every_rule() {
    let check = |kind, expected: &str| assert_eq!(answers(kind), expected, "{kind:?}");
    check(
        CaseKind::UpdateUpdate,
        "order mine, server theirs, client mine, ask ask, merge mine",
    );
    check(
        CaseKind::UpdateDelete,
        "order ask, server theirs, client mine, ask ask, merge ask",
    );
    check(
        CaseKind::DeleteUpdate,
        "order mine, server theirs, client mine, ask ask, merge ask",
    );
    check(
        CaseKind::CreateCreate,
        "order ask, server theirs, client mine, ask ask, merge ask",
    );
    check(
        CaseKind::UniqueClash,
        "order ask, server theirs, client ask, ask ask, merge ask",
    );
    check(
        CaseKind::LostReference,
        "order ask, server theirs, client ask, ask ask, merge ask",
    );
    check(
        CaseKind::CommandOnChanged,
        "order mine, server ask, client mine, ask ask, merge ask",
    );
}

#[test]
fn a_command_given_before_the_other_change_waits_for_a_person() {
    // Carried out now it would come after a change that it was given before: that is not the order of execution, and
    // unlike a value it cannot give way without somebody's word.
    let check = |times, expected| {
        let side = decide(
            &ByRules,
            CaseKind::CommandOnChanged,
            times,
            ConflictRule::ExecutionOrder,
        );
        assert_eq!(side, expected, "{times:?}");
    };
    check((Some(2), Some(1)), Some(Side::Mine));
    check((Some(1), Some(2)), None);
    check((Some(1), None), None);
}

/// Puts two fields, of which mine is later in the first and nobody tells in the second, to a policy.
fn two_fields(policy: &dyn ConflictPolicy, settings: &Settings, own: Option<ConflictRule>) -> String {
    let entity = EntitySchema::new("Case".try_into().unwrap());
    let record = RecordId::from_canonical("1");
    let field = |name: &str, times: (Option<i64>, Option<i64>)| {
        FieldCase::new(
            name.try_into().unwrap(),
            Value::Null,
            Value::text("a"),
            Value::text("b"),
        )
        .at(stamp(times.0, 1), stamp(times.1, 2))
    };
    let fields = [field("told", (Some(2), Some(1))), field("untold", (None, None))];
    let case = ConflictCase::new(CaseKind::UpdateUpdate, &entity, &record, settings)
        .of_fields(&fields)
        .under(own);
    let answer = policy.resolve(&case);
    let told = fields.each_ref().map(|field| match answer.pick(&field.field) {
        Some(Pick::Side(Side::Mine)) => "mine",
        Some(Pick::Side(Side::Theirs)) => "theirs",
        Some(Pick::Made(_)) => "made",
        None => "ask",
    });
    told.join(" ")
}

#[test]
fn a_field_that_the_second_policy_cannot_decide_holds_back_no_other() {
    /// Knows one field alone, and leaves the whole record to a person where there is another.
    struct KnowsOne;
    impl ConflictPolicy for KnowsOne {
        fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
            match case.fields {
                [field] if field.field.as_str() == "told" => Resolution::keep(Side::Theirs, "known"),
                _ => Resolution::ask("not known"),
            }
        }
    }
    let settings = Settings::default();
    assert_eq!(two_fields(&KnowsOne, &settings, None), "ask ask");
    assert_eq!(two_fields(&FieldMerge(KnowsOne), &settings, None), "theirs ask");
    assert_eq!(
        two_fields(&FieldMerge(ExecutionOrder), &settings, None),
        "mine ask"
    );
}

#[test]
fn the_rule_of_a_change_comes_before_that_of_its_field_and_this_before_its_entitys() {
    let rules = |rule, field: Option<ConflictRule>| EntityConflictRules {
        rule,
        fields: field
            .map(|rule| ("untold".try_into().unwrap(), rule))
            .into_iter()
            .collect(),
    };
    let check = |entity: Option<EntityConflictRules>, own, expected: &str| {
        let settings = Settings {
            conflict: ConflictRule::Ask,
            conflict_by_entity: entity
                .clone()
                .map(|rules| ("Case".try_into().unwrap(), rules))
                .into_iter()
                .collect(),
            ..Settings::default()
        };
        assert_eq!(
            two_fields(&ByRules, &settings, own),
            expected,
            "{entity:?} {own:?}"
        );
    };
    check(None, None, "ask ask");
    check(
        Some(rules(Some(ConflictRule::ServerWins), None)),
        None,
        "theirs theirs",
    );
    check(
        Some(rules(
            Some(ConflictRule::ServerWins),
            Some(ConflictRule::ClientWins),
        )),
        None,
        "theirs mine",
    );
    check(
        Some(rules(None, Some(ConflictRule::ClientWins))),
        None,
        "ask mine",
    );
    check(
        Some(rules(
            Some(ConflictRule::ServerWins),
            Some(ConflictRule::ServerWins),
        )),
        Some(ConflictRule::ExecutionOrder),
        "mine ask",
    );
    check(
        Some(rules(
            Some(ConflictRule::ServerWins),
            Some(ConflictRule::ServerWins),
        )),
        Some(ConflictRule::ClientWins),
        "mine mine",
    );
}

/// Returns why a policy decides as it does about two fields of an update, under a rule that the app gave, if any.
fn reason(policy: &dyn ConflictPolicy, own: Option<ConflictRule>) -> String {
    let entity = EntitySchema::new("Case".try_into().unwrap());
    let (record, settings) = (RecordId::from_canonical("1"), Settings::default());
    let field = |name: &str| {
        let (mine, theirs) = (Value::text("a"), Value::text("b"));
        FieldCase::new(name.try_into().unwrap(), Value::Null, mine, theirs)
    };
    let fields = [field("one"), field("two")];
    let case = ConflictCase::new(CaseKind::UpdateUpdate, &entity, &record, &settings).of_fields(&fields);
    policy.resolve(&case.under(own)).reason().to_owned()
}

/// A person reads who chose, the administrator or whoever gave the change a rule of its own; and reads it once, however
/// many fields it is about.
#[test]
fn a_reason_says_once_who_chose_the_rule() {
    for (policy, rule) in [
        (&ServerWins as &dyn ConflictPolicy, ConflictRule::ServerWins),
        (&ClientWins, ConflictRule::ClientWins),
    ] {
        let of_settings = reason(policy, None);
        assert!(
            of_settings.starts_with("the administrator's setting lets"),
            "{of_settings}"
        );
        assert_eq!(reason(policy, Some(ConflictRule::Ask)), of_settings);
        let own = reason(policy, Some(rule));
        assert!(
            own.starts_with("the rule that was given with this change lets"),
            "{own}"
        );
    }
    assert_eq!(reason(&FieldMerge(ServerWins), None), reason(&ServerWins, None));
    let asked = reason(&Ask, Some(ConflictRule::Ask));
    assert!(asked.ends_with("it was to be shown to you then"), "{asked}");
    let left = reason(&Ask, None);
    assert!(left.ends_with("the administrator leaves it to you"), "{left}");
}
