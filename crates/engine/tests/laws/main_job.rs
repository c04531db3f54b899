//! The main job, law by law: work without a network, synchronize, nothing lost, nothing twice.

use crate::common::{World, able, entity, fields, lookup, without_stamps};
use driftless_engine::{Decision, EngineError, Outcome, SyncOptions};
use driftless_record::{Applied, Cause, CauseClass, Change, ChangeAction, LogKind, Side, Value};
use driftless_testkit::backend::{BackendTransport, Fault};
use driftless_transport::{Capabilities, Deletions, Idempotency};

#[tokio::test]
async fn work_made_offline_arrives_once_and_in_order() {
    let world = World::new(2, able(), 1);
    let rome = world.account(1, "Rome Steel");
    let (a, b) = (&world.devices[0], &world.devices[1]);
    a.sync().await;
    b.sync().await;
    let parent = a
        .engine
        .create("Account", fields(&[("name", Value::text("New"))]))
        .unwrap();
    let child = fields(&[("name", Value::text("Kim")), ("account", lookup(&parent.record))]);
    let child = a.engine.create("Contact", child).unwrap();
    a.set(&rome, "city", "Milan");
    a.set(&rome, "city", "Turin");
    let report = a.sync().await;
    assert_eq!((report.applied, report.pending), (4, 0));
    assert_eq!(
        a.engine.outcome(child.operation.unwrap()).unwrap(),
        Outcome::Applied(Applied::Accepted)
    );
    let records: Vec<_> = world
        .server()
        .effects()
        .iter()
        .map(|e| e.change.record.clone())
        .collect();
    assert_eq!(
        records,
        [parent.record.clone(), child.record.clone(), rome.clone()]
    );
    b.sync().await;
    assert_eq!(b.text("Account", &rome, "city").as_deref(), Some("Turin"));
    assert_eq!(b.text("Contact", &child.record, "name").as_deref(), Some("Kim"));
    assert!(b.engine.status().unwrap().in_sync);
}

#[tokio::test]
async fn l25_changes_of_different_fields_are_both_kept() {
    let (world, id) = World::with_one_account(able()).await;
    let device = &world.devices[0];
    device.set(&id, "city", "Milan");
    world.office(&id, "name", "Roma Steel");
    let report = device.sync().await;
    assert_eq!((report.applied, report.merged, report.waiting.len()), (1, 1, 0));
    assert_eq!(device.text("Account", &id, "name").as_deref(), Some("Roma Steel"));
    assert_eq!(device.text("Account", &id, "city").as_deref(), Some("Milan"));
}

#[tokio::test]
async fn l27_the_later_edit_of_a_field_wins_whoever_synchronizes_first() {
    for (early, first) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let world = World::new(2, able(), 1);
        let id = world.account(1, "Rome Steel");
        for device in &world.devices {
            device.sync().await;
        }
        world.pass(10_000);
        world.devices[early].set(&id, "city", "Early");
        world.pass(10_000);
        world.devices[1 - early].set(&id, "city", "Late");
        for device in [first, 1 - first, first] {
            world.pass(10_000);
            world.devices[device].sync().await;
        }
        for device in &world.devices {
            assert_eq!(
                device.text("Account", &id, "city").as_deref(),
                Some("Late"),
                "{early} edits early, {first} synchronizes first"
            );
        }
    }
}

#[tokio::test]
async fn l29_without_stamps_the_same_field_waits_for_a_person_and_mine_stays_in_view() {
    let (world, id) = World::with_one_account(without_stamps()).await;
    let device = &world.devices[0];
    device.set(&id, "city", "Mine");
    world.office(&id, "city", "Theirs");
    let report = device.sync().await;
    assert_eq!((report.newly_waiting.len(), report.pending), (1, 1));
    assert_eq!(device.text("Account", &id, "city").as_deref(), Some("Mine"));
    let entry = device.open_entries().remove(0);
    assert_eq!(
        (entry.kind, entry.fields[0].theirs.clone()),
        (LogKind::Conflict, Value::text("Theirs"))
    );
    for (decision, expected) in [(Decision::Mine, "Mine"), (Decision::Theirs, "Theirs")] {
        let (world, id) = World::with_one_account(without_stamps()).await;
        let device = &world.devices[0];
        device.set(&id, "city", "Mine");
        world.office(&id, "city", "Theirs");
        device.sync().await;
        device
            .engine
            .resolve(device.open_entries().remove(0).id, &decision)
            .unwrap();
        device.sync().await;
        let city = world.on_server(&id, "city");
        assert_eq!(
            (city, device.open_entries().len()),
            (Value::text(expected), 0),
            "{decision:?}"
        );
        assert_eq!(device.text("Account", &id, "city").as_deref(), Some(expected));
        assert!(device.engine.status().unwrap().in_sync);
    }
}

