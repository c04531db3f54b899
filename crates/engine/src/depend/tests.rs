//! What waits for what, row by row.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_record::{
    BootId, DeviceId, EntitySchema, FieldEdit, FieldKind, FieldName, FieldSchema, LogId, Lookup, Operation,
    OperationId, OperationKind, OperationState, RawStamp, RecordId, Schema, Settings, TenantId, Timestamp,
    UserId, Value,
};
use driftless_store::CommitNumber;
use proptest::prelude::*;
use uuid::Uuid;

use super::{Graph, Needs};
use crate::circle;
use crate::contacts::Contacts;
use crate::ground::Ground;

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

fn raw() -> RawStamp {
    RawStamp {
        wall: Timestamp(0),
        monotonic: 0,
        boot: BootId(Uuid::nil()),
        counter: 0,
        device: DeviceId(Uuid::nil()),
    }
}

fn to(text: &str) -> Value {
    if text == "-" {
        return Value::Null;
    }
    Value::Lookup(Lookup {
        entity: "Case".try_into().unwrap(),
        id: RecordId::from_canonical(text),
        name: None,
    })
}

fn id(sequence: u64) -> OperationId {
    OperationId(Uuid::from_u128(u128::from(sequence)))
}

/// Makes the operation that a word describes: `+c>a` creates c, which refers to a; `c:a>-` makes c refer to nothing
/// instead of a; `c` changes something else of c; `-c>a` deletes c, which refers to a. A `!` in front is refused; `^3`
/// behind it needs the third.
fn operation(sequence: u64, word: &str) -> Operation {
    let (word, needs) = word.split_once('^').map_or((word, None), |(w, n)| (w, Some(n)));
    let (state, word) = match word.strip_prefix('!') {
        Some(word) => (OperationState::Refused(LogId(1)), word),
        None => (OperationState::Queued, word),
    };
    let (left, new) = word.split_once('>').unwrap_or((word, "-"));
    let record = left.trim_start_matches(['+', '-']);
    let (record, old) = record.split_once(':').unwrap_or((record, "-"));
    let edit = |old, new| FieldEdit {
        old,
        new,
        raw: raw(),
        stamp: None,
    };
    let edits: BTreeMap<_, _> = if old == new {
        [(name("other"), edit(Value::Null, Value::text("x")))].into()
    } else {
        [(name("parent"), edit(to(old), to(new)))].into()
    };
    let kind = match left.as_bytes()[0] {
        b'+' => OperationKind::Create(edits),
        b'-' => OperationKind::Delete {
            seen: [(name("parent"), to(new))].into(),
            raw: raw(),
            stamp: None,
        },
        _ => OperationKind::Update(edits),
    };
    Operation {
        id: id(sequence),
        sequence,
        author: UserId("ann".to_owned()),
        tenant: TenantId("t".to_owned()),
        schema_version: "1".to_owned(),
        entity: "Case".try_into().unwrap(),
        record: RecordId::from_canonical(record),
        base_revision: None,
        kind,
        needs: needs
            .map(|number| id(number.parse().unwrap()))
            .into_iter()
            .collect(),
        state,
        attempts: 0,
        rebased: 0,
        handling: driftless_record::Handling::default(),
    }
}

fn operations(words: &str) -> Vec<Operation> {
    let words = words.split_whitespace();
    (1..).zip(words).map(|(at, word)| operation(at, word)).collect()
}

fn numbers(ids: impl IntoIterator<Item = OperationId>) -> String {
    let each = ids.into_iter().map(|id| id.0.as_u128().to_string());
    each.collect::<Vec<_>>().join(",")
}

/// Checks what each operation needs, as `2:1` for the second needing the first.
#[track_caller]
fn check(words: &str, expected: &str) {
    let operations = operations(words);
    let needs = Needs::of_all(&operations);
    let told = |operation: &Operation| {
        let of = numbers(needs.of(operation.id));
        (!of.is_empty()).then(|| format!("{}:{of}", operation.sequence))
    };
    let told: Vec<_> = operations.iter().filter_map(told).collect();
    assert_eq!(told.join(" "), expected, "{words}");
}

#[test]
fn l05_a_delete_waits_for_creates_moves_and_deletes_of_children_made_before_or_after_it() {
    check("-c>a -a", "2:1");
    check("-a -c>a", "1:2");
    check("-a -c>a -d>a", "1:2,3");
    check("c:a>- -a", "2:1");
    check("-a c:a>b", "1:2");
    check("+c>a -a", "2:1");
    check("-a -b>a -c>b", "1:2 2:3");
    check("c -a", "");
    check("-a c:-", "");
}

#[test]
fn l05_what_refers_to_a_record_made_again_is_not_waited_for() {
    check("-a +a +c>a^2", "3:2");
    check("-a +a +c>a^2 -c>a", "3:2");
    check("c:-  -a +a c:->a^3", "4:3");
    check("-a c:->a", "");
}

#[test]
fn records_that_refer_to_each_other_do_not_wait_for_each_other() {
    check("-a>c -c>a", "2:1");
    check("-a>a", "");
    check("-a>b -b>c -c>a", "2:1 3:2");
}

