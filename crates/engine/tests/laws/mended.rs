//! What was refused and mended, what lacks a right, and what comes back with a record that was deleted.

use std::collections::{BTreeMap, BTreeSet};

use driftless_engine::{Decision, Outcome};
use driftless_record::{Cause, CauseClass, Change, ChangeAction, OperationId, RecordId, RequestId, Value};
use driftless_testkit::backend::Fault;
use proptest::prelude::*;

use crate::chance::{block, capabilities, cases};
use crate::common::*;
use crate::tap::Tap;

const DAY: i64 = 86_400_000;

/// Refuses the name "bad".
fn no_bad(change: &Change) -> Option<Cause> {
    let (ChangeAction::Create(sent) | ChangeAction::Update(sent)) = &change.action else {
        return None;
    };
    (sent.get("name") == Some(&Value::text("bad"))).then(|| Cause {
        class: CauseClass::Validation,
        field: Some(name("name")),
        other: None,
        code: "400".to_owned(),
        text: "not this name".to_owned(),
    })
}

/// Has no time for the name "bad" now.
fn busy_with_bad(change: &Change) -> Option<Cause> {
    no_bad(change).map(|cause| Cause {
        class: CauseClass::Transient,
        ..cause
    })
}

/// What a person does about a change that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Edit,
    Set,
    /// The server has come to take it.
    Retry,
    /// The same again, and it is refused again.
    RetryInVain,
}

/// Synchronizes, and returns the requests that carried an operation, in order.
async fn requests(device: &Device, operation: OperationId) -> Vec<RequestId> {
    let tap = Tap::new(device.wire.clone());
    device.engine.sync(&tap, options()).await.unwrap();
    let told = tap.told();
    told.iter()
        .filter_map(|call| call.request_of(operation))
        .collect()
}

