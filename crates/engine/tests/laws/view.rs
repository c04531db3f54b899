//! What people see while they work, synchronize and lose the way.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use driftless_engine::{SyncOptions, What};
use driftless_record::{EntityName, Operation, Query, RecordId, Timestamp, Value};
use driftless_store::RecordStore;
use driftless_testkit::backend::{Backend, Fault};
use driftless_transport::Checkpoint;
use proptest::prelude::*;

use crate::chance::{apart, block, capabilities, cases, fault};
use crate::common::*;
use crate::convergence::{play, settle, step};
use crate::watched::{Found, Watched, view_is_off};
use crate::wire::{Wire, position};

fn nothing_wrong(found: &Found) -> Result<(), TestCaseError> {
    let found = found.lock().unwrap();
    prop_assert!(found.is_empty(), "{}", found[0]);
    Ok(())
}

proptest! {
    #![proptest_config(cases(48))]

    /// The view is stored, not computed when it is read, so every commit that moves server data or operations has to
    /// bring it after them; one that forgets shows a record that nobody made so.
    #[test]
    fn l18_the_view_is_the_image_with_what_is_pending_on_top_after_every_commit(
        capabilities in capabilities(),
        steps in prop::collection::vec(step(), 1..30),
        decisions in prop::collection::vec(any::<bool>(), 1..5),
        seed in any::<u64>(),
    ) {
        block(async {
            let found = Found::default();
            let mut world = World::over(2, (schema(), capabilities), seed, |_| {
                Arc::new(Watched::new(found.clone(), |store| view_is_off(store)))
            });
            for number in 1..=3 {
                world.account(number, "Some");
            }
            for device in &world.devices {
                device.sync().await;
            }
            for step in &steps {
                play(&mut world, step, &mut Vec::new()).await;
            }
            settle(&world, &decisions).await;
            nothing_wrong(&found)
        })?;
    }
}

/// What happens around the edits of the one person who writes a field.
#[derive(Debug, Clone)]
enum Around {
    Set,
    /// Others change other fields of many records, so that there are several pages to read.
    Office,
    /// What was just saved is sent, without reading.
    Push(Fault),
    Sync {
        fault: Fault,
        pages: Option<usize>,
    },
}

fn around() -> impl Strategy<Value = Around> {
    let pages = prop_oneof![1 => Just(None), 2 => (0usize..5).prop_map(Some)];
    prop_oneof![
        2 => Just(Around::Set),
        2 => Just(Around::Office),
        2 => fault().prop_map(Around::Push),
        4 => (fault(), pages).prop_map(|(fault, pages)| Around::Sync { fault, pages }),
    ]
}

fn city(store: &dyn RecordStore, id: &RecordId) -> Option<String> {
    let record = store.get(&entity("Account"), id).ok()??;
    Some(record.value(&name("city")).to_string())
}