#[tokio::test]
async fn an_edit_of_a_deleted_record_waits_and_can_make_it_again_whole() {
    let (world, id) = World::with_one_account(able()).await;
    let device = &world.devices[0];
    device.set(&id, "city", "Milan");
    world.server().remove(&entity("Account"), &id);
    device.sync().await;
    assert_eq!(
        device.text("Account", &id, "city").as_deref(),
        Some("Milan"),
        "the edit stays in view"
    );
    device
        .engine
        .resolve(device.open_entries().remove(0).id, &Decision::Mine)
        .unwrap();
    device.sync().await;
    assert_eq!(world.on_server(&id, "name"), Value::text("Rome Steel"));
    assert_eq!(world.on_server(&id, "city"), Value::text("Milan"));
    assert!(device.engine.status().unwrap().in_sync);
}

pub(crate) fn no_nameless(change: &Change) -> Option<Cause> {
    let (ChangeAction::Create(fields) | ChangeAction::Update(fields)) = &change.action else {
        return None;
    };
    let bad = fields.values().any(|value| *value == Value::text("bad"));
    let field = Some(crate::common::name("name"));
    bad.then(|| Cause {
        class: CauseClass::Validation,
        field,
        other: None,
        code: "BAD".into(),
        text: "no such name".into(),
    })
}

#[tokio::test]
async fn l04_a_refused_operation_blocks_only_its_dependants() {
    let world = World::new(1, able(), 1);
    let device = &world.devices[0];
    device.sync().await;
    world.server().refuse(Some(no_nameless));
    let bad = device
        .engine
        .create("Account", fields(&[("name", Value::text("bad"))]))
        .unwrap();
    let kim = fields(&[("name", Value::text("Kim")), ("account", lookup(&bad.record))]);
    let kim = device.engine.create("Contact", kim).unwrap();
    device
        .engine
        .create("Account", fields(&[("name", Value::text("good"))]))
        .unwrap();
    let report = device.sync().await;
    assert_eq!((report.applied, report.refused, report.pending), (1, 1, 2));
    let item = device.engine.outbox().unwrap().remove(1);
    assert_eq!(
        (item.operation.id, item.blocked_by),
        (kim.operation.unwrap(), vec![bad.operation.unwrap()])
    );
    // Law L38: mending the refused record frees its dependants, without a new operation.
    let mended = device.engine.update(
        "Account",
        bad.record.as_str(),
        fields(&[("name", Value::text("mended"))]),
    );
    assert_eq!(mended.unwrap().operation, bad.operation);
    let report = device.sync().await;
    assert_eq!(
        (report.applied, report.pending, device.open_entries().len()),
        (2, 0, 0)
    );
}

