//! The laws of squashing that need no server: what is merged, and what never is.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{
    BootId, CommandCall, ConflictRule, DeviceId, EntitySchema, FieldEdit, FieldKind, FieldName, FieldSchema,
    Fields, GroupId, Handling, LogId, Operation, OperationId, OperationKind, OperationState, RawStamp,
    RecordId, RequestId, Stamp, TenantId, Timestamp, UserId, Value,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Effect, Run};
use crate::depend::Needs;

const FIELDS: [&str; 3] = ["a", "b", "status"];

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

fn id(number: usize) -> OperationId {
    OperationId(Uuid::from_u128(number as u128))
}

/// A record with two plain fields and one whose every transition counts.
fn entity() -> EntitySchema {
    let mut entity = EntitySchema::new("Case".try_into().unwrap());
    for field in FIELDS {
        entity.add(FieldSchema {
            each_transition_matters: field == "status",
            ..FieldSchema::new(name(field), FieldKind::Text { max_chars: None })
        });
    }
    entity
}

/// One operation as it is drawn.
#[derive(Debug, Clone)]
struct Drawn {
    /// 0 makes the record, 1 deletes it, 2 changes it, 3 is a command, 4 what one is expected to do.
    kind: u8,
    /// The fields that it sets, with their values.
    sets: BTreeMap<usize, u8>,
    /// When it was made; clocks may go back.
    at: i64,
    by_another: bool,
    /// It was made under another schema.
    is_old: bool,
    /// 0 is none.
    group: u8,
    rule: Option<ConflictRule>,
    was_sent: bool,
    /// 0 is queued.
    state: u8,
    /// It needs an operation of another record.
    needs: bool,
    /// An operation of another record needs it.
    needed: bool,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let kind = prop_oneof![3 => Just(0u8), 3 => Just(1), 18 => Just(2), 2 => Just(3), 1 => Just(4)];
    let sets = prop::collection::btree_map(0usize..3, 0u8..3, 1..3);
    let rare = || prop::bool::weighted(0.1);
    let group = prop_oneof![10 => Just(0u8), 1 => Just(1), 1 => Just(2)];
    let rules = prop_oneof![Just(ConflictRule::ExecutionOrder), Just(ConflictRule::ClientWins)];
    let handling = (rare(), group, prop::option::weighted(0.1, rules));
    let state = prop_oneof![12 => Just(0u8), 1 => 1u8..4];
    (
        kind,
        sets,
        0i64..50,
        rare(),
        handling,
        rare(),
        state,
        (rare(), rare()),
    )
        .prop_map(
            |(kind, sets, at, by_another, (is_old, group, rule), was_sent, state, (needs, needed))| Drawn {
                kind,
                sets,
                at,
                by_another,
                is_old,
                group,
                rule,
                was_sent,
                state,
                needs,
                needed,
            },
        )
}

/// Returns an operation that nothing keeps from being merged.
fn plain(kind: u8, sets: BTreeMap<usize, u8>) -> Drawn {
    Drawn {
        kind,
        sets,
        at: 0,
        by_another: false,
        is_old: false,
        group: 0,
        rule: None,
        was_sent: false,
        state: 0,
        needs: false,
        needed: false,
    }
}

fn queue(most: usize) -> impl Strategy<Value = Vec<Drawn>> {
    prop::collection::vec(drawn(), 1..most)
}

/// An outbox of one record, with the operations that others need.
struct Queue {
    operations: Vec<Operation>,
    needed: BTreeSet<OperationId>,
}

impl Queue {
    /// Makes the outbox: each `old` is what the user saw then.
    fn new(drawn: &[Drawn]) -> Self {
        let mut seen: BTreeMap<FieldName, Value> = FIELDS
            .iter()
            .map(|f| (name(f), Value::text("at first")))
            .collect();
        let make = |(at, one): (usize, &Drawn)| operation(at + 1, one, &mut seen);
        let operations: Vec<_> = drawn.iter().enumerate().map(make).collect();
        let needed = drawn
            .iter()
            .enumerate()
            .filter(|(_, one)| one.needed)
            .map(|(at, _)| id(at + 1))
            .collect();
        Self { operations, needed }
    }