proptest! {
    #![proptest_config(cases(48))]

    /// A server that remembers requests answers one that it has refused with the same refusal: what was mended under the
    /// old id would never get through. It stays the operation that it was to whoever waits for it.
    #[test]
    fn l38_what_was_refused_goes_again_as_the_same_operation_in_a_request_of_its_own(
        can in capabilities(), is_new in any::<bool>(), lost in any::<bool>(), put_off in 0usize..3,
        way in prop_oneof![Just(Way::Edit), Just(Way::Set), Just(Way::Retry), Just(Way::RetryInVain)],
    ) {
        block(async {
            let (world, known) = World::with_one_account(can).await;
            let device = &world.devices[0];
            let bad = fields(&[("name", Value::text("bad")), ("city", Value::text("Oslo"))]);
            let written = if is_new {
                device.engine.create("Account", bad)
            } else {
                device.engine.update("Account", known.as_str(), bad)
            };
            let (record, operation) = written.map(|written| (written.record, written.operation.unwrap())).unwrap();
            let mut first = Vec::new();
            world.server().refuse(Some(busy_with_bad));
            for _ in 0..put_off {
                first.extend(requests(device, operation).await);
                world.pass(DAY);
            }
            world.server().refuse(Some(no_bad));
            if lost {
                world.server().fail([Fault::ReplyLost]);
            }
            first.extend(requests(device, operation).await);
            world.server().heal();
            while device.open_entries().is_empty() {
                world.pass(400_000);
                first.extend(requests(device, operation).await);
            }
            let entry = device.open_entries().remove(0);
            let good = fields(&[("name", Value::text("good"))]);
            match way {
                Way::Edit => {
                    let mended = device.engine.update("Account", record.as_str(), good).unwrap();
                    prop_assert_eq!(mended.operation, Some(operation));
                }
                Way::Set => prop_assert_eq!(device.engine.resolve(entry.id, &Decision::Set(good)).unwrap().queued, vec![operation]),
                Way::Retry | Way::RetryInVain => {
                    prop_assert_eq!(device.engine.resolve(entry.id, &Decision::Retry).unwrap().queued, vec![operation]);
                }
            }
            if way == Way::Retry {
                world.server().refuse(None);
            }
            let again: Vec<RequestId> = requests(device, operation).await;
            prop_assert_eq!(again.len(), 1);
            prop_assert!(!first.contains(&again[0]), "it went under the id that was refused");
            if way == Way::RetryInVain {
                prop_assert!(device.open_entries().remove(0).id > entry.id, "told anew");
                prop_assert_eq!(world.effects_of(operation), 0);
            } else {
                prop_assert!(matches!(device.engine.outcome(operation).unwrap(), Outcome::Applied(_)));
                prop_assert_eq!(world.effects_of(operation), 1);
                let expected = if way == Way::Retry { "bad" } else { "good" };
                prop_assert_eq!(world.on_server(&record, "name"), Value::text(expected));
                prop_assert_eq!(world.on_server(&record, "city"), Value::text("Oslo"));
            }
            Ok(())
        })?;
    }

    /// To ask for a right takes days. Nothing hammers the server meanwhile, the values stay in view and other work goes
    /// on; once the right is there, the same change goes when it is told to.
    #[test]
    fn l38_what_lacks_a_right_waits_unsent_until_it_is_retried(days in 1i64..9, is_new in any::<bool>()) {
        block(async {
            let (world, known) = World::with_one_account(able()).await;
            let device = &world.devices[0];
            let other = world.account(2, "Bern Glass");
            device.sync().await;
            world.server().refuse(Some(no_cities));
            let wanted = fields(&[("name", Value::text("New")), ("city", Value::text("Oslo"))]);
            let written = if is_new {
                device.engine.create("Account", wanted)
            } else {
                device.engine.update("Account", known.as_str(), wanted)
            };
            let (record, operation) = written.map(|written| (written.record, written.operation.unwrap())).unwrap();
            prop_assert_eq!(requests(device, operation).await.len(), 1);
            let entry = device.open_entries().remove(0);
            prop_assert_eq!(entry.cause.clone().unwrap().class, CauseClass::Permission);
            for day in 0..days {
                if day == days - 1 {
                    world.server().refuse(None);
                }
                world.pass(DAY);
                device.set(&other, "name", &format!("day {day}"));
                prop_assert_eq!(requests(device, operation).await, vec![]);
                prop_assert_eq!(world.on_server(&other, "name"), Value::text(format!("day {day}")));
                prop_assert_eq!(device.text("Account", &record, "city"), Some("Oslo".to_owned()));
                prop_assert_eq!(device.engine.outcome(operation).unwrap(), Outcome::Parked(entry.id));
            }
            device.engine.resolve(entry.id, &Decision::Retry).unwrap();
            device.sync().await;
            prop_assert_eq!(world.on_server(&record, "city"), Value::text("Oslo"));
            prop_assert_eq!(device.engine.outbox().unwrap(), vec![]);
            Ok(())
        })?;
    }
}

/// What became of a contact of an account that was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Child {
    /// Its own delete is taken back, or it was changed and is made again.
    ComesBack,
    /// It was changed, and the server's side is taken.
    GivenUp,
    /// Nobody says anything about it.
    Untouched,
}

fn children() -> impl Strategy<Value = Vec<Child>> {
    let child = prop_oneof![
        Just(Child::ComesBack),
        Just(Child::GivenUp),
        Just(Child::Untouched)
    ];
    prop::collection::vec(child, 1..5)
}

/// A synced world of an account with these contacts.
async fn with_children(count: usize) -> (World, RecordId, Vec<RecordId>) {
    let (world, account) = World::with_one_account(without_stamps()).await;
    let device = &world.devices[0];
    let kim = fields(&[("name", Value::text("Kim")), ("account", lookup(&account))]);
    let contact = |_| device.engine.create("Contact", kim.clone()).unwrap().record;
    let contacts = (0..count).map(contact).collect();
    device.sync().await;
    (world, account, contacts)
}

/// The contacts that a device shows, and those that the server has.
fn found(world: &World) -> (BTreeSet<RecordId>, BTreeSet<RecordId>) {
    let here = crate::convergence::view(world, 0, "Contact")
        .into_keys()
        .collect();
    (here, world.server().all(&entity("Contact")).into_keys().collect())
}