proptest! {
    #![proptest_config(cases(64))]

    /// A value that was just typed and jumps back for a moment looks lost. Only one person writes the field here, so
    /// his last value is the only right one, from the commit that saved it on, whatever is sent, lost or read.
    #[test]
    fn l19_what_was_written_never_flickers_back(
        capabilities in capabilities(),
        steps in prop::collection::vec(around(), 1..25),
        seed in any::<u64>(),
    ) {
        block(async {
            let found = Found::default();
            let ids: Vec<RecordId> = (1..=7).map(|n| RecordId::guid(uuid::Uuid::from_u128(n))).collect();
            let right: Arc<Mutex<Vec<String>>> = Arc::new(Mutex::new(vec!["Rome".to_owned()]));
            let mut world = World::over(1, (schema(), capabilities), seed, |_| {
                let (right, id) = (right.clone(), ids[1].clone());
                let look = move |store: &driftless_store::MemoryStore| {
                    let shown = city(store, &id)?;
                    let right = right.lock().unwrap();
                    (!right.contains(&shown)).then(|| format!("{shown} is shown instead of {right:?}"))
                };
                Arc::new(Watched::new(found.clone(), look))
            });
            for number in 1..=7 {
                world.account(number, "Some");
            }
            world.devices[0].sync().await;
            let wire = Wire::new(&world.backend);
            for (round, step) in steps.iter().enumerate() {
                world.pass(7);
                match step {
                    Around::Set => {
                        let value = format!("v{round}");
                        right.lock().unwrap().push(value.clone());
                        world.devices[0].set(&ids[1], "city", &value);
                        *right.lock().unwrap() = vec![value];
                    }
                    Around::Office => {
                        for id in &ids {
                            world.office(id, "name", &format!("n{round}"));
                        }
                    }
                    Around::Sync { fault: Fault::KilledBefore | Fault::KilledAfter, .. } => {
                        world.server().fail([Fault::KilledAfter]);
                        world.devices[0].sync_or_die().await;
                        world.server().heal();
                    }
                    Around::Push(fault) => {
                        let deaf = matches!(fault, Fault::KilledBefore | Fault::KilledAfter);
                        world.server().fail((!deaf).then_some(*fault));
                        let options = SyncOptions { what: What::Push, ..options() };
                        world.devices[0].engine.sync(&wire, options).await.unwrap();
                        world.server().heal();
                    }
                    Around::Sync { fault, pages } => {
                        world.server().fail([*fault]);
                        wire.rules.lock().unwrap().pages_left = *pages;
                        world.devices[0].engine.sync(&wire, options()).await.unwrap();
                        world.server().heal();
                    }
                }
            }
            world.pass(400_000);
            world.devices[0].sync().await;
            nothing_wrong(&found)
        })?;
    }

    /// Pages come as the network lets them. What is known after two of them must not depend on where they were cut,
    /// and nothing in them may touch what a person did: his change is compared with what he saw, not with what came.
    #[test]
    fn l20_two_pulls_are_as_one_and_leave_what_is_pending_alone(
        mine in apart(),
        first in apart(),
        gone in any::<bool>(),
        stamps in any::<bool>(),
    ) {
        block(async {
            let able = if stamps { able() } else { without_stamps() };
            let world = World::new(2, able, 1);
            let id = world.account(1, "v0");
            for touch in mine.base {
                world.server().put(&entity("Account"), &id, touch.fields());
            }
            for device in &world.devices {
                device.sync().await;
                for touch in &mine.mine {
                    device.engine.update("Account", id.as_str(), touch.fields()).unwrap();
                }
            }
            let seen = |device: &Device| -> Vec<_> {
                device.pending().into_iter().map(|o: Operation| (o.record, o.base_revision, o.kind)).collect()
            };
            let before: Vec<_> = world.devices.iter().map(seen).collect();
            for (round, touches) in [&first.theirs, &mine.theirs].into_iter().enumerate() {
                world.pass(1000);
                for touch in touches {
                    world.server().put(&entity("Account"), &id, touch.fields());
                }
                if gone && round == 1 {
                    world.server().remove(&entity("Account"), &id);
                }
                // The first device reads after each part, the second once.
                for device in &world.devices[..=round] {
                    read_only(&world, device).await;
                }
            }
            for (device, before) in world.devices.iter().zip(before) {
                prop_assert_eq!(seen(device), before);
            }
            let known = |device: &Device| {
                let image = device.store().image(&entity("Account"), &id).unwrap();
                let view = device.store().get(&entity("Account"), &id).unwrap();
                // Of a record that is gone, what it was last depends on who looked when.
                let is_gone = image.as_ref().is_some_and(|image| image.gone);
                (is_gone, (!is_gone).then_some((image, view)))
            };
            prop_assert_eq!(known(&world.devices[0]), known(&world.devices[1]));
            // And what contradicts it is found when it is sent.
            for device in &world.devices {
                world.server().fail([Fault::Unreachable]);
                device.sync().await;
            }
            let told = |device: &Device| -> Vec<_> {
                device.open_entries().into_iter().map(|entry| (entry.kind, entry.fields)).map(|(kind, fields)| {
                    let plain = |case: driftless_record::FieldCase| (case.field, case.base, case.mine, case.theirs);
                    (kind, fields.into_iter().map(plain).collect::<Vec<_>>())
                }).collect()
            };
            prop_assert_eq!(told(&world.devices[0]), told(&world.devices[1]));
            Ok(())
        })?;
    }

    /// A checkpoint that is saved before its rows turns a kill between the two into rows that never come. And a server
    /// may send a page again, or rows that did not change.
    #[test]
    fn l21_a_checkpoint_is_never_ahead_of_its_rows_and_any_page_may_come_again(
        rounds in prop::collection::vec((prop::collection::vec((0u128..9, 0u8..3), 0..12), prop::option::of(0usize..5), any::<bool>()), 1..6),
    ) {
        block(async {
            let found = Found::default();
            let world = World::over(1, (schema(), able()), 1, |backend| {
                let backend = backend.clone();
                Arc::new(Watched::new(found.clone(), move |store| is_ahead(store, &backend)))
            });
            let wire = Wire::new(&world.backend);
            for (changes, pages, twice) in rounds {
                for (number, value) in changes {
                    let id = world.account(number + 1, &format!("v{value}"));
                    if value == 0 {
                        world.server().remove(&entity("Account"), &id);
                    }
                }
                let wild = crate::wire::Rules { pages_left: pages, twice, ..Default::default() };
                *wire.rules.lock().unwrap() = wild;
                world.devices[0].engine.sync(&wire, options()).await.unwrap();
            }
            world.devices[0].sync().await;
            nothing_wrong(&found)?;
            prop_assert_eq!(crate::convergence::view(&world, 0, "Account"), world.server().all(&entity("Account")));
            Ok(())
        })?;
    }

    /// Half a set of changes is a state that the server never had: a parent without its children, a total without its
    /// lines. All records change together here, so whoever reads sees them all old or all new.
    #[test]
    fn l22_readers_see_the_state_before_or_after_a_set_of_changes(
        count in 1u128..9,
        cuts in prop::collection::vec(prop::option::of(0usize..4), 1..6),
    ) {
        block(async {
            let found = Found::default();
            let world = World::over(1, (schema(), able()), 1, |_| {
                Arc::new(Watched::new(found.clone(), move |store| is_half(store, count)))
            });
            let ids: Vec<_> = (1..=count).map(|number| world.account(number, "first")).collect();
            let wire = Wire::new(&world.backend);
            for (round, cut) in cuts.iter().enumerate() {
                wire.rules.lock().unwrap().pages_left = *cut;
                world.devices[0].engine.sync(&wire, options()).await.unwrap();
                let whole = world.devices[0].engine.status().unwrap().entities.iter().all(|entity| entity.available);
                // Whoever begins to read is given what is there; only a set of changes is one.
                if whole && cut.is_none() {
                    for id in &ids {
                        world.office(id, "name", &format!("n{round}"));
                    }
                }
            }
            nothing_wrong(&found)
        })?;
    }
}

