//! What a case tells a policy, and which fields are in one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use driftless_conflict::{CaseKind, ConflictCase, conflicting_fields};
use driftless_record::{
    BootId, DeviceId, EntitySchema, FieldEdit, FieldName, Fields, RawStamp, RecordId, Settings, Stamp,
    Timestamp, Value,
};
use proptest::prelude::*;

fn name(text: &str) -> FieldName {
    text.try_into().unwrap()
}

fn stamp(at: i64) -> Stamp {
    Stamp {
        time: Timestamp(at),
        counter: 0,
        device: DeviceId("00000000-0000-0000-0000-000000000001".parse().unwrap()),
    }
}

/// A person reads what happened, so every kind says something of its own; and whole records are not decided by field.
#[test]
fn every_kind_says_what_happened() {
    let words: BTreeSet<&str> = CaseKind::ALL.iter().map(|kind| kind.words()).collect();
    assert_eq!(words.len(), CaseKind::ALL.len());
    assert!(
        words.iter().all(|words| words.split(' ').count() > 4),
        "{words:?}"
    );
    let by_field: Vec<_> = CaseKind::ALL
        .into_iter()
        .filter(|kind| kind.is_of_fields())
        .collect();
    assert_eq!(
        by_field,
        [
            CaseKind::UpdateUpdate,
            CaseKind::CreateCreate,
            CaseKind::UniqueClash,
            CaseKind::LostReference
        ]
    );
}

/// A case tells what it was made with, whatever it is made with afterwards.
#[test]
fn a_case_tells_what_it_was_made_with() {
    let entity = EntitySchema::new("Case".try_into().unwrap());
    let (record, settings) = (RecordId::from_canonical("1"), Settings::default());
    let mine = Fields::from([(name("title"), Value::text("mine"))]);
    let theirs = Fields::from([(name("title"), Value::text("theirs"))]);
    let case = ConflictCase::new(CaseKind::CommandOnChanged, &entity, &record, &settings)
        .between(&mine, Some(&theirs))
        .doubtful(7)
        .at(Some(stamp(1)), Some(stamp(2)))
        .of_command("CloseCase");
    assert_eq!((case.mine, case.theirs), (&mine, Some(&theirs)));
    assert_eq!((case.doubt, case.command), (7, Some("CloseCase")));
    assert_eq!((case.mine_at, case.theirs_at), (Some(stamp(1)), Some(stamp(2))));
    assert_eq!(
        (case.entity, case.record, case.settings),
        (&entity, &record, &settings)
    );
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![Just(Value::Null), (0i64..3).prop_map(Value::Int)]
}

proptest! {
    /// Two changes of a field contradict each other where the server has neither what the user saw nor what he set; what
    /// is not on the device contradicts nothing. Nothing of either side is lost on the way into the case.
    #[test]
    fn l25_fields_are_in_conflict_where_both_sides_changed_them_to_different_values(
        all in prop::collection::vec((value(), value(), prop::option::of(value())), 0..5),
    ) {
        let field = |at: usize| name(&format!("f{at}"));
        let edit = |(old, new, _): &(Value, Value, Option<Value>), at: usize| FieldEdit {
            old: old.clone(),
            new: new.clone(),
            raw: RawStamp {
                wall: Timestamp(0),
                monotonic: 0,
                boot: BootId(stamp(0).device.0),
                counter: 0,
                device: stamp(0).device,
            },
            stamp: Some(stamp(i64::try_from(at).unwrap())),
        };
        let edits: BTreeMap<FieldName, FieldEdit> =
            all.iter().enumerate().map(|(at, one)| (field(at), edit(one, at))).collect();
        let theirs: BTreeMap<FieldName, Value> = all
            .iter()
            .enumerate()
            .filter_map(|(at, (_, _, theirs))| Some((field(at), theirs.clone()?)))
            .collect();
        let cases = conflicting_fields(&edits, |name| theirs.get(name), |_| Some(stamp(9)));
        let expected: Vec<FieldName> = all
            .iter()
            .enumerate()
            .filter(|(_, (old, new, theirs))| theirs.as_ref().is_some_and(|theirs| theirs != old && theirs != new))
            .map(|(at, _)| field(at))
            .collect();
        let found: Vec<FieldName> = cases.iter().map(|case| case.field.clone()).collect();
        prop_assert_eq!(found, expected);
        for case in cases {
            let edit = &edits[&case.field];
            prop_assert_eq!((&case.base, &case.mine), (&edit.old, &edit.new));
            prop_assert_eq!(&case.theirs, &theirs[&case.field]);
            prop_assert_eq!((case.mine_at, case.theirs_at), (edit.stamp, Some(stamp(9))));
        }
    }
}
