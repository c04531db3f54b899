//! What is done about sendings whose outcome nobody has told, and about records that the server may not have.

use crate::common::{World, able, entity, fields, lookup, no_cities, options};
use crate::tap::Tap;
use crate::wire::Wire;
use driftless_engine::{Decision, SyncOptions, What};
use driftless_record::{ChangeAction, Operation, OperationState, RecordId, Value};
use driftless_testkit::backend::{Fault, Habits, Nulls, Reply, Sight};
use driftless_transport::{Batch, Capabilities, CompareAndSet, Deletions, Idempotency, TransportError};

const DAY: i64 = 86_400_000;

/// A world whose device has set a city, and whose reply is lost, with the way to the server, behind the effect.
async fn with_lost_reply(capabilities: Capabilities) -> (World, RecordId) {
    let (world, id) = World::with_one_account(capabilities).await;
    let device = &world.devices[0];
    device.set(&id, "city", "Oslo");
    world.server().fail([Fault::ReplyCut(0)]);
    device.sync().await;
    assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"));
    assert_eq!(device.engine.status().unwrap().unknown, 1);
    (world, id)
}

#[tokio::test]
async fn l08_what_the_server_may_have_forgotten_is_read_before_it_is_sent_again() {
    let (world, id) = with_lost_reply(Capabilities {
        compare_and_set: CompareAndSet::None,
        ..able()
    })
    .await;
    world.server().forget_requests();
    world.pass(31 * DAY);
    let report = world.devices[0].sync().await;
    assert_eq!((report.applied, report.pending), (1, 0));
    assert_eq!(
        world.server().effects().len(),
        1,
        "once, although it was forgotten"
    );
    assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"));
}

#[tokio::test]
async fn l28_a_wall_clock_far_ahead_makes_no_sending_old() {
    let (world, id) = with_lost_reply(able()).await;
    let device = &world.devices[0];
    device.clock.turn(40 * DAY);
    // Reading would say: not done. Repeating proves that it was, once there is an answer.
    world.office(&id, "city", "Bern");
    world.server().fail([Fault::ReplyCut(0)]);
    device.sync().await;
    assert_eq!(device.engine.status().unwrap().unknown, 1);
    assert_eq!(device.open_entries(), vec![]);
    world.pass(DAY);
    let report = device.sync().await;
    assert_eq!((report.applied, report.pending), (1, 0));
    assert_eq!(world.on_server(&id, "city"), Value::text("Bern"));
    assert_eq!(world.server().effects().len(), 1);
}

#[tokio::test]
async fn i11_what_reading_proves_not_done_goes_in_the_same_synchronization() {
    for unreadable in [false, true] {
        let (world, id) = World::with_one_account(Capabilities {
            idempotency: Idempotency::ClientKey,
            ..able()
        })
        .await;
        let device = &world.devices[0];
        device.set(&id, "city", "Oslo");
        world.server().fail([Fault::RequestLost]);
        if unreadable {
            let broken = TransportError::Protocol("not a record".to_owned());
            world.server().set_unreadable(&id, Some(broken));
            device.sync().await;
            assert_eq!(device.engine.status().unwrap().unknown, 1);
            world.server().set_unreadable(&id, None);
            world.pass(DAY);
        }
        let report = device.sync().await;
        assert_eq!((report.applied, report.pending), (1, 0), "{unreadable}");
        assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"));
        assert_eq!(world.server().effects().len(), 1);
    }
}

#[tokio::test]
async fn l39_many_unknown_outcomes_are_settled_in_one_synchronization() {
    let (world, _) = World::with_one_account(Capabilities {
        idempotency: Idempotency::ClientKey,
        ..able()
    })
    .await;
    let device = &world.devices[0];
    let made = |number: usize| fields(&[("name", Value::text(format!("Made {number}")))]);
    for number in 0..60 {
        device.engine.create("Account", made(number)).unwrap();
    }
    world.server().fail([Fault::ReplyCut(0)]);
    device.sync().await;
    let report = device.sync().await;
    assert_eq!((report.applied, report.pending), (60, 0));
    assert_eq!(world.server().effects().len(), 60);
}

#[tokio::test]
async fn l23_a_sweep_does_not_ask_for_records_that_were_never_on_the_server() {
    let world = World::new(
        1,
        Capabilities {
            deletions: Deletions::Sweep,
            ..able()
        },
        1,
    );
    let here = world.account(1, "Rome Steel");
    let device = &world.devices[0];
    device.sync().await;
    let made = fields(&[("name", Value::text("Made"))]);
    let made = device.engine.create("Account", made).unwrap().record;
    device.set(&here, "city", "Oslo");
    world.server().remove(&entity("Account"), &here);
    let broken = TransportError::Protocol("asked for".to_owned());
    world.server().set_unreadable(&made, Some(broken.clone()));
    let report = device.sync().await;
    assert_eq!(report.entities[&entity("Account")].problem, None);
    assert!(world.server().record(&entity("Account"), &made).is_some());
    assert_eq!(
        device.open_entries().len(),
        1,
        "what was there and is gone is asked for"
    );
}