#[tokio::test]
async fn l09_lost_requests_and_replies_have_one_effect() {
    for idempotency in [Idempotency::Repeatable, Idempotency::ClientKey] {
        for fault in [
            Fault::RequestLost,
            Fault::ReplyLost,
            Fault::ReplyCut(0),
            Fault::ReplyCut(1),
            Fault::Unreachable,
        ] {
            let world = World::new(
                1,
                Capabilities {
                    idempotency,
                    ..able()
                },
                1,
            );
            let (kept, gone) = (world.account(1, "Kept"), world.account(2, "Gone"));
            let device = &world.devices[0];
            device.sync().await;
            let made = device
                .engine
                .create("Account", fields(&[("name", Value::text("Made"))]))
                .unwrap();
            device.set(&kept, "city", "Milan");
            device.engine.delete("Account", gone.as_str()).unwrap();
            world.server().fail([fault]);
            device.sync().await;
            let report = device.sync().await;
            assert_eq!(
                (report.pending, report.waiting.len()),
                (0, 0),
                "{idempotency:?} {fault:?}"
            );
            let mut effects: Vec<_> = world
                .server()
                .effects()
                .iter()
                .map(|e| e.change.record.clone())
                .collect();
            effects.sort();
            let mut expected = vec![made.record, kept, gone];
            expected.sort();
            assert_eq!(effects, expected, "{idempotency:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn l14_each_transition_that_matters_is_sent_by_itself() {
    let (world, id) = World::with_one_account(able()).await;
    let device = &world.devices[0];
    for status in ["open", "won", "lost"] {
        let change = fields(&[("status", Value::Choice(status.to_owned()))]);
        device.engine.update("Account", id.as_str(), change).unwrap();
    }
    assert_eq!(device.sync().await.applied, 3);
    assert_eq!(world.server().effects().len(), 3);
}

#[tokio::test]
async fn l15_what_was_made_and_deleted_offline_never_leaves_the_device() {
    let world = World::new(1, able(), 1);
    let device = &world.devices[0];
    device.sync().await;
    let made = device
        .engine
        .create("Account", fields(&[("name", Value::text("Short"))]))
        .unwrap();
    device.engine.delete("Account", made.record.as_str()).unwrap();
    let report = device.sync().await;
    assert_eq!(
        (report.applied, report.pending, world.server().effects().len()),
        (0, 0, 0)
    );
    assert!(device.engine.get("Account", made.record.as_str()).is_err());
}

#[tokio::test]
async fn l37_undo_takes_dependants_along_and_nothing_else() {
    let (world, id) = World::with_one_account(able()).await;
    let device = &world.devices[0];
    let made = device
        .engine
        .create("Account", fields(&[("name", Value::text("Made"))]))
        .unwrap();
    let kim = fields(&[("name", Value::text("Kim")), ("account", lookup(&made.record))]);
    device.engine.create("Contact", kim).unwrap();
    device.set(&id, "city", "Milan");
    let told = device.engine.undo_preview(made.operation.unwrap()).unwrap();
    assert_eq!(told.ended.len(), 2);
    assert_eq!(device.engine.undo(made.operation.unwrap()).unwrap(), told);
    assert_eq!(device.engine.outbox().unwrap().len(), 1);
    assert_eq!(device.sync().await.applied, 1);
    assert!(matches!(
        device.engine.undo(made.operation.unwrap()),
        Err(EngineError::NotPossible(_))
    ));
}

#[tokio::test]
async fn undoing_an_earlier_edit_of_a_field_makes_no_conflict_of_a_later_one() {
    let (world, id) = World::with_one_account(without_stamps()).await;
    let device = &world.devices[0];
    let first = device
        .engine
        .update("Account", id.as_str(), fields(&[("city", Value::text("A"))]))
        .unwrap();
    device.set(&id, "city", "B");
    device.engine.undo(first.operation.unwrap()).unwrap();
    let report = device.sync().await;
    assert_eq!((report.applied, report.waiting.len()), (1, 0));
    assert_eq!(device.text("Account", &id, "city").as_deref(), Some("B"));
}

#[tokio::test]
async fn deletions_arrive_by_a_sweep_where_the_back_end_reports_none() {
    let world = World::new(
        1,
        Capabilities {
            deletions: Deletions::Sweep,
            ..able()
        },
        1,
    );
    let ids: Vec<_> = (1..=7).map(|number| world.account(number, "Some")).collect();
    let device = &world.devices[0];
    device.sync().await;
    world.server().remove(&entity("Account"), &ids[3]);
    device.sync().await;
    assert!(device.engine.get("Account", ids[3].as_str()).is_err());
    assert!(device.engine.get("Account", ids[4].as_str()).is_ok());
}

#[tokio::test]
async fn a_deadline_stops_between_pages_and_the_next_synchronization_goes_on_there() {
    let world = World::new(1, able(), 1);
    for number in 1..=20 {
        world.account(number, "Some");
    }
    let device = &world.devices[0];
    let options = driftless_engine::SyncOptions {
        page_rows: 3,
        deadline_millis: Some(0),
        ..driftless_engine::SyncOptions::default()
    };
    let report = device.engine.sync(&device.wire, options).await.unwrap();
    assert!(report.out_of_time);
    let report = device.sync().await;
    assert_eq!(
        (
            report.out_of_time,
            device.engine.status().unwrap().entities[0].records
        ),
        (false, 20)
    );
}

#[tokio::test]
async fn l31_when_the_server_wins_the_lost_value_is_kept_in_the_log() {
    let world = World::new(2, able(), 1);
    let id = world.account(1, "Rome Steel");
    let (a, b) = (&world.devices[0], &world.devices[1]);
    a.sync().await;
    b.sync().await;
    world.pass(1000);
    a.set(&id, "city", "Early");
    world.pass(1000);
    b.set(&id, "city", "Late");
    b.sync().await;
    let report = a.sync().await;
    assert_eq!((report.pending, report.decided), (0, 1));
    let entry = a
        .engine
        .log(&driftless_store::LogSelection::Latest(1))
        .unwrap()
        .remove(0);
    assert_eq!(
        (entry.kind, entry.fields[0].winner),
        (LogKind::Overwritten, Some(Side::Theirs))
    );
    assert_eq!(entry.fields[0].mine, Value::text("Early"));
}

#[tokio::test]
async fn l16_a_record_deleted_and_made_again_offline_is_both_on_the_server() {
    let (world, id) = World::with_one_account(able()).await;
    let device = &world.devices[0];
    device.engine.delete("Account", id.as_str()).unwrap();
    let key = Value::Guid(id.as_str().parse().unwrap());
    device
        .engine
        .create("Account", fields(&[("id", key), ("name", Value::text("Other"))]))
        .unwrap();
    assert_eq!(
        device.text("Account", &id, "city").as_deref(),
        Some(""),
        "nothing of the old record shines through"
    );
    let report = device.sync().await;
    assert_eq!((report.applied, report.pending, report.waiting.len()), (2, 0, 0));
    assert_eq!(world.on_server(&id, "name"), Value::text("Other"));
    assert_eq!(world.server().effects().len(), 2);
}

#[tokio::test]
async fn l38_mending_frees_everything_that_was_refused_together() {
    let world = World::new(1, able(), 1);
    let device = &world.devices[0];
    device.sync().await;
    world.server().refuse(Some(no_nameless));
    let made = device
        .engine
        .create("Account", fields(&[("name", Value::text("bad"))]))
        .unwrap();
    device.set(&made.record, "city", "Rome");
    assert_eq!(device.sync().await.refused, 2);
    device.set(&made.record, "name", "good");
    let report = device.sync().await;
    assert_eq!(
        (report.applied, report.pending, device.open_entries().len()),
        (2, 0, 0)
    );
}

#[tokio::test]
async fn l32_an_edit_of_a_record_that_only_left_the_scope_is_not_called_deleted() {
    let (world, id) = World::with_one_account(Capabilities {
        deletions: Deletions::Sweep,
        ..able()
    })
    .await;
    let device = &world.devices[0];
    device.set(&id, "city", "Milan");
    world.server().hide_from_sweeps(&id);
    let report = device.sync().await;
    assert_eq!((report.applied, report.waiting.len()), (1, 0));
}

#[tokio::test]
async fn l02_nothing_is_sent_under_another_users_sign_in() {
    let world = World::new(1, able(), 1);
    let device = &world.devices[0];
    device.sync().await;
    device
        .engine
        .create("Account", fields(&[("name", Value::text("Mine"))]))
        .unwrap();
    let (other, _kills) = BackendTransport::new(world.backend.clone(), "bob");
    let refused = device.engine.sync(&other, SyncOptions::default()).await;
    assert!(matches!(refused, Err(EngineError::OtherUser { .. })));
    assert_eq!(
        (
            world.server().effects().len(),
            device.engine.outbox().unwrap().len()
        ),
        (0, 1)
    );
}
