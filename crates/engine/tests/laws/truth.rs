//! What is shown, and in which order things are sent.

use std::collections::BTreeMap;

use driftless_engine::{SyncOptions, What};
use driftless_record::{EntityName, OperationId, OperationState, RecordId, Timestamp};
use driftless_store::OperationSelection;
use driftless_testkit::backend::Fault;
use proptest::prelude::*;

use crate::chance::{block, capabilities, cases, fault};
use crate::common::*;
use crate::convergence::{Step, play, step, view};
use crate::wire::Wire;

/// What may happen to a device that shows how things stand.
#[derive(Debug, Clone)]
enum Turn {
    Do(Step),
    /// What is saved is sent, without reading.
    Push(Fault),
    /// Reading is cut after so many pages.
    Cut(usize),
    /// Somebody turns the wall clock.
    Clock(i64),
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        6 => step().prop_map(Turn::Do),
        2 => fault().prop_map(Turn::Push),
        1 => (0usize..6).prop_map(Turn::Cut),
        1 => (-100_000_000i64..100_000_000).prop_map(Turn::Clock),
    ]
}

fn shows_the_truth(device: &Device, last: &mut Option<Timestamp>) -> Result<(), TestCaseError> {
    let status = device.engine.status().unwrap();
    let pending = device.pending();
    prop_assert_eq!(status.pending, pending.len() as u64);
    prop_assert_eq!(status.queued + status.unknown + status.parked, status.pending);
    let unknown = pending
        .iter()
        .filter(|o| matches!(o.state, OperationState::Unknown(_) | OperationState::InFlight(_)));
    prop_assert_eq!(status.unknown, unknown.count() as u64);
    prop_assert_eq!(status.waiting, device.open_entries().len());
    prop_assert!(
        !status.in_sync || (status.pending == 0 && status.waiting == 0 && status.last_sync.is_some())
    );
    prop_assert!(status.last_sync >= *last, "the last synchronization moved back");
    *last = status.last_sync;
    Ok(())
}

proptest! {
    #![proptest_config(cases(64))]

    /// "In sync" is what a person closes the lid on. It is said only when nothing waits and nothing that was written
    /// here is still to be read back: the server may have made something else of it.
    #[test]
    fn l40_what_is_shown_is_true(
        capabilities in capabilities(), turns in prop::collection::vec(turn(), 1..25), seed in any::<u64>(),
    ) {
        block(async {
            let mut world = World::new(1, capabilities, seed);
            world.server().set_rewrite(Some(crate::sides::shout));
            for number in 1..=4 {
                world.account(number, "SOME");
            }
            world.devices[0].sync().await;
            let wire = Wire::new(&world.backend);
            let mut last = None;
            let mut untold = false;
            for turn in &turns {
                match turn {
                    Turn::Do(step) => {
                        let step = step.clone().on_the_first();
                        // The office's changes come with the next synchronization, and are no lie before.
                        untold = match step {
                            Step::Office { .. } | Step::OfficeDelete { .. } => true,
                            Step::Sync { .. } => false,
                            _ => untold,
                        };
                        play(&mut world, &step, &mut Vec::new()).await;
                    }
                    Turn::Push(fault) => {
                        let deaf = matches!(fault, Fault::KilledBefore | Fault::KilledAfter);
                        world.server().fail((!deaf).then_some(*fault));
                        let options = SyncOptions { what: What::Push, ..options() };
                        world.devices[0].engine.sync(&wire, options).await.unwrap();
                        world.server().heal();
                    }
                    Turn::Cut(pages) => {
                        wire.rules.lock().unwrap().pages_left = Some(*pages);
                        world.devices[0].engine.sync(&wire, options()).await.unwrap();
                        wire.rules.lock().unwrap().pages_left = None;
                    }
                    Turn::Clock(by) => world.devices[0].clock.turn(*by),
                }
                let device = &world.devices[0];
                shows_the_truth(device, &mut last)?;
                if device.engine.status().unwrap().in_sync && !untold {
                    for of in ["Account", "Contact"] {
                        prop_assert_eq!(view(&world, 0, of), world.server().all(&entity(of)), "in sync, they say");
                    }
                }
            }
            Ok(())
        })?;
    }

    /// Edits of one record build on each other: the second sent before the first is another history.
    #[test]
    fn i03_operations_of_a_record_are_sent_in_their_order(
        capabilities in capabilities(), steps in prop::collection::vec(step(), 1..35), seed in any::<u64>(),
    ) {
        block(async {
            let mut world = World::new(2, capabilities, seed);
            for number in 1..=3 {
                world.account(number, "Some");
            }
            for device in &world.devices {
                device.sync().await;
            }
            let mut made = Vec::new();
            for step in &steps {
                play(&mut world, step, &mut made).await;
            }
            crate::convergence::settle(&world, &[true, false]).await;
            let mut device_of: BTreeMap<OperationId, usize> = BTreeMap::new();
            device_of.extend(made.into_iter().map(|(device, operation)| (operation, device)));
            let mut last: BTreeMap<(usize, EntityName, RecordId), u64> = BTreeMap::new();
            for effect in world.server().effects().to_vec() {
                for operation in &effect.operations {
                    let Some(device) = device_of.get(operation) else { continue };
                    let stored = world.devices[*device].store().operations(&OperationSelection::One(*operation)).unwrap();
                    let sequence = stored[0].sequence;
                    let key = (*device, effect.change.entity.clone(), effect.change.record.clone());
                    let before = last.insert(key, sequence).unwrap_or_default();
                    prop_assert!(before <= sequence, "{} went after one that was made later", operation);
                }
            }
            Ok(())
        })?;
    }
}
