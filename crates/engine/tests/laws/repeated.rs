//! What is asked for again after a lost reply: a request that never arrived is carried out by that, so it keeps its place.

use driftless_engine::{Edit, SyncOptions, What};
use driftless_record::{Fields, Handling, LogKind, OperationState, RecordId, Value};
use driftless_store::LogSelection;
use driftless_testkit::backend::Fault;
use driftless_transport::{Batch, Capabilities, Transport};

use crate::commands::world_with_commands;
use crate::common::*;
use crate::groups::{able_to, update};
use crate::main_job::no_nameless;
use crate::sides::settings;
use crate::wire::Wire;

/// A group that no change set holds together goes in its order the second time too.
#[tokio::test]
async fn l03_a_group_that_is_asked_for_again_keeps_its_order() {
    for lost in 1..4 {
        let batch = Batch {
            limit: 10,
            depends_on: true,
            groups: false,
        };
        let world = World::new(1, able_to(batch), 1);
        let ids = [1, 2].map(|number| world.account(number, "Rome Steel"));
        let device = &world.devices[0];
        device.sync().await;
        world.server().refuse(Some(no_nameless));
        let edits = [update(&ids[0], "name", "bad"), update(&ids[1], "name", "good")];
        device.engine.edit_together(&edits, Handling::default()).unwrap();
        world.server().fail(vec![Fault::RequestLost; lost]);
        for _ in 0..4 {
            device.sync().await;
            world.pass(700_000);
        }
        assert_eq!(world.server().effects(), vec![], "{lost}");
        assert_eq!(device.open_entries().len(), 1);
        assert_eq!(device.pending().len(), 2);
    }
}

/// What waits for a refused change waits, however the request was cut into pieces on the way.
#[tokio::test]
async fn l05_what_is_asked_for_again_stays_behind_what_it_needs() {
    for lost in 1..4 {
        let world = World::new(1, able(), 1);
        let device = &world.devices[0];
        device.sync().await;
        world.server().refuse(Some(no_nameless));
        let bad = fields(&[("name", Value::text("bad"))]);
        let account = device.engine.create("Account", bad).unwrap();
        let kim = fields(&[("name", Value::text("Kim")), ("account", lookup(&account.record))]);
        device.engine.create("Contact", kim).unwrap();
        world.server().fail(vec![Fault::RequestLost; lost]);
        for _ in 0..4 {
            device.sync().await;
            world.pass(700_000);
        }
        assert_eq!(world.server().effects(), vec![], "{lost}");
        let entries = device.open_entries();
        assert_eq!(entries.len(), 1, "{entries:?}");
        assert_eq!(device.pending()[1].state, OperationState::Queued);
    }
}

/// While a busy server puts off what comes first, what comes behind it is not asked for alone.
#[tokio::test]
async fn l05_what_is_put_off_is_not_overtaken_by_what_needs_it() {
    let world = World::new(1, able(), 1);
    let device = &world.devices[0];
    device.sync().await;
    let pump = fields(&[("name", Value::text("Pump"))]);
    let account = device.engine.create("Account", pump).unwrap();
    let kim = fields(&[("name", Value::text("Kim")), ("account", lookup(&account.record))]);
    device.engine.create("Contact", kim).unwrap();
    world.server().fail(vec![Fault::RequestLost]);
    let until = world.server().now() + 60_000;
    world.server().set_busy_until(until);
    for _ in 0..3 {
        device.sync().await;
    }
    world.server().set_busy_until(0);
    for _ in 0..10 {
        device.sync().await;
        world.pass(60_000);
    }
    let order: Vec<_> = world
        .server()
        .effects()
        .iter()
        .map(|effect| effect.change.entity.clone())
        .collect();
    assert_eq!(order, [entity("Account"), entity("Contact")]);
    assert_eq!(device.pending(), vec![]);
}

/// The copy of a request that was put off may be carried out later, and somebody may have changed what it made before
/// the answer comes: that is his work and not the command's.
#[tokio::test]
async fn l27_what_a_late_copy_has_made_may_have_been_changed_since() {
    let (world, id) = world_with_commands(Capabilities { ..without_stamps() }).await;
    world.server().set_settings(Some(settings(1)));
    let device = &world.devices[0];
    device.sync().await;
    let ran = device
        .engine
        .run("Account", id.as_str(), "Win", fields(&[]))
        .unwrap();
    device.set(&ran.made[0].1, "name", "Mine");
    let push = SyncOptions {
        what: What::Push,
        ..options()
    };
    let until = world.server().now() + 60_000;
    world.server().set_busy_until(until);
    let wire = Wire::new(&world.backend);
    device.engine.sync(&wire, push.clone()).await.unwrap();
    world.server().set_busy_until(0);
    let late = std::mem::take(&mut wire.rules.lock().unwrap().sent);
    let schema = device.store().schema().unwrap();
    device.wire.push(&schema, &late).await.unwrap();
    let accounts = world.server().all(&entity("Account"));
    let made = accounts.into_keys().find(|other| *other != id).unwrap();
    world.office(&made, "name", "Theirs");
    world.pass(700_000);
    device.engine.sync(&wire, push).await.unwrap();
    device.sync().await;
    assert_eq!(device.pending(), vec![]);
    assert_eq!(world.on_server(&made, "name"), Value::text("Theirs"));
    let log = device.engine.log(&LogSelection::Latest(9)).unwrap();
    assert!(
        log.iter().any(|entry| entry.kind == LogKind::Overwritten),
        "{log:?}"
    );
}

