//! Runs, case by case: which operations travel together, and what they come to.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{
    BootId, DeviceId, EntitySchema, FieldEdit, FieldKind, FieldName, FieldSchema, Fields, LogId, Operation,
    OperationId, OperationKind, OperationState, RawStamp, RecordId, TenantId, Timestamp, UserId, Value,
};
use uuid::Uuid;

use super::run::{Effect, Run};
use crate::depend::Needs;

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

fn raw(at: i64) -> RawStamp {
    let (boot, device) = (BootId(Uuid::from_u128(1)), DeviceId(Uuid::from_u128(2)));
    RawStamp {
        wall: Timestamp(at),
        monotonic: at,
        boot,
        counter: 0,
        device,
    }
}

/// Makes the operation that one word describes: `+a=1` creates, `a:0=1` updates a from 0 to 1, `-` deletes; a `!` in
/// front is refused, a `^` needs another record's operation, a `~` was sent before.
fn operation(sequence: u64, word: &str) -> Operation {
    let refused = word.contains('!');
    let (needs_other, sent) = (word.contains('^'), word.contains('~'));
    let word = word.trim_start_matches(['!', '^', '~']);
    let edits = |pairs: &str| -> BTreeMap<FieldName, FieldEdit> {
        let pair = |pair: &str| {
            let (field, new) = pair.split_once('=').unwrap();
            let (field, old) = field
                .split_once(':')
                .map_or((field, Value::Null), |(f, old)| (f, Value::text(old)));
            let at = i64::try_from(sequence).unwrap();
            (
                name(field),
                FieldEdit {
                    old,
                    new: Value::text(new),
                    raw: raw(at),
                    stamp: None,
                },
            )
        };
        pairs.split(',').map(pair).collect()
    };
    let kind = match word.strip_prefix('+') {
        Some(pairs) => OperationKind::Create(edits(pairs)),
        None if word == "-" => OperationKind::Delete {
            seen: Fields::new(),
            raw: raw(9),
            stamp: None,
        },
        None => OperationKind::Update(edits(word)),
    };
    Operation {
        id: OperationId(Uuid::from_u128(u128::from(sequence))),
        sequence,
        author: UserId("ann".to_owned()),
        tenant: TenantId("t".to_owned()),
        schema_version: "1".to_owned(),
        entity: "Case".try_into().unwrap(),
        record: RecordId::from_canonical("1"),
        base_revision: None,
        kind,
        needs: needs_other
            .then(|| OperationId(Uuid::from_u128(99)))
            .into_iter()
            .collect(),
        state: if refused {
            OperationState::Refused(LogId(1))
        } else {
            OperationState::Queued
        },
        attempts: u32::from(sent),
        rebased: 0,
        handling: driftless_record::Handling::default(),
    }
}

/// Says how many operations travel first, and as what.
fn first_run(words: &str, needed: &[u64]) -> String {
    let operations: Vec<_> = (1..)
        .zip(words.split(' '))
        .map(|(at, word)| operation(at, word))
        .collect();
    let mut entity = EntitySchema::new("Case".try_into().unwrap());
    let status = FieldSchema::new(name("status"), FieldKind::Text { max_chars: None });
    entity.add(FieldSchema {
        each_transition_matters: true,
        ..status
    });
    let needed: BTreeSet<_> = needed
        .iter()
        .map(|at| OperationId(Uuid::from_u128(u128::from(*at))))
        .collect();
    let all: Vec<&Operation> = operations.iter().collect();
    let Some(run) = Run::take(&entity, &all, Timestamp(0), &Needs::of_all(&operations), &needed) else {
        return "none".to_owned();
    };
    let told = |edits: &BTreeMap<FieldName, FieldEdit>| {
        let one = |(field, edit): (&FieldName, &FieldEdit)| {
            format!("{field}:{}={}@{}", edit.old, edit.new, edit.raw.wall.0)
        };
        edits.iter().map(one).collect::<Vec<_>>().join(",")
    };
    let effect = match run.effect() {
        Effect::Create(edits) => format!("create {}", told(&edits)),
        Effect::Update(edits) => format!("update {}", told(&edits)),
        Effect::Delete { own, .. } => format!("delete own {}", told(&own)),
        Effect::Command(call, edits) => format!("run {} {}", call.name, told(&edits)),
        Effect::Nothing => "nothing".to_owned(),
    };
    format!("{} {effect}", run.operations.len())
}

#[track_caller]
fn check(words: &str, expected: &str) {
    assert_eq!(first_run(words, &[]), expected, "{words}");
}

#[test]
fn l13_merged_updates_keep_the_first_base_and_each_fields_last_stamp() {
    check("a:0=1", "1 update a:0=1@1");
    check("a:0=1 b:0=1", "2 update a:0=1@1,b:0=1@2");
    check("a:0=1 a:1=2 b:0=1", "3 update a:0=2@2,b:0=1@3");
}

#[test]
fn l16_creates_take_updates_in_and_deletes_end_a_run() {
    check("+a=1 a:1=2", "2 create a:=2@2");
    check("a:0=1 -", "2 delete own a:0=1@1");
    check("- +a=1", "1 delete own ");
    check("+a=1 -", "2 nothing");
}

#[test]
fn l15_a_create_that_was_sent_before_is_not_dropped_with_its_delete() {
    check("~+a=1 -", "1 create a:=1@1");
    assert_eq!(
        first_run("+a=1 -", &[1]),
        "1 create a:=1@1",
        "somebody depends on it"
    );
}

#[test]
fn l14_runs_end_at_barriers() {
    check("status:0=1 status:1=2", "1 update status:0=1@1");
    check("status:0=1 a:0=1", "2 update a:0=1@2,status:0=1@1");
    check("a:0=1 ^b:0=1", "1 update a:0=1@1");
    check("a:0=1 !b:0=1 a:1=2", "1 update a:0=1@1");
    assert_eq!(
        first_run("a:0=1 b:0=1", &[1]),
        "1 update a:0=1@1",
        "another record's operation needs the first"
    );
}

#[test]
fn nothing_of_a_record_goes_while_its_first_operation_is_parked() {
    check("!a:0=1 b:0=1", "none");
}
