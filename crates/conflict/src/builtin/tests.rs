//! The built-in policies, case by case.

use driftless_record::{
    ConflictRule, DeviceId, EntitySchema, FieldCase, Fields, RecordId, Settings, Side, Stamp, Timestamp,
    Value,
};

use super::*;
use crate::{CaseKind, ConflictCase, ConflictPolicy, Resolution};

fn stamp(at: Option<i64>) -> Option<Stamp> {
    let device: DeviceId = "00000000-0000-0000-0000-000000000001".parse().unwrap();
    at.map(|ms| Stamp {
        time: Timestamp(ms),
        counter: 0,
        device,
    })
}

fn decide(
    policy: &dyn ConflictPolicy,
    kind: CaseKind,
    (mine, theirs): (Option<i64>, Option<i64>),
    rule: ConflictRule,
) -> Option<Side> {
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
        mine_at: stamp(mine),
        theirs_at: stamp(theirs),
        winner: None,
    };
    let fields = if kind == CaseKind::UpdateUpdate {
        vec![field]
    } else {
        Vec::new()
    };
    let none = Fields::new();
    let case = ConflictCase::new(kind, &entity, &record, &fields, (&none, None), &settings)
        .at(stamp(mine), stamp(theirs));
    match policy.resolve(&case) {
        Resolution::Fields { sides, .. } => sides.values().next().copied(),
        Resolution::Keep { side, .. } => Some(side),
        Resolution::Ask { .. } => None,
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