#[test]
fn l37_what_only_has_to_wait_can_go_without_the_other() {
    let set = |words: &str, start| {
        let operations = operations(words);
        let ended = Graph::new(&operations).up_set(id(start));
        numbers(ended.into_iter().map(|operation| operation.id))
    };
    assert_eq!(set("!c:a>- -a", 1), "1");
    assert_eq!(set("!c:a>- -a^1", 1), "1", "as it was noted once");
    assert_eq!(set("+a +c>a^1 a -c>a", 1), "1,2,3,4");
    assert_eq!(set("+c>a c -a", 1), "1,2");
}

#[test]
fn l04_what_is_blocked_and_by_what_is_told_through_any_number_of_others() {
    let told = |words: &str| {
        let operations = operations(words);
        let blocked = Graph::new(&operations).blocked_by();
        let each = blocked
            .into_iter()
            .map(|(id, by)| format!("{}:{}", numbers([id]), numbers(by)));
        each.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told("!+a +b>a^1 +c>b^2 d"), "2:1 3:1");
    assert_eq!(told("-a !-c>a"), "1:2");
    assert_eq!(told("!a a !a a"), "2:1 3:1 4:3");
    assert_eq!(
        told("a^2 b^1 !c"),
        "",
        "a circle that something broken has left ends"
    );
}

#[test]
fn many_edits_of_one_record_are_told_in_time_that_grows_with_their_number() {
    let words = format!("!a {}", "a ".repeat(5_000));
    let operations = operations(&words);
    let blocked = Graph::new(&operations).blocked_by();
    assert_eq!(blocked.len(), 5_000);
    assert!(blocked.values().all(|by| numbers(by.iter().copied()) == "1"));
}

/// Opens the circles of a queue whose entity need not have a parent, or needs one.
fn opened(pending: Vec<Operation>, required: bool) -> Vec<Operation> {
    let mut entity = EntitySchema::new("Case".try_into().unwrap());
    let kind = FieldKind::Lookup {
        targets: vec!["Case".try_into().unwrap()],
    };
    entity.add(FieldSchema {
        required,
        ..FieldSchema::new(name("parent"), kind)
    });
    let mut schema = Schema::default();
    schema.add(entity);
    let mut ground = Ground {
        number: CommitNumber(0),
        schema: Arc::new(schema),
        last_sequence: pending.len() as u64,
        pending,
        images: BTreeMap::new(),
        next_log: LogId(1),
        settings: Settings::default(),
        clock: None,
        contacts: Contacts::default(),
    };
    let count = std::cell::Cell::new(1000);
    let new_id = || id(count.replace(count.get() + 1));
    let writes = circle::opened(&mut ground, Timestamp(0), &new_id);
    ground.absorb(writes);
    ground.pending
}

/// Says what each operation waits for once circles are opened; `!` stands for one that is told to a person.
#[track_caller]
fn check_opened(words: &str, required: bool, expected: &str) {
    let pending = opened(operations(words), required);
    let needs = Needs::of_all(&pending);
    let told = |operation: &Operation| {
        let of = numbers(needs.of(operation.id));
        let parked = if operation.state.parked().is_some() {
            "!"
        } else {
            ""
        };
        (!of.is_empty()).then(|| format!("{parked}{}:{of}", operation.sequence))
    };
    let told: Vec<_> = pending.iter().filter_map(told).collect();
    assert_eq!(told.join(" "), expected, "{words}");
}

#[test]
fn l06_a_circle_is_opened_where_a_reference_can_follow() {
    check_opened("+a>b +b>a^1", false, "2:1 3:2");
    check_opened("+a>b +b>c +c>a^1", false, "2:3 3:1 4:2");
    check_opened("+a>b +b>a^1 a:b>-", false, "2:1");
    check_opened("+a>b +b>a^1", true, "!1:2 2:1");
    check_opened("+a>b +b", true, "1:2");
}

proptest! {
    /// What waits for what, over any queue: after circles of new records are opened, only what a person was told of
    /// may wait for itself.
    #[test]
    fn l05_nothing_waits_for_itself(
        required in any::<bool>(),
        steps in proptest::collection::vec((0u8..4, 0usize..4, 0usize..4, 0usize..4), 1..14),
    ) {
        let of = |at: usize| ["a", "b", "c", "-"][at];
        let word = |(kind, record, old, new): (u8, usize, usize, usize)| {
            let record = of(record.min(2));
            match kind {
                0 => format!("+{record}>{}", of(new)),
                1 => format!("-{record}>{}", of(new)),
                _ => format!("{record}:{}>{}", of(old), of(new)),
            }
        };
        let words: Vec<_> = steps.into_iter().map(word).collect();
        let mut operations = operations(&words.join(" "));
        // What was noted when each was made: the first create of the record that it refers to.
        for at in 0..operations.len() {
            let made: Vec<_> = super::references(&operations[at])
                .into_iter()
                .filter(|(_, ends)| !ends)
                .filter_map(|(target, _)| super::create_of(&operations[..at], target))
                .collect();
            operations[at].needs.extend(made);
        }
        let operations = opened(operations, required);
        let parked = |operation: &Operation| operation.state.parked().is_some();
        prop_assert!(required || !operations.iter().any(parked), "{:?}", words);
        let mut needs = Needs::of_all(&operations);
        for told in operations.iter().filter(|operation| parked(operation)) {
            needs.of.remove(&told.id);
        }
        let order = super::Order::of(&operations);
        for operation in &operations {
            for before in needs.of(operation.id) {
                let before = operations.iter().find(|other| other.id == before).unwrap();
                prop_assert!(!needs.leads(&order, before, operation.id), "{:?}", words);
            }
        }
    }
}
