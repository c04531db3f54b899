//! Choosing a side field by field, and what a decision says beforehand of what it touches.

use std::collections::BTreeMap;

use crate::common::{World, fields, lookup, name, without_stamps};
use driftless_engine::{Decision, EngineError, NotPossible};
use driftless_record::{FieldName, OperationState, Side, Value};

fn pick(given: &[(&str, Side)]) -> Decision {
    Decision::Pick(
        given
            .iter()
            .map(|(field, side)| (name(field), *side))
            .collect::<BTreeMap<FieldName, Side>>(),
    )
}

#[tokio::test]
async fn l31_each_field_goes_to_the_side_that_was_picked_for_it() {
    for (of_name, of_city) in [
        (Side::Mine, Side::Theirs),
        (Side::Theirs, Side::Mine),
        (Side::Mine, Side::Mine),
        (Side::Theirs, Side::Theirs),
    ] {
        let (world, id) = World::with_two_conflicts().await;
        let device = &world.devices[0];
        let entry = device.open_entries().remove(0);
        let decision = pick(&[("name", of_name), ("city", of_city)]);
        let told = device.engine.resolve_preview(entry.id, &decision).unwrap();
        let touched = device.engine.resolve(entry.id, &decision).unwrap();
        assert_eq!(told, touched);
        let value = |side| match side {
            Side::Mine => "Mine",
            Side::Theirs => "Theirs",
        };
        // What is shown follows at once, before anybody is asked.
        for (field, side) in [("name", of_name), ("city", of_city)] {
            assert_eq!(
                device.text("Account", &id, field).as_deref(),
                Some(value(side)),
                "{field}"
            );
        }
        let report = device.sync().await;
        assert_eq!((report.pending, report.waiting.len()), (0, 0));
        for (field, side) in [("name", of_name), ("city", of_city)] {
            assert_eq!(world.on_server(&id, field), Value::text(value(side)), "{field}");
        }
        let settled = device
            .engine
            .log(&driftless_store::LogSelection::One(entry.id))
            .unwrap()
            .remove(0);
        let winners: BTreeMap<_, _> = settled
            .fields
            .iter()
            .map(|case| (case.field.clone(), case.winner))
            .collect();
        assert_eq!(settled.settled.unwrap().by, "pick");
        assert_eq!(winners[&name("name")], Some(of_name));
        assert_eq!(winners[&name("city")], Some(of_city));
    }
}

#[tokio::test]
async fn l02_an_operation_of_which_every_field_was_given_up_has_ended() {
    let (world, _) = World::with_two_conflicts().await;
    let device = &world.devices[0];
    let entry = device.open_entries().remove(0);
    let decision = pick(&[("name", Side::Theirs), ("city", Side::Mine)]);
    let touched = device.engine.resolve(entry.id, &decision).unwrap();
    assert_eq!((touched.queued.len(), touched.ended.len()), (1, 1));
    let left = device.engine.outbox().unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].operation.state, OperationState::Queued);
    assert_eq!(
        device.engine.outcome(touched.ended[0].0).unwrap(),
        driftless_engine::Outcome::Superseded
    );
}

#[tokio::test]
async fn what_was_not_asked_cannot_be_picked_and_nothing_is_left_open() {
    let (world, id) = World::with_two_conflicts().await;
    let device = &world.devices[0];
    let entry = device.open_entries().remove(0).id;
    let refused = |decision: &Decision| {
        let planned = device.engine.resolve_preview(entry, decision).unwrap_err();
        let done = device.engine.resolve(entry, decision).unwrap_err();
        let (EngineError::NotPossible(planned), EngineError::NotPossible(done)) = (planned, done) else {
            panic!("another error");
        };
        assert_eq!(planned, done);
        done
    };
    assert_eq!(
        refused(&pick(&[("name", Side::Mine)])),
        NotPossible::Undecided(vec![name("city")])
    );
    assert_eq!(
        refused(&pick(&[("status", Side::Mine)])),
        NotPossible::NotInConflict(name("status"))
    );
    device.engine.resolve(entry, &Decision::Theirs).unwrap();
    device.engine.delete("Account", id.as_str()).unwrap();
    world.office(&id, "city", "Later");
    device.sync().await;
    let entry = device.open_entries().remove(0).id;
    let whole = device.engine.resolve_preview(entry, &pick(&[]));
    assert!(
        matches!(
            &whole,
            Err(EngineError::NotPossible(NotPossible::NothingToPick(_)))
        ),
        "{whole:?}"
    );
}

#[tokio::test]
async fn l37_what_waits_behind_is_told_beforehand() {
    let (world, id) = World::with_one_account(without_stamps()).await;
    let device = &world.devices[0];
    world.server().refuse(Some(|change| {
        (change.entity.as_str() == "Account").then(|| driftless_record::Cause {
            class: driftless_record::CauseClass::Validation,
            field: None,
            other: None,
            code: "no".to_owned(),
            text: "no".to_owned(),
        })
    }));
    let new = device
        .engine
        .create("Account", fields(&[("name", Value::text("New"))]))
        .unwrap();
    let contact = device
        .engine
        .create(
            "Contact",
            fields(&[("name", Value::text("Ann")), ("account", lookup(&new.record))]),
        )
        .unwrap();
    device.set(&id, "city", "Oslo");
    device.sync().await;
    let entries = device.open_entries();
    let of = |operation| {
        let entry = entries
            .iter()
            .find(|entry| entry.operations.contains(&operation))
            .unwrap();
        entry.id
    };
    let new = new.operation.unwrap();
    let told = device.engine.resolve_preview(of(new), &Decision::Retry).unwrap();
    assert_eq!(
        (told.queued, told.behind),
        (vec![new], vec![contact.operation.unwrap()])
    );
    // Taken back, the contact goes with it: nothing is left behind.
    let told = device
        .engine
        .resolve_preview(of(new), &Decision::Discard)
        .unwrap();
    assert_eq!((told.ended.len(), told.behind.len()), (2, 0));
}