#[tokio::test]
async fn l40_a_synchronization_that_left_something_waiting_went_through_but_is_not_called_in_sync() {
    let (world, id) = World::with_one_account(crate::common::without_stamps()).await;
    let device = &world.devices[0];
    let before = device.engine.status().unwrap();
    assert!(before.in_sync);
    device.set(&id, "city", "Mine");
    world.office(&id, "city", "Theirs");
    world.pass(DAY);
    device.sync().await;
    let after = device.engine.status().unwrap();
    assert_eq!((after.in_sync, after.pending, after.waiting), (false, 1, 1));
    assert!(after.last_sync > before.last_sync);
}

/// A record that is there with the same values as far as it has any proves nothing of those that it lacks.
#[tokio::test]
async fn l10_a_create_is_not_called_applied_while_the_server_lacks_a_value_of_it() {
    let world = World::new(1, able(), 1);
    let device = &world.devices[0];
    world.account(1, "Rome Steel");
    device.sync().await;
    let key = uuid::Uuid::from_u128(2);
    let (name, city) = (("name", Value::text("Bern Glass")), ("city", Value::text("Bern")));
    let id = ("id", Value::Guid(key));
    device
        .engine
        .create("Account", fields(&[id.clone(), name.clone(), city]))
        .unwrap();
    let record = RecordId::guid(key);
    world.server().set_habits(Habits {
        nulls: Nulls::LeftOut,
        ..Habits::default()
    });
    world
        .server()
        .put(&entity("Account"), &record, fields(&[id, name]));
    let push = SyncOptions {
        what: What::Push,
        ..options()
    };
    device.engine.sync(&device.wire, push).await.unwrap();
    let report = device.sync().await;
    assert_eq!(report.pending, 0);
    assert_eq!(world.on_server(&record, "city"), Value::text("Bern"));
    let sent: Vec<_> = world
        .server()
        .effects()
        .iter()
        .map(|effect| effect.change.action.clone())
        .collect();
    let lacking = fields(&[("city", Value::text("Bern"))]);
    assert_eq!(
        sent,
        [ChangeAction::Update(lacking)],
        "what it lacks, and nothing else"
    );
}

/// A server calls a record that its user may not see deleted, and it can come into sight again while nobody knows
/// whether another was made under its key. That it is there proves nothing then.
#[tokio::test]
async fn l10_a_record_that_was_there_before_does_not_prove_that_it_was_made_again() {
    let (world, id) = World::with_one_account(Capabilities {
        idempotency: Idempotency::ClientKey,
        ..able()
    })
    .await;
    let key = (entity("Account"), id.clone());
    let device = &world.devices[0];
    device.engine.delete("Account", id.as_str()).unwrap();
    let given = fields(&[
        ("id", Value::Guid(id.as_str().parse().unwrap())),
        ("name", Value::text("Rome Glass")),
    ]);
    device.engine.create("Account", given).unwrap();
    world.server().show(&key, Sight::Hidden);
    world.server().fail([Fault::RequestLost, Fault::ReplyCut(0)]);
    device.sync().await;
    let status = device.engine.status().unwrap();
    assert_eq!((status.pending, status.unknown), (1, 1));
    world.server().show(&key, Sight::Shown);
    device.sync().await;
    assert_eq!(world.on_server(&id, "name"), Value::text("Rome Steel"));
    assert_eq!(device.pending().len(), 1, "it is not called applied");
    assert_eq!(device.open_entries().len(), 1, "a person is asked");
}

/// What a reply tells of a record made under the key of a deleted one is all that there is of it.
#[tokio::test]
async fn l16_a_record_made_again_under_its_key_shows_nothing_of_the_deleted_one() {
    for limit in [1, 100] {
        let batch = Batch {
            limit,
            ..able().batch
        };
        let (world, id) = World::with_one_account(Capabilities { batch, ..able() }).await;
        world.server().set_habits(Habits {
            reply: Reply::Record,
            nulls: Nulls::LeftOut,
            ..Habits::default()
        });
        let device = &world.devices[0];
        device.engine.delete("Account", id.as_str()).unwrap();
        let key = Value::Guid(id.as_str().parse().unwrap());
        let given = fields(&[("id", key), ("name", Value::text("Rome Glass"))]);
        device.engine.create("Account", given).unwrap();
        let push = SyncOptions {
            what: What::Push,
            ..options()
        };
        device.engine.sync(&device.wire, push).await.unwrap();
        assert_eq!(device.text("Account", &id, "city"), Some(String::new()));
    }
}

