//! What goes before what, and what does not have to.

use crate::common::{Device, World, able, fields, lookup, without_stamps};
use driftless_engine::{Decision, Outcome};
use driftless_record::{Cause, CauseClass, Change, ChangeAction, RecordId, Value};
use driftless_transport::{Batch, Capabilities};

/// A synced world whose server deletes nothing that others refer to: an account, and contacts that refer to it.
async fn with_contacts(capabilities: Capabilities, count: usize) -> (World, RecordId, Vec<RecordId>) {
    let (world, account) = World::with_one_account(capabilities).await;
    world.server().keep_references();
    let device = &world.devices[0];
    let kim = fields(&[("name", Value::text("Kim")), ("account", lookup(&account))]);
    let contacts = (0..count).map(|_| device.engine.create("Contact", kim.clone()).unwrap().record);
    let contacts = contacts.collect();
    device.sync().await;
    (world, account, contacts)
}

fn delete(device: &Device, of: &str, id: &RecordId) {
    device.engine.delete(of, id.as_str()).unwrap();
}

#[tokio::test]
async fn l05_a_parent_deleted_before_its_children_is_deleted_behind_them() {
    let alone = Capabilities {
        batch: Batch {
            limit: 1,
            depends_on: false,
            groups: true,
        },
        ..able()
    };
    for (capabilities, cut) in [(able(), false), (able(), true), (alone, false)] {
        let (world, account, contacts) = with_contacts(capabilities, 3).await;
        let device = &world.devices[0];
        delete(device, "Account", &account);
        let away = fields(&[("account", Value::Null)]);
        device
            .engine
            .update("Contact", contacts[0].as_str(), away)
            .unwrap();
        delete(device, "Contact", &contacts[1]);
        delete(device, "Contact", &contacts[2]);
        assert_eq!(device.engine.preview().unwrap().waits, []);
        if cut {
            // Nothing of the request arrives in time; it is repeated in the same order.
            world
                .server()
                .fail([driftless_testkit::backend::Fault::RequestLost]);
            device.sync().await;
        }
        device.sync().await;
        assert_eq!(device.open_entries(), vec![]);
        assert_eq!(device.engine.outbox().unwrap(), vec![]);
        let last = world.server().effects().last().unwrap().change.record.clone();
        assert_eq!(last, account);
    }
}

#[tokio::test]
async fn l37_to_discard_a_refused_move_does_not_take_back_the_delete_that_waits_for_it() {
    let (world, account, contacts) = with_contacts(able(), 1).await;
    let device = &world.devices[0];
    let moves = |change: &Change| {
        matches!(&change.action, ChangeAction::Update(_)).then(|| Cause {
            class: CauseClass::Validation,
            field: None,
            other: None,
            code: "400".to_owned(),
            text: "not today".to_owned(),
        })
    };
    world.server().refuse(Some(moves));
    let away = fields(&[("account", Value::Null)]);
    device
        .engine
        .update("Contact", contacts[0].as_str(), away)
        .unwrap();
    delete(device, "Account", &account);
    device.sync().await;
    let entry = device.open_entries().remove(0);
    let item = device.engine.outbox().unwrap().remove(1);
    assert_eq!(item.blocked_by, entry.operations);
    let touched = device.engine.resolve(entry.id, &Decision::Discard).unwrap();
    assert_eq!(touched.ended.len(), 1, "the move alone");
    assert_eq!(device.engine.outbox().unwrap().len(), 1);
    delete(device, "Contact", &contacts[0]);
    let report = device.sync().await;
    assert_eq!((report.applied, report.pending), (2, 0));
}

/// What was set behind a change that is taken back rests on what that rested on: it contradicts no value that never was.
#[tokio::test]
async fn l37_an_edit_behind_one_that_is_taken_back_contradicts_nobody() {
    let (world, id) = World::with_one_account(without_stamps()).await;
    let device = &world.devices[0];
    device.set(&id, "city", "Oslo");
    device.set(&id, "city", "Bern");
    let first = device.pending()[0].id;
    device.engine.undo(first).unwrap();
    assert_eq!(device.text("Account", &id, "city").as_deref(), Some("Bern"));
    assert_eq!(device.sync().await.pending, 0);
    assert_eq!(device.open_entries(), vec![]);
    assert_eq!(world.on_server(&id, "city"), Value::text("Bern"));
}

/// An entry about two changes, of which one is taken back, still asks about the other: nothing else would ever send it.
#[tokio::test]
async fn l37_an_entry_stays_open_while_it_holds_a_change() {
    let (world, id) = World::with_two_conflicts().await;
    let device = &world.devices[0];
    let entry = device.open_entries().remove(0);
    let (first, second) = (entry.operations[0], entry.operations[1]);
    device.engine.undo(first).unwrap();
    assert_eq!(device.open_entries().len(), 1);
    assert_eq!(device.engine.outcome(second).unwrap(), Outcome::Parked(entry.id));
    device.engine.resolve(entry.id, &Decision::Mine).unwrap();
    device.sync().await;
    assert_eq!(world.on_server(&id, "name"), Value::text("Theirs"));
    assert_eq!(world.on_server(&id, "city"), Value::text("Mine"));
    assert_eq!(device.engine.outbox().unwrap(), vec![]);
    assert_eq!(device.open_entries(), vec![]);
}
