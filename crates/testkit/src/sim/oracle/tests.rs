//! The judge of simulated worlds tells a second effect from what was wanted twice.

use std::slice;
use std::sync::Arc;

use driftless_record::{Change, Condition, OperationState, Value};
use driftless_transport::Idempotency;

use super::super::config::Config;
use super::super::random::Rng;
use super::super::schema::field;
use super::*;
use crate::store::sample;

/// Two edits of the name of one account: "after 1" and "after 2".
fn edits() -> [Operation; 2] {
    let record = sample::account(1);
    [1, 2].map(|n| sample::operation(n, &record, OperationState::Queued))
}

fn origins(of: &[Operation], once_more: usize) -> BTreeMap<OperationId, Origin> {
    let origin = |operation: &Operation| Origin {
        device: 0,
        operation: operation.clone(),
        needs: Vec::new(),
        // Decisions of another kind let nothing happen twice.
        decided: true,
        once_more,
        said: Vec::new(),
    };
    of.iter()
        .map(|operation| (operation.id, origin(operation)))
        .collect()
}

/// What the server does for a sending of these operations that sets a name.
fn does(request: u128, operations: &[Operation], name: &str) -> Effect {
    let first = operations.first().unwrap();
    Effect {
        request: sample::request_id(request),
        operations: operations.iter().map(|operation| operation.id).collect(),
        change: Change {
            entity: first.entity.clone(),
            record: first.record.clone(),
            action: ChangeAction::Update(Fields::from([(field("name"), Value::text(name))])),
            condition: Condition::Exists,
            stamps: BTreeMap::new(),
        },
        at: 0,
    }
}

/// Judges effects one after the other on a server that remembers requests.
fn judged(effects: &[Effect], origins: &BTreeMap<OperationId, Origin>) -> Vec<Option<&'static str>> {
    let mut able = Config::draw(&mut Rng::new(1, 0)).capabilities;
    able.idempotency = Idempotency::Repeatable;
    let server = Backend::new(Arc::new(sample::schema()), able);
    let mut oracle = Oracle::new(false);
    let judge = |effect| oracle.judge(&server, effect, origins).err();
    let violations = effects.iter().map(judge);
    violations
        .map(|violation| violation.map(|violation| violation.invariant))
        .collect()
}

/// A person who let one thing happen twice has not let everything happen twice, nor this a third time.
#[test]
fn i02_a_second_effect_is_excused_only_where_a_person_let_it_happen_again() {
    let [first, _] = edits();
    let all = [first];
    let effects = [1, 2, 3].map(|request| does(request, &all, "after 1"));
    assert_eq!(judged(&effects[..2], &origins(&all, 0)), [None, Some("I2")]);
    assert_eq!(judged(&effects, &origins(&all, 1)), [None, None, Some("I2")]);
}

/// An edit whose value gave way to a later one in the same request was carried out with it.
#[test]
fn i02_an_operation_that_was_sent_under_a_later_value_is_counted() {
    let [first, second] = edits();
    let both = [first.clone(), second.clone()];
    let origins = origins(&both, 0);
    let merged = does(1, &both, "after 2");
    let alone = [
        does(2, slice::from_ref(&first), "after 1"),
        does(2, &[second], "after 2"),
    ];
    for again in alone {
        assert_eq!(judged(&[merged.clone(), again], &origins), [None, Some("I2")]);
    }
    let again = does(2, &both, "after 2");
    assert_eq!(
        judged(&[does(1, &[first], "after 1"), again], &origins),
        [None, Some("I2")]
    );
}

/// What waits for another record's change is done after it, be its own value sent or a later one.
#[test]
fn l05_an_operation_under_a_later_value_waits_for_what_it_needs_too() {
    let both = edits();
    let mut origins = origins(&both, 0);
    let needed = sample::operation_id(9);
    origins.get_mut(&both[0].id).unwrap().needs.push(needed);
    assert_eq!(judged(&[does(1, &both, "after 2")], &origins), [Some("L5")]);
}