proptest! {
    #![proptest_config(cases(48))]

    /// Whoever takes the delete of a record back speaks of this record. Others that he deleted beside it stay deleted,
    /// whichever went first, until he says the same of them.
    #[test]
    fn l33_taking_a_delete_back_brings_no_other_record_back(
        children in children(), deleted_first in any::<bool>(), taken_back in prop::option::of(any::<bool>()),
    ) {
        block(async {
            let (world, account, contacts) = with_children(children.len()).await;
            world.server().keep_references();
            let device = &world.devices[0];
            let delete = |of: &str, id: &RecordId| device.engine.delete(of, id.as_str()).unwrap().operation.unwrap();
            let before = deleted_first.then(|| delete("Account", &account));
            let deletes: Vec<OperationId> = contacts.iter().map(|id| delete("Contact", id)).collect();
            let parent = before.unwrap_or_else(|| delete("Account", &account));
            let all: Vec<_> = children.iter().zip(&contacts).zip(&deletes).collect();
            let back = all.iter().filter(|((child, _), _)| **child == Child::ComesBack);
            let mut undone: Vec<OperationId> = back.clone().map(|(_, delete)| **delete).collect();
            match taken_back {
                Some(true) => undone.insert(0, parent),
                Some(false) => undone.push(parent),
                None => {}
            }
            for delete in undone {
                let told = device.engine.undo_preview(delete).unwrap();
                prop_assert_eq!(told.ended.iter().map(|(id, _)| *id).collect::<Vec<_>>(), vec![delete]);
                prop_assert_eq!(device.engine.undo(delete).unwrap(), told);
            }
            let expected: BTreeSet<RecordId> = back.map(|((_, id), _)| (*id).clone()).collect();
            prop_assert_eq!(&found(&world).0, &expected);
            prop_assert_eq!(device.engine.get("Account", account.as_str()).is_ok(), taken_back.is_some());
            device.sync().await;
            prop_assert_eq!(found(&world), (expected.clone(), expected.clone()));
            // The server keeps what a contact refers to, and a person is told so.
            let is_held = taken_back.is_none() && !expected.is_empty();
            prop_assert_eq!(device.open_entries().len(), usize::from(is_held));
            let stays = taken_back.is_some() || is_held;
            prop_assert_eq!(world.server().record(&entity("Account"), &account).is_some(), stays);
            Ok(())
        })?;
    }

    /// The office deletes an account with its contacts while I work on some of them. The account that I make again
    /// comes alone: a contact comes back if I changed it and say so of itself.
    #[test]
    fn l33_a_record_that_is_made_again_brings_no_other_record_back(children in children()) {
        block(async {
            let (world, account, contacts) = with_children(children.len()).await;
            let device = &world.devices[0];
            device.set(&account, "city", "Oslo");
            for (child, id) in children.iter().zip(&contacts) {
                if *child != Child::Untouched {
                    let lee = fields(&[("name", Value::text("Lee"))]);
                    device.engine.update("Contact", id.as_str(), lee).unwrap();
                }
                world.server().remove(&entity("Contact"), id);
            }
            world.server().remove(&entity("Account"), &account);
            device.sync().await;
            let fates: BTreeMap<&RecordId, Child> = contacts.iter().zip(children.iter().copied()).collect();
            let mut entries = device.open_entries();
            // The account first, and only that at first.
            entries.sort_by_key(|entry| entry.record.as_ref().unwrap().0.as_str() != "Account");
            let is_known = |fate| matches!(fate, Child::ComesBack | Child::GivenUp);
            prop_assert_eq!(entries.len(), 1 + fates.values().filter(|fate| is_known(**fate)).count());
            device.engine.resolve(entries.remove(0).id, &Decision::Mine).unwrap();
            device.sync().await;
            prop_assert_eq!(world.on_server(&account, "city"), Value::text("Oslo"));
            prop_assert_eq!(found(&world).1, BTreeSet::new());
            for entry in entries {
                let mine = fates[&entry.record.unwrap().1] == Child::ComesBack;
                let decision = if mine { Decision::Mine } else { Decision::Theirs };
                device.engine.resolve(entry.id, &decision).unwrap();
            }
            device.sync().await;
            let back = fates.iter().filter(|(_, fate)| **fate == Child::ComesBack);
            let expected: BTreeSet<RecordId> = back.map(|(id, _)| (*id).clone()).collect();
            prop_assert_eq!(found(&world), (expected.clone(), expected));
            prop_assert_eq!(device.engine.outbox().unwrap(), vec![]);
            Ok(())
        })?;
    }
}