/// What may be on the server is not sent again because its entity comes back to the schema.
#[tokio::test]
async fn l08_what_may_be_done_does_not_go_again_when_its_entity_returns() {
    let (world, id) = world_with_commands(able()).await;
    let device = &world.devices[0];
    let known = device.store().schema().unwrap();
    device
        .engine
        .run("Account", id.as_str(), "Meet", fields(&[]))
        .unwrap();
    world.server().fail(vec![Fault::ReplyLost; 4]);
    device.sync().await;
    world.server().set_schema(crate::stuck::with("Account", |_| None));
    for _ in 0..2 {
        world.pass(700_000);
        device.sync().await;
    }
    world.server().heal();
    assert_eq!(device.open_entries()[0].kind, LogKind::Unproved);
    world.server().set_schema(known);
    for _ in 0..3 {
        world.pass(700_000);
        device.sync().await;
    }
    assert_eq!(world.server().all(&entity("Contact")).len(), 1);
    assert_eq!(device.open_entries().len(), 1, "a person decides");
}

/// A delete that gives way takes along what goes with it in one change set: that is told, with its values.
#[tokio::test]
async fn l31_what_gives_way_with_a_delete_in_one_group_is_in_the_log() {
    let (world, id) = World::with_one_account(without_stamps()).await;
    world.server().set_settings(Some(settings(1)));
    let device = &world.devices[0];
    device.sync().await;
    let delete = Edit::Delete {
        entity: "Account".to_owned(),
        id: id.as_str().to_owned(),
    };
    let edits = [update(&id, "city", "Mine"), delete];
    device.engine.edit_together(&edits, Handling::default()).unwrap();
    world.office(&id, "name", "Theirs");
    device.sync().await;
    assert_eq!(device.pending(), vec![]);
    let log = device.engine.log(&LogSelection::Latest(9)).unwrap();
    let is_kept = log
        .iter()
        .any(|entry| entry.kept.get(&name("city")) == Some(&Value::text("Mine")));
    assert!(
        is_kept || world.on_server(&id, "city") == Value::text("Mine"),
        "{log:?}"
    );
}

/// What a person does after a request has left kept nothing of it waiting: it proves nothing of what became of it.
#[tokio::test]
async fn l08_a_need_that_arose_later_proves_nothing_of_what_was_sent() {
    let (world, id) = world_with_commands(able()).await;
    let other = world.account(2, "Paris Paper");
    let contact = RecordId::guid(uuid::Uuid::from_u128(9));
    let given = [
        ("id", Value::Guid(uuid::Uuid::from_u128(9))),
        ("name", Value::text("Kim")),
        ("account", lookup(&other)),
    ];
    world.server().put(&entity("Contact"), &contact, fields(&given));
    let device = &world.devices[0];
    device.sync().await;
    let run = Edit::Run {
        entity: "Account".to_owned(),
        id: id.as_str().to_owned(),
        command: "Meet".to_owned(),
        parameters: fields(&[]),
    };
    let delete = Edit::Delete {
        entity: "Account".to_owned(),
        id: other.as_str().to_owned(),
    };
    device
        .engine
        .edit_together(&[run, delete], Handling::default())
        .unwrap();
    world.server().fail(vec![Fault::ReplyLost; 2]);
    let _ = device.engine.sync(&device.wire, options()).await;
    device.engine.delete("Contact", contact.as_str()).unwrap();
    for _ in 0..4 {
        world.pass(700_000);
        device.sync().await;
    }
    let met = |record: &Fields| record.get(&name("name")) == Some(&Value::text("Met"));
    let contacts = world.server().all(&entity("Contact"));
    assert_eq!(contacts.values().filter(|record| met(record)).count(), 1);
    assert_eq!(device.pending(), vec![]);
}

/// A delete waits for the deletes of what refers to its record, also where a person has put them into one group the other
/// way round.
#[tokio::test]
async fn l05_a_parent_and_its_child_deleted_in_one_group_both_go() {
    for (groups, lost) in [(false, 0), (false, 1), (false, 3), (true, 0), (true, 1)] {
        let batch = Batch {
            limit: 10,
            depends_on: true,
            groups,
        };
        let world = World::new(1, able_to(batch), 1);
        let parent = world.account(1, "Rome Steel");
        let child = RecordId::guid(uuid::Uuid::from_u128(9));
        let given = [
            ("id", Value::Guid(uuid::Uuid::from_u128(9))),
            ("name", Value::text("Kim")),
            ("account", lookup(&parent)),
        ];
        world.server().put(&entity("Contact"), &child, fields(&given));
        if !groups {
            // A change set is judged as a whole, in the order in which the person made it.
            world.server().keep_references();
        }
        let device = &world.devices[0];
        device.sync().await;
        let delete = |of: &str, id: &RecordId| Edit::Delete {
            entity: of.to_owned(),
            id: id.as_str().to_owned(),
        };
        let edits = [delete("Account", &parent), delete("Contact", &child)];
        device.engine.edit_together(&edits, Handling::default()).unwrap();
        world.server().fail(vec![Fault::ReplyLost; lost]);
        for _ in 0..4 {
            device.sync().await;
            world.pass(700_000);
        }
        assert_eq!(device.pending(), vec![], "{groups} {lost}");
        assert_eq!(world.server().all(&entity("Account")).len(), 0);
        assert_eq!(world.server().all(&entity("Contact")).len(), 0);
    }
}