    /// Parts the outbox into runs, each taken when what stands before it is done.
    fn runs(&self) -> Vec<Run> {
        let needs = Needs::of_all(&self.operations);
        let mut left: Vec<&Operation> = self.operations.iter().collect();
        let mut runs = Vec::new();
        while !left.is_empty() {
            match Run::take(&entity(), &left, Timestamp(0), &needs, &self.needed) {
                Some(run) => {
                    left.drain(..run.operations.len());
                    runs.push(run);
                }
                // A person or the server speaks first.
                None => {
                    left.remove(0);
                }
            }
        }
        runs
    }
}

fn operation(at: usize, one: &Drawn, seen: &mut BTreeMap<FieldName, Value>) -> Operation {
    let raw = RawStamp {
        wall: Timestamp(one.at),
        monotonic: one.at,
        boot: BootId(Uuid::nil()),
        counter: at as u32,
        device: DeviceId(Uuid::nil()),
    };
    let stamp = Some(Stamp {
        time: Timestamp(one.at),
        counter: at as u32,
        device: raw.device,
    });
    let is_create = one.kind == 0;
    if is_create {
        seen.clear();
    }
    let mut edits = BTreeMap::new();
    for (field, value) in &one.sets {
        let (field, new) = (name(FIELDS[*field]), Value::text(value.to_string()));
        let old = seen.insert(field.clone(), new.clone()).unwrap_or_default();
        edits.insert(field, FieldEdit { old, new, raw, stamp });
    }
    let kind = match one.kind {
        0 => OperationKind::Create(edits),
        1 => OperationKind::Delete {
            seen: Fields::from_iter(seen.clone()),
            raw,
            stamp,
        },
        3 => OperationKind::Command {
            call: Box::new(call()),
            edits,
            raw,
        },
        4 => OperationKind::Awaited {
            by: id(2_000 + at),
            slot: name("made"),
            edits,
        },
        _ => OperationKind::Update(edits),
    };
    let request = RequestId(Uuid::from_u128(1));
    Operation {
        id: id(at),
        sequence: at as u64,
        author: UserId(if one.by_another { "ben" } else { "ann" }.to_owned()),
        tenant: TenantId("t".to_owned()),
        schema_version: if one.is_old { "1" } else { "2" }.to_owned(),
        entity: "Case".try_into().unwrap(),
        record: RecordId::from_canonical("1"),
        base_revision: None,
        kind,
        needs: one.needs.then(|| id(1_000 + at)).into_iter().collect(),
        state: match one.state {
            0 => OperationState::Queued,
            1 => OperationState::Unknown(request),
            2 => OperationState::Refused(LogId(1)),
            _ => OperationState::InFlight(request),
        },
        attempts: u32::from(one.was_sent),
        rebased: 0,
        handling: Handling {
            conflict: one.rule,
            group: (one.group > 0).then(|| GroupId(Uuid::from_u128(u128::from(one.group)))),
            ..Handling::default()
        },
    }
}

fn call() -> CommandCall {
    CommandCall {
        name: "Close".try_into().unwrap(),
        parameters: Fields::new(),
        makes: BTreeMap::new(),
    }
}

fn edits(effect: &Effect) -> Option<&BTreeMap<FieldName, FieldEdit>> {
    match effect {
        Effect::Create(edits) | Effect::Update(edits) | Effect::Delete { own: edits, .. } => Some(edits),
        Effect::Nothing | Effect::Command(..) => None,
    }
}

fn is_delete(operation: &Operation) -> bool {
    matches!(operation.kind, OperationKind::Delete { .. })
}

fn is_command(operation: &Operation) -> bool {
    matches!(operation.kind, OperationKind::Command { .. })
}

fn is_awaited(operation: &Operation) -> bool {
    matches!(operation.kind, OperationKind::Awaited { .. })
}

