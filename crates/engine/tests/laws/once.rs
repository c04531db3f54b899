//! Exactly once: whatever becomes of requests and replies, and what is believed of an outcome that nobody has told.

use std::collections::BTreeSet;

use crate::common::{World, able, entity, fields, name};
use crate::convergence;
use crate::queue::{block_on, check_sent, there};
use crate::script::{self, edits, perform};
use crate::tap::{Pause, Tap};
use driftless_engine::Outcome;
use driftless_record::{OperationKind, OperationState, RequestId, Value};
use driftless_store::OperationSelection;
use driftless_testkit::backend::Fault;
use driftless_transport::{Capabilities, CompareAndSet, Idempotency};
use futures_util::future::{Either, select};
use proptest::prelude::*;
use std::pin::pin;

/// What may happen to one request, also what a back end has to remember requests for.
fn any_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => script::fault(),
        2 => Just(Fault::Twice),
        2 => Just(Fault::Late),
    ]
}

/// A back end that remembers requests, with or without revisions; or one that has neither memory nor late requests, and
/// keeps what comes twice apart by conditions.
fn rung() -> impl Strategy<Value = (Idempotency, CompareAndSet, Vec<Fault>)> {
    let faults = || prop::collection::vec(any_fault(), 1..6);
    let on_time = |faults: Vec<Fault>| faults.into_iter().filter(|fault| *fault != Fault::Late).collect();
    prop_oneof![
        faults().prop_map(|faults| (Idempotency::Repeatable, CompareAndSet::Revision, faults)),
        faults().prop_map(|faults| (Idempotency::Repeatable, CompareAndSet::None, faults)),
        faults().prop_map(move |faults| (Idempotency::ClientKey, CompareAndSet::Revision, on_time(faults))),
    ]
}

proptest! {
    #![proptest_config(convergence::config(120))]

    /// Requests are lost, arrive twice or behind the next one, replies are lost or cut, and processes are killed: no
    /// operation has two effects, and one that is called applied has one, unless the server was so already.
    #[test]
    fn l09_no_operation_has_two_effects_and_an_applied_one_has_one(
        wanted in edits(14),
        there in there(),
        batch in script::batch(),
        (idempotency, compare_and_set, faults) in rung(),
    ) {
        block_on(async {
            let capabilities = Capabilities { idempotency, compare_and_set, ..script::able(batch) };
            let mut world = World::new(1, capabilities, 1);
            world.seed(&there);
            world.devices[0].sync().await;
            let mut made = Vec::new();
            let some = wanted.len().div_ceil(faults.len().max(1));
            let mut chunks = wanted.chunks(some);
            for fault in faults.into_iter().chain([Fault::None; 4]) {
                for edit in chunks.next().into_iter().flatten() {
                    world.pass(3);
                    made.extend(perform(&world.devices[0].engine, *edit).and_then(|written| written.operation));
                }
                world.server().fail([fault]);
                world.devices[0].sync_or_die().await;
                world.server().heal();
                world.pass(400_000);
            }
            check_sent(&world)?;
            let device = &world.devices[0];
            for id in made {
                let operation = device.store().operations(&OperationSelection::One(id)).unwrap().remove(0);
                let count = world.effects_of(id);
                prop_assert!(count <= 1, "{:?} had {} effects", operation, count);
                if let (OperationState::Applied(_), OperationKind::Update(_)) = (&operation.state, &operation.kind) {
                    prop_assert_eq!(count, 1);
                }
            }
            Ok(())
        })?;
    }
}

/// What becomes of the one change that the device makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Create,
    Update,
    Delete,
}

/// What somebody in the office does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Office {
    Nothing,
    /// The same value, or another one, of the same field.
    Sets(&'static str),
    /// Another field.
    Names,
    Deletes,
}

