//! A refused change goes without the field that was refused, and every outcome can be awaited.

use crate::common::{World, able, entity, fields, name, no_cities};
use driftless_engine::{Clock as _, Decision, EngineError, NotPossible, Outcome};
use driftless_record::{Applied, RecordId, Value};
use driftless_store::LogSelection;

/// A world whose one account got a new name and a city that the server refuses, and a later city behind it.
async fn refused() -> (World, RecordId) {
    let (world, id) = World::with_one_account(able()).await;
    world.server().refuse(Some(no_cities));
    let device = &world.devices[0];
    let both = fields(&[("name", Value::text("Iron")), ("city", Value::text("Oslo"))]);
    device.engine.update("Account", id.as_str(), both).unwrap();
    device.sync().await;
    (world, id)
}

#[tokio::test]
async fn l36_what_was_refused_goes_without_the_field_and_its_value_stays_in_the_entry() {
    let (world, id) = refused().await;
    let device = &world.devices[0];
    let entry = device.open_entries().remove(0);
    let without = Decision::Without([name("city")].into());
    let touched = device.engine.resolve_preview(entry.id, &without).unwrap();
    assert_eq!(
        (touched.queued, touched.ended),
        (entry.operations.clone(), vec![])
    );
    device.engine.resolve(entry.id, &without).unwrap();
    assert_eq!(device.text("Account", &id, "city").as_deref(), Some("Rome"));
    assert_eq!(device.text("Account", &id, "name").as_deref(), Some("Iron"));
    assert_eq!(device.sync().await.pending, 0);
    assert_eq!(world.on_server(&id, "name"), Value::text("Iron"));
    assert_eq!(world.on_server(&id, "city"), Value::text("Rome"));
    let settled = device.engine.log(&LogSelection::One(entry.id)).unwrap().remove(0);
    assert_eq!(settled.settled.unwrap().by, "without");
    assert_eq!(settled.kept, fields(&[("city", Value::text("Oslo"))]));
}

#[tokio::test]
async fn a_later_change_of_the_field_that_was_left_out_is_no_conflict_with_what_never_was() {
    let (world, id) = World::with_one_account(able()).await;
    let device = &world.devices[0];
    world.server().refuse(Some(no_cities));
    let status = |code: &str| fields(&[("status", Value::Choice(code.to_owned()))]);
    let mut first = status("open");
    first.extend(fields(&[("city", Value::text("Oslo"))]));
    device.engine.update("Account", id.as_str(), first).unwrap();
    // Each transition of the status matters, so this one is an operation of its own behind the first.
    let mut second = status("won");
    second.extend(fields(&[("city", Value::text("Bergen"))]));
    device.engine.update("Account", id.as_str(), second).unwrap();
    device.sync().await;
    let entry = device.open_entries().remove(0);
    assert_eq!(entry.operations.len(), 1);
    world.server().refuse(None);
    let without = Decision::Without([name("city")].into());
    device.engine.resolve(entry.id, &without).unwrap();
    assert_eq!(device.text("Account", &id, "city").as_deref(), Some("Bergen"));
    let report = device.sync().await;
    assert_eq!((report.pending, report.waiting.len()), (0, 0));
    assert_eq!(world.on_server(&id, "city"), Value::text("Bergen"));
    assert_eq!(world.on_server(&id, "status"), Value::Choice("won".to_owned()));
}

#[tokio::test]
async fn a_new_record_goes_whole_or_not_at_all() {
    let (world, id) = refused().await;
    let device = &world.devices[0];
    let new = fields(&[("name", Value::text("New")), ("city", Value::text("Oslo"))]);
    device.engine.create("Account", new).unwrap();
    device.sync().await;
    let entries = device.open_entries();
    let why = |entry: usize, fields: &[&str]| {
        let fields = fields.iter().map(|field| name(field)).collect();
        match device
            .engine
            .resolve_preview(entries[entry].id, &Decision::Without(fields))
        {
            Err(EngineError::NotPossible(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(why(1, &["city"]), NotPossible::Whole(entries[1].id));
    assert_eq!(why(0, &["status"]), NotPossible::NotChanged(name("status")));
    assert_eq!(why(0, &["name", "city"]), NotPossible::NothingElse(entries[0].id));
    assert_eq!(device.text("Account", &id, "city").as_deref(), Some("Oslo"));
    assert!(world.server().all(&entity("Account")).len() == 1);
}

#[tokio::test]
async fn the_outcome_of_a_write_is_awaited_across_a_restart() {
    let (mut world, id) = World::with_one_account(able()).await;
    let change = fields(&[("city", Value::text("Oslo"))]);
    let written = world.devices[0]
        .engine
        .update("Account", id.as_str(), change)
        .unwrap();
    let operation = written.operation.unwrap();
    let before = world.devices[0].clock.monotonic();
    assert_eq!(
        world.devices[0]
            .engine
            .outcome_within(operation, 250)
            .await
            .unwrap(),
        Outcome::Pending
    );
    assert_eq!(world.devices[0].clock.monotonic() - before, 250);
    world.devices[0].restart();
    // Somebody else sends it.
    let other = world.devices[0].other_engine();
    other
        .sync(&world.devices[0].wire, crate::common::options())
        .await
        .unwrap();
    world.devices[0].clock.stand_still();
    assert_eq!(
        world.devices[0]
            .engine
            .outcome_within(operation, 1000)
            .await
            .unwrap(),
        Outcome::Applied(Applied::Accepted)
    );
}