/// Makes the one operation that a run comes to.
fn squashed(run: &Run) -> Option<Operation> {
    let (first, last) = (run.operations.first()?, run.operations.last()?);
    let kind = match run.effect() {
        Effect::Create(edits) => OperationKind::Create(edits),
        Effect::Update(edits) => OperationKind::Update(edits),
        Effect::Delete {
            mut seen,
            own,
            raw,
            stamp,
        } => {
            seen.extend(own.into_iter().map(|(field, edit)| (field, edit.old)));
            OperationKind::Delete { seen, raw, stamp }
        }
        Effect::Command(..) => first.kind.clone(),
        Effect::Nothing => return None,
    };
    Some(Operation {
        kind,
        id: last.id,
        attempts: run.operations.iter().map(|operation| operation.attempts).max()?,
        ..first.clone()
    })
}

proptest! {
    /// The merged change of a field rests on what the user saw before the first edit, has the last value, and the
    /// latest stamp of all edits of this field, whatever other fields were edited when. A newer base would overwrite what
    /// others did between the edits; one stamp for all fields decides a quarter of random histories wrong.
    #[test]
    fn l13_a_merged_change_keeps_the_first_base_the_last_value_and_the_latest_stamp_of_each_field(drawn in queue(10)) {
        for run in Queue::new(&drawn).runs() {
            let effect = run.effect();
            let Some(merged) = edits(&effect) else {
                continue;
            };
            for (field, edit) in merged {
                let of_field = run.operations.iter().filter_map(|operation| operation.kind.edits()?.get(field));
                let of_field: Vec<_> = of_field.collect();
                prop_assert_eq!(&edit.old, &of_field[0].old);
                prop_assert_eq!(&edit.new, &of_field[of_field.len() - 1].new);
                prop_assert_eq!(edit.stamp, of_field.iter().map(|edit| edit.stamp).max().unwrap());
            }
        }
    }

    /// What must not be merged is not: a command, or what one is expected to do; what was sent or parked; what another
    /// record's operation needs with what comes behind it; what needs something of its own; two transitions of a field
    /// whose every transition counts; the work of two people, or of two groups; changes under two rules; and what was
    /// made under two schemas, whose values may mean different things.
    #[test]
    fn l14_nothing_is_merged_across_a_barrier(drawn in queue(10)) {
        let queue = Queue::new(&drawn);
        for run in queue.runs() {
            let all = &run.operations;
            prop_assert!(all.len() == 1 || !all.iter().any(is_command), "a command goes by itself");
            prop_assert!(!all.iter().any(is_awaited), "what a command makes is not sent");
            for (at, later) in all.iter().enumerate().skip(1) {
                let (before, last) = (&all[..at], &all[at - 1]);
                prop_assert!(all.iter().all(|operation| operation.state == OperationState::Queued));
                prop_assert_eq!(&last.author, &later.author);
                prop_assert_eq!(&last.schema_version, &later.schema_version);
                prop_assert_eq!(last.handling.group, later.handling.group);
                prop_assert_eq!(last.handling.conflict, later.handling.conflict);
                prop_assert!(before.iter().all(|operation| !queue.needed.contains(&operation.id)));
                prop_assert!(later.needs.is_subset(&all[0].needs));
                let transition = |operation: &Operation| {
                    operation.kind.edits().is_some_and(|edits| edits.contains_key(&name("status")))
                };
                let lost = transition(later) || (is_delete(later) && !all[0].kind.is_create());
                prop_assert!(!lost || !before.iter().any(transition));
                prop_assert!(!is_delete(last), "nothing joins a delete");
                prop_assert!(!later.kind.is_create(), "a create joins nothing");
            }
        }
    }

    /// What nothing keeps apart goes as one: a person who types a sentence sends one change.
    #[test]
    fn l12_changes_that_nothing_keeps_apart_go_as_one(
        sets in prop::collection::vec(prop::collection::btree_map(0usize..2, 0u8..3, 1..3), 1..8), is_new in any::<bool>(),
    ) {
        let drawn = sets.into_iter().enumerate().map(|(at, sets)| plain(if is_new && at == 0 { 0 } else { 2 }, sets));
        let drawn: Vec<Drawn> = drawn.collect();
        let runs = Queue::new(&drawn).runs();
        prop_assert_eq!(runs.iter().map(|run| run.operations.len()).collect::<Vec<_>>(), vec![drawn.len()]);
    }

    /// A create and its delete come to nothing exactly if no attempt was made to send the create and nobody needs it. A
    /// create whose request may still be under way would leave a record behind that nobody knows of.
    #[test]
    fn l15_a_create_and_its_delete_vanish_only_if_it_never_left_and_nobody_needs_it(
        updates in prop::collection::vec(prop::collection::btree_map(0usize..2, 0u8..3, 1..3), 0..4),
        sent in prop::option::of(0usize..5),
        needed in prop::option::of(0usize..5),
    ) {
        let mut drawn = vec![plain(0, BTreeMap::from([(0, 0)]))];
        drawn.extend(updates.into_iter().map(|sets| plain(2, sets)));
        drawn.push(plain(1, BTreeMap::new()));
        // The delete itself may be needed, as by whoever makes the record again.
        let before = drawn.len() - 1;
        let (sent, needed) = (sent.filter(|at| *at < before), needed.filter(|at| *at < before));
        sent.iter().for_each(|at| drawn[*at].was_sent = true);
        needed.iter().for_each(|at| drawn[*at].needed = true);
        let runs = Queue::new(&drawn).runs();
        let vanishes = runs.len() == 1 && matches!(runs[0].effect(), Effect::Nothing);
        prop_assert_eq!(vanishes, sent.is_none() && needed.is_none());
        if !vanishes {
            prop_assert!(matches!(runs[0].effect(), Effect::Create(_)));
            let last = runs.last().unwrap().effect();
            let deletes = matches!(last, Effect::Delete { .. });
            prop_assert!(deletes, "the delete goes too");
        }
    }

    /// Updates go into their create; a delete ends a run, with every field as it was first seen; and a create after a
    /// delete begins another run, since no update brings back what went with the deleted record.
    #[test]
    fn l16_a_run_is_a_create_an_update_a_delete_or_nothing(drawn in queue(10)) {
        for run in Queue::new(&drawn).runs() {
            let all = &run.operations;
            let (begins, ends) = (all[0].kind.is_create(), is_delete(&all[all.len() - 1]));
            match run.effect() {
                Effect::Create(merged) => {
                    prop_assert!(begins && !ends);
                    prop_assert!(merged.values().all(|edit| edit.old == Value::Null));
                }
                Effect::Update(_) => prop_assert!(!begins && !ends && !all.iter().any(is_command)),
                Effect::Nothing => prop_assert!(begins && ends && all.len() > 1),
                Effect::Delete { seen, own, .. } => {
                    prop_assert!(!begins && ends);
                    let OperationKind::Delete { seen: at_last, .. } = &all[all.len() - 1].kind else {
                        panic!("it ends with a delete");
                    };
                    prop_assert_eq!(&seen, at_last);
                    for (field, edit) in &own {
                        let first = all.iter().find_map(|operation| operation.kind.edits()?.get(field));
                        prop_assert_eq!(&edit.old, &first.unwrap().old);
                    }
                }
                Effect::Command(given, _) => {
                    prop_assert!(all.len() == 1 && is_command(&all[0]));
                    prop_assert_eq!(given, call());
                }
            }
        }
    }

    /// Squashing what was squashed changes nothing, and no field is forgotten on the way, not even one that was set
    /// back to what it was: its newer stamp may matter.
    #[test]
    fn l17_squashing_again_changes_nothing_and_every_touched_field_stays(drawn in queue(10)) {
        let queue = Queue::new(&drawn);
        let runs = queue.runs();
        let once: Vec<Operation> = runs.iter().filter_map(squashed).collect();
        for run in &runs {
            let touched: BTreeSet<&FieldName> = run.operations.iter().filter_map(|o| o.kind.edits()).flatten().map(|(f, _)| f).collect();
            if let Some(merged) = edits(&run.effect()) {
                prop_assert_eq!(merged.keys().collect::<BTreeSet<_>>(), touched);
            }
        }
        let parked = queue.operations.iter().any(|operation| operation.state != OperationState::Queued);
        let vanished = once.len() < runs.len() || queue.operations.iter().any(is_awaited);
        if !parked && !vanished {
            let needed = queue.needed.clone();
            let again = Queue { operations: once.clone(), needed }.runs();
            let twice: Vec<Operation> = again.iter().filter_map(squashed).collect();
            prop_assert_eq!(twice, once);
        }
    }
}
