//! The built-in policies, case by case.

use driftless_record::{
    ConflictRule, DeviceId, EntitySchema, FieldCase, Fields, RecordId, Settings, Side, Stamp, Timestamp,
    Value,
};

use super::*;
use crate::{CaseKind, ConflictCase, ConflictPolicy, Resolution};

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
    let field = FieldCase {
        field: "title".try_into().unwrap(),
        base: Value::Null,
        mine: Value::text("a"),
        theirs: Value::text("b"),
        mine_at: stamp(mine, 1),
        theirs_at: stamp(theirs, 2),
        winner: None,
    };
    let fields = if kind == CaseKind::UpdateUpdate {
        vec![field]
    } else {
        Vec::new()
    };
    let none = Fields::new();
    let case = ConflictCase::new(kind, &entity, &record, &fields, (&none, None), &settings)
        .at(stamp(mine, 1), stamp(theirs, 2))
        .doubtful(doubt);
    match policy.resolve(&case) {
        Resolution::Fields { sides, reason } => (sides.values().next().copied(), reason),
        Resolution::Keep { side, reason } => (Some(side), reason),
        Resolution::Ask { reason } => (None, reason),
    }
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