proptest! {
    #![proptest_config(convergence::config(150))]

    /// The reply to one change is lost, before or behind its effect, and somebody else may change the record before the
    /// device is back. It is called applied only if the server did it, or has it so; it is no conflict with itself; and
    /// as long as nothing is proved it stays unknown and no other request is made for it.
    #[test]
    fn l10_an_unknown_outcome_becomes_applied_by_proof_alone(
        deed in prop_oneof![Just(Deed::Create), Just(Deed::Update), Just(Deed::Delete)],
        office in prop_oneof![
            2 => Just(Office::Nothing),
            1 => Just(Office::Sets("Oslo")),
            1 => Just(Office::Sets("Bern")),
            1 => Just(Office::Names),
            1 => Just(Office::Deletes),
        ],
        arrived in any::<bool>(),
        silent in 0usize..3,
        repeatable in any::<bool>(),
    ) {
        block_on(async {
            let idempotency = if repeatable { Idempotency::Repeatable } else { Idempotency::ClientKey };
            let (world, known) = World::with_one_account(Capabilities { idempotency, ..able() }).await;
            let device = &world.devices[0];
            let city = fields(&[("name", Value::text("Made")), ("city", Value::text("Oslo"))]);
            world.pass(5);
            let written = match deed {
                Deed::Create => device.engine.create("Account", city),
                Deed::Update => device.engine.update("Account", known.as_str(), fields(&[("city", Value::text("Oslo"))])),
                Deed::Delete => device.engine.delete("Account", known.as_str()),
            };
            let written = written.unwrap();
            let (id, record) = (written.operation.unwrap(), written.record);
            world.server().fail([if arrived { Fault::ReplyLost } else { Fault::RequestLost }]);
            let options = crate::common::options;
            // The way breaks with the request, so that nothing is asked in the same synchronization.
            let (tap, reached, go_on) = Tap::slow(device.wire.clone(), Pause { at: 0, answered: true });
            {
                let sync = pin!(device.engine.sync(&tap, options()));
                let Either::Right((_, sync)) = select(sync, reached).await else {
                    return Err(TestCaseError::fail("nobody signed in"));
                };
                world.server().go_away();
                go_on.send(()).unwrap();
                sync.await.unwrap();
            }
            let requests = |tap: &Tap| -> BTreeSet<RequestId> {
                tap.told().iter().filter_map(|call| call.request_of(id)).collect()
            };
            let first = requests(&tap);
            world.pass(5);
            let is_there = world.server().record(&entity("Account"), &record).is_some();
            match office {
                Office::Sets(value) if is_there => world.office(&record, "city", value),
                Office::Names if is_there => world.office(&record, "name", "Renamed"),
                Office::Deletes if is_there => world.server().remove(&entity("Account"), &record),
                Office::Nothing | Office::Sets(_) | Office::Names | Office::Deletes => {}
            }
            for _ in 0..silent {
                world.pass(400_000);
                device.engine.sync(&tap, options()).await.unwrap();
                prop_assert_eq!(device.engine.status().unwrap().unknown, 1);
                prop_assert_eq!(requests(&tap), first.clone());
            }
            world.server().come_back();
            world.pass(400_000);
            device.engine.sync(&tap, options()).await.unwrap();
            let outcome = device.engine.outcome(id).unwrap();
            let did = world.effects_of(id);
            // Without a memory nobody can tell a record that was never made from one that was made and deleted.
            let forgotten = !repeatable && deed == Deed::Create && office == Office::Deletes;
            prop_assert!(did <= 1 || forgotten);
            let there = world.server().record(&entity("Account"), &record);
            let as_wanted = match (deed, &there) {
                (Deed::Delete, there) => there.is_none(),
                (_, Some(there)) => *there.record.value(&name("city")) == Value::text("Oslo"),
                (_, None) => false,
            };
            if let Outcome::Applied(_) = outcome {
                prop_assert!(did == 1 || as_wanted, "called applied without proof");
            }
            if arrived && (repeatable || matches!(office, Office::Nothing | Office::Names)) {
                prop_assert!(matches!(outcome, Outcome::Applied(_)), "{:?} with itself", outcome);
                prop_assert_eq!(device.open_entries(), vec![]);
            }
            Ok(())
        })?;
    }
}