/// A request that was put off may still lie somewhere in the network. The next one for the same change goes by its name,
/// so that a server which knows requests again does one of them (law L9); what a person sends again after it was refused
/// is a new request (law L38).
#[tokio::test]
async fn l09_a_change_that_was_put_off_goes_under_its_name_again() {
    let (world, id) = World::with_one_account(able()).await;
    let device = &world.devices[0];
    device.set(&id, "city", "Oslo");
    let operation = device.pending()[0].id;
    let mut names = Vec::new();
    for turn in 0..4 {
        if turn < 2 {
            world.server().set_busy_until(1_000_001 + turn * 400_000);
        }
        let tap = Tap::new(device.wire.clone());
        device.engine.sync(&tap, options()).await.unwrap();
        names.extend(tap.told().iter().find_map(|call| call.request_of(operation)));
        world.pass(400_000);
        if turn == 1 {
            world.server().refuse(Some(no_cities));
        }
        if turn == 2 {
            world.server().refuse(None);
            let entry = device.open_entries().remove(0);
            device.engine.resolve(entry.id, &Decision::Retry).unwrap();
        }
    }
    assert_eq!(device.pending(), vec![]);
    let [first, second, refused, sent] = names[..] else {
        panic!("{names:?}");
    };
    assert_eq!((first, first), (second, refused), "it was put off");
    assert_ne!(refused, sent, "it was refused");
}

/// A server that is too busy to answer says nothing of what it did before, neither of the first change in a request nor
/// of those that it skips with it: all of them stay unknown until it answers (law L8).
#[tokio::test]
async fn l08_what_may_be_done_stays_unknown_while_the_server_puts_off_the_answer() {
    let world = World::new(1, able(), 1);
    let device = &world.devices[0];
    device.sync().await;
    let account = device
        .engine
        .create("Account", fields(&[("name", Value::text("Pump"))]))
        .unwrap();
    let of = lookup(&account.record);
    let contact = fields(&[("name", Value::text("Ann")), ("account", of)]);
    device.engine.create("Contact", contact).unwrap();
    world.server().fail(vec![Fault::ReplyLost]);
    let wire = Wire::new(&world.backend);
    wire.rules.lock().unwrap().before_push = Some(Box::new(|server| {
        let busy = !server.effects().is_empty();
        server.set_busy_until(if busy { server.now() + 60_000 } else { 0 });
    }));
    for _ in 0..3 {
        device.engine.sync(&wire, options()).await.unwrap();
        let pending = device.pending();
        let unknown = |operation: &&Operation| matches!(operation.state, OperationState::Unknown(_));
        assert_eq!(pending.iter().filter(unknown).count(), 2, "{pending:?}");
        world.pass(60_000);
    }
    world.pass(40 * 60 * 1000);
    device.sync().await;
    assert_eq!(device.pending(), vec![]);
    assert_eq!(world.server().effects().len(), 2);
    assert_eq!(device.open_entries(), vec![]);
}

/// A server that knows requests again answers the one it has refused as it did. A change that a person lets go again
/// never goes by that name, whatever keeps it from being sent meanwhile.
#[tokio::test]
async fn l38_a_change_that_was_refused_is_a_new_request_though_its_record_could_not_be_read_meanwhile() {
    let (world, id) = World::with_one_account(Capabilities {
        compare_and_set: CompareAndSet::None,
        ..able()
    })
    .await;
    let device = &world.devices[0];
    device.set(&id, "city", "Oslo");
    let operation = device.pending()[0].id;
    let name = async || {
        let tap = Tap::new(device.wire.clone());
        device.engine.sync(&tap, options()).await.unwrap();
        tap.told().iter().find_map(|call| call.request_of(operation))
    };
    world.server().refuse(Some(no_cities));
    let refused = name().await.unwrap();
    world.server().refuse(None);
    world.server().set_unreadable(&id, Some(crate::wire::broken()));
    let entry = device.open_entries().remove(0);
    device.engine.resolve(entry.id, &Decision::Retry).unwrap();
    assert_eq!(name().await, None, "it cannot be read");
    world.server().set_unreadable(&id, None);
    world.pass(400_000);
    assert_ne!(name().await.unwrap(), refused);
    assert_eq!(device.pending(), vec![]);
}