/// Synchronizes, but for sending.
pub(crate) async fn read_only(world: &World, device: &Device) {
    read_over(&Wire::new(&world.backend), device).await;
}

/// Synchronizes over a wire, but for sending.
pub(crate) async fn read_over(wire: &Wire, device: &Device) {
    let stop: Arc<AtomicBool> = Arc::default();
    wire.rules.lock().unwrap().stop_after_reading = Some(stop.clone());
    let options = SyncOptions { stop, ..options() };
    let report = device.engine.sync(wire, options).await.unwrap();
    assert!(report.out_of_time || report.interrupted.is_some());
    assert_eq!(wire.rules.lock().unwrap().sent, []);
}

/// Finds a change before the checkpoint that is not on the device.
fn is_ahead(store: &dyn RecordStore, backend: &Mutex<Backend>) -> Option<String> {
    let name: EntityName = entity("Account");
    let note: serde_json::Value = serde_json::from_slice(&store.note("entity/Account").unwrap()?).unwrap();
    let checkpoint = Checkpoint(note["data"]["checkpoint"].as_str()?.to_owned());
    let backend = backend.lock().unwrap();
    for (id, at) in backend.changes(&name) {
        let here = store.get(&name, &id).unwrap();
        let revision = here
            .as_ref()
            .and_then(|record| record.revision.as_ref()?.0.parse::<u64>().ok());
        let missing = match backend.record(&name, &id) {
            Some(_) => revision.unwrap_or_default() < at,
            None => here.is_some(),
        };
        if missing && at <= position(&checkpoint) {
            return Some(format!(
                "change {at} of {id} is before {} and not here",
                checkpoint.0
            ));
        }
    }
    None
}

/// Finds a mixture of old and new records, or a part of all.
fn is_half(store: &dyn RecordStore, count: u128) -> Option<String> {
    store.schema().unwrap().entity("Account")?;
    let all = store.query(&Query::all(entity("Account")), Timestamp(0)).unwrap();
    if all.is_empty() {
        return None;
    }
    let mut names: Vec<&Value> = all.iter().map(|record| record.value(&name("name"))).collect();
    names.dedup();
    (names.len() != 1 || all.len() as u128 != count)
        .then(|| format!("{} records, called {names:?}", all.len()))
}
