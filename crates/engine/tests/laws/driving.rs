//! Who sends: one engine at a time, however many have the store open.

use std::pin::pin;

use crate::common::{Device, World, able, entity, fields, options};
use crate::convergence;
use crate::tap::{Pause, Tap};
use driftless_engine::{EngineError, NotPossible, SyncOptions, TakeOver};
use driftless_record::{OperationId, RecordId, Value};
use driftless_transport::{Capabilities, CompareAndSet, Idempotency};
use futures_util::future::{Either, select};
use proptest::prelude::*;

fn respectful() -> SyncOptions {
    SyncOptions {
        take_over: TakeOver::RunOut,
        ..options()
    }
}

/// Makes a change of one of two accounts, or a new one.
fn work(device: &Device, known: &[RecordId], number: usize) -> OperationId {
    let value = |text: &str| fields(&[(text, Value::text(format!("v{number}")))]);
    let written = match number % 3 {
        0 => device.engine.create("Account", value("name")),
        of => device
            .engine
            .update("Account", known[of - 1].as_str(), value("city")),
    };
    written.unwrap().operation.unwrap()
}

proptest! {
    #![proptest_config(convergence::config(60))]

    /// Two engines drive one store, as an app and its background worker may, and one of them is held up anywhere. While
    /// its lease runs the other one leaves the store and the server alone; once that has run out the other one takes
    /// over, and whatever the first one learns or wants afterwards changes nothing: it was not proved to the last
    /// driver. The request that left before counts as unknown, so each operation still has one effect.
    #[test]
    fn l07_a_driver_that_was_held_up_too_long_neither_sends_nor_confirms(
        pause in (0usize..12, any::<bool>()).prop_map(|(at, answered)| Pause { at, answered }),
        repeatable in any::<bool>(),
        before in 1usize..6,
        after in 0usize..4,
        asleep in prop_oneof![0i64..59_999, 60_000i64..4_000_000],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let idempotency = if repeatable { Idempotency::Repeatable } else { Idempotency::ClientKey };
            let capabilities = Capabilities { idempotency, compare_and_set: CompareAndSet::Revision, ..able() };
            let world = World::new(1, capabilities, 1);
            let known = [world.account(1, "One"), world.account(2, "Two")];
            let device = &world.devices[0];
            device.sync().await;
            let mut made: Vec<_> = (0..before).map(|number| work(device, &known, number)).collect();
            let (slow, reached, go_on) = Tap::slow(device.wire.clone(), pause);
            let first = pin!(device.engine.sync(&slow, respectful()));
            let Either::Right((_, first)) = select(first, reached).await else {
                return Ok(()); // It came to its end before.
            };
            world.pass(asleep);
            made.extend((before..before + after).map(|number| work(device, &known, number)));
            let second = device.other_engine();
            let (sent, position) = (world.server().effects().len(), second.position().unwrap());
            let taken = second.sync(&device.wire, respectful()).await;
            if asleep < 60_000 {
                prop_assert!(matches!(taken, Err(EngineError::NotPossible(NotPossible::DrivenElsewhere))));
                prop_assert_eq!(world.server().effects().len(), sent);
                prop_assert_eq!(second.position().unwrap(), position);
                go_on.send(()).unwrap();
                prop_assert_eq!(first.await.unwrap().interrupted, None);
            } else {
                prop_assert_eq!(taken.unwrap().interrupted, None);
                let position = second.position().unwrap();
                go_on.send(()).unwrap();
                let held_up = first.await;
                prop_assert!(
                    matches!(held_up, Err(EngineError::NotPossible(NotPossible::TakenOver))),
                    "{:?}", held_up
                );
                prop_assert_eq!(second.position().unwrap(), position, "it changed something");
            }
            second.sync(&device.wire, respectful()).await.unwrap();
            prop_assert_eq!(device.open_entries(), vec![]);
            prop_assert_eq!(second.outbox().unwrap(), vec![]);
            for operation in made {
                prop_assert_eq!(world.effects_of(operation), 1);
            }
            for id in &known {
                let there = world.server().record(&entity("Account"), id).unwrap().record;
                prop_assert_eq!(device.text("Account", id, "city"), Some(there.value(&crate::common::name("city")).to_string()));
            }
            Ok(())
        })?;
    }
}
