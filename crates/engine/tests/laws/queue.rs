//! The order of the queue: what waits for what, whatever the network does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::common::{Device, World, entity, fields, lookup, name};
use crate::convergence;
use crate::durable::no_third;
use crate::script::{self, Edit, SLOTS, Slot, edits, fault, perform, whole};
use driftless_record::{
    CauseClass, FieldKind, FieldSchema, Operation, OperationId, OperationKind, RecordId, Schema, Value,
};
use driftless_store::{MemoryStore, OperationSelection};
use driftless_testkit::backend::Fault;
use driftless_transport::Batch;
use proptest::prelude::*;

const ONE_BATCH: Batch = Batch {
    limit: 100,
    depends_on: true,
    groups: true,
};

pub(crate) fn there() -> impl Strategy<Value = BTreeSet<Slot>> {
    prop::collection::btree_set(0..SLOTS, 0..=SLOTS)
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(future)
}

/// Lets the device synchronize over these faults, and then until nothing more can go.
async fn settle(world: &mut World, faults: &[Fault]) {
    for fault in faults {
        world.server().fail([*fault]);
        world.devices[0].sync_or_die().await;
        world.server().heal();
    }
    for _ in 0..4 {
        world.pass(400_000);
        world.devices[0].sync().await;
    }
}

/// Checks that the device has sent everything, and that nothing was refused on the way.
pub(crate) fn check_sent(world: &World) -> Result<(), TestCaseError> {
    let device = &world.devices[0];
    prop_assert_eq!(device.open_entries(), vec![]);
    prop_assert_eq!(device.engine.outbox().unwrap(), vec![]);
    for of in ["Account", "Contact"] {
        let mut there = world.server().all(&entity(of));
        there
            .values_mut()
            .for_each(|fields| fields.retain(|_, value| !value.is_null()));
        prop_assert_eq!(crate::convergence::view(world, 0, of), there);
    }
    Ok(())
}

/// Returns every operation that was ever made, in sequence.
fn operations(device: &Device) -> Vec<Operation> {
    device
        .store()
        .operations(&OperationSelection::Latest(1_000))
        .unwrap()
}

fn named(value: &Value) -> Option<RecordId> {
    match value {
        Value::Lookup(to) => Some(to.id.clone()),
        _ => None,
    }
}

/// Returns the records that an operation lets its record refer to.
fn names(operation: &Operation) -> BTreeSet<RecordId> {
    let edits = operation.kind.edits().into_iter().flatten();
    edits.filter_map(|(_, edit)| named(&edit.new)).collect()
}

/// Returns the records that an operation lets go, or names: the delete of these waits for it.
fn touches(operation: &Operation) -> BTreeSet<RecordId> {
    let mut touched = names(operation);
    let edits = operation.kind.edits().into_iter().flatten();
    touched.extend(edits.filter_map(|(_, edit)| named(&edit.old)));
    if let OperationKind::Delete { seen, .. } = &operation.kind {
        touched.extend(seen.values().filter_map(named));
    }
    touched
}

fn is_create(operation: &Operation) -> bool {
    matches!(operation.kind, OperationKind::Create(_))
}

/// Returns what waits for the operations that a person has to decide on, reckoned here: all that comes behind them on
/// their records, what names a record that they make, and the deletes of what they hold on to.
fn held_back(pending: &[Operation]) -> BTreeSet<OperationId> {
    let mut held: BTreeSet<OperationId> = pending
        .iter()
        .filter(|operation| operation.state.parked().is_some())
        .map(|operation| operation.id)
        .collect();
    loop {
        let waits = |operation: &Operation| {
            pending
                .iter()
                .filter(|other| held.contains(&other.id))
                .any(|other| {
                    let behind = other.record == operation.record && other.sequence < operation.sequence;
                    let made = is_create(other) && names(operation).contains(&other.record);
                    let is_delete = matches!(operation.kind, OperationKind::Delete { .. });
                    behind || made || (is_delete && touches(other).contains(&operation.record))
                })
        };
        let more: Vec<_> = pending
            .iter()
            .filter(|o| !held.contains(&o.id) && waits(o))
            .map(|o| o.id)
            .collect();
        if more.is_empty() {
            return held;
        }
        held.extend(more);
    }
}

proptest! {
    #![proptest_config(convergence::config(100))]

    /// Of two operations on one record, and of a create and what names its record, the server does the earlier first or
    /// both at once; and while the earlier one waits for a person the later one has no effect. An engine that sends
    /// what can go beside what cannot, or several at a time, turns this around when a request is refused or lost.
    #[test]
    fn l03_what_comes_later_or_names_a_new_record_takes_effect_later(
        wanted in edits(14),
        there in there(),
        batch in script::batch(),
        faults in prop::collection::vec(fault(), 0..4),
        refuses in any::<bool>(),
    ) {
        block_on(async {
            let mut world = World::new(1, script::able(batch), 1);
            world.seed(&there);
            world.devices[0].sync().await;
            world.server().refuse(refuses.then_some(no_third as _));
            for edit in wanted {
                world.pass(3);
                perform(&world.devices[0].engine, edit);
            }
            settle(&mut world, &faults).await;
            let all = operations(&world.devices[0]);
            let server = world.server();
            let mut done: BTreeMap<OperationId, usize> = BTreeMap::new();
            for (at, effect) in server.effects().iter().enumerate() {
                done.extend(effect.operations.iter().map(|id| (*id, at)));
            }
            let there: BTreeSet<RecordId> = there.iter().map(|slot| script::id_of(*slot)).collect();
            for later in &all {
                let Some(at) = done.get(&later.id) else {
                    continue;
                };
                for earlier in &all {
                    let same = earlier.record == later.record && earlier.sequence < later.sequence;
                    let is_first = all.iter().find(|o| o.record == earlier.record).is_some_and(|o| o.id == earlier.id);
                    let makes = is_first && is_create(earlier) && names(later).contains(&earlier.record);
                    if same || (makes && !there.contains(&earlier.record)) {
                        let before = done.get(&earlier.id);
                        let is_ended = before.is_none() && earlier.state.is_final();
                        prop_assert!(
                            is_ended || before.is_some_and(|before| before <= at),
                            "{:?} came before {:?}", later, earlier
                        );
                    }
                }
            }
            Ok(())
        })?;
    }

    /// A server refuses one value and keeps references whole. What a person has to decide on holds back exactly what
    /// needs it: everything else is on the server after a few rounds, and nothing was sent that had to be refused for
    /// want of something else.
    #[test]
    fn l04_a_refusal_holds_back_what_needs_it_and_nothing_else(
        wanted in edits(16),
        there in there(),
        batch in script::batch(),
    ) {
        block_on(async {
            let mut world = World::new(1, script::able(batch), 1);
            world.seed(&there);
            world.devices[0].sync().await;
            world.server().keep_references();
            world.server().refuse(Some(no_third));
            for edit in whole(&wanted, &there) {
                world.pass(3);
                perform(&world.devices[0].engine, edit);
            }
            settle(&mut world, &[]).await;
            let device = &world.devices[0];
            for entry in device.open_entries() {
                prop_assert_eq!(entry.cause.map(|cause| cause.class), Some(CauseClass::Validation));
            }
            let pending: Vec<_> = operations(device).into_iter().filter(|operation| !operation.state.is_final()).collect();
            let left: BTreeSet<_> = pending.iter().map(|operation| operation.id).collect();
            prop_assert_eq!(left, held_back(&pending));
            for item in device.engine.outbox().unwrap() {
                let parked = item.operation.state.parked().is_some();
                prop_assert!(parked || !item.blocked_by.is_empty(), "it waits for nothing that is told");
            }
            Ok(())
        })?;
    }

    /// A server that keeps references whole takes every change of such a script in some order: a create before what
    /// names it, a delete behind every create, move and delete of what refers to its record. One refusal, and the engine
    /// has sent something before what it needs.
    #[test]
    fn l05_a_server_that_keeps_references_whole_refuses_nothing(
        wanted in edits(14),
        there in there(),
        batch in script::batch(),
        faults in prop::collection::vec(fault(), 0..3),
        known in 0usize..10,
    ) {
        block_on(async {
            let mut world = World::new(1, script::able(batch), 1);
            world.seed(&there);
            world.devices[0].sync().await;
            for (at, edit) in whole(&wanted, &there).into_iter().enumerate() {
                if at == known {
                    // What was done so far is on the server, with its references.
                    world.devices[0].sync().await;
                }
                world.pass(3);
                perform(&world.devices[0].engine, edit);
            }
            world.server().keep_references();
            settle(&mut world, &faults).await;
            check_sent(&world)
        })?;
    }

    /// Records that were made offline and name each other in any order: a create goes without the reference that closes
    /// the circle, and an update behind it makes that. Nothing waits for ever, and nobody is asked.
    #[test]
    fn l06_new_records_that_refer_to_each_other_are_created_first_and_linked_afterwards(
        order in Just([0usize, 1, 2, 3]).prop_shuffle(),
        to in [prop::option::of(0usize..2), prop::option::of(0usize..2), prop::option::of(0usize..2), prop::option::of(0usize..2)],
        more in edits(6),
        batch in script::batch(),
        faults in prop::collection::vec(fault(), 0..3),
    ) {
        block_on(async {
            let mut world = World::new(1, script::able(batch), 1);
            world.devices[0].sync().await;
            world.server().keep_references();
            let refers = |slot: Slot| to[slot].map(|to| if slot < 2 { 2 + to } else { to });
            let mut wanted: Vec<_> = order.iter().map(|slot| Edit::Create(*slot, refers(*slot))).collect();
            wanted.extend(more);
            for edit in whole(&wanted, &BTreeSet::new()) {
                world.pass(3);
                perform(&world.devices[0].engine, edit);
            }
            settle(&mut world, &faults).await;
            check_sent(&world)
        })?;
    }
}

/// The schema of the laws with both references required.
fn required() -> Schema {
    let mut schema = crate::common::schema();
    for (of, field) in [("Account", "main"), ("Contact", "account")] {
        let entity = Arc::make_mut(schema.entities.get_mut(of).unwrap());
        let known = entity
            .fields
            .iter_mut()
            .find(|known| known.name.as_str() == field);
        known.unwrap().required = true;
    }
    schema.version = "2".to_owned();
    schema
}

/// Nothing is sent with an empty value where one is required: a person is told, nothing else waits for that, and it
/// goes on by itself once one of the references can be left for later.
#[tokio::test]
async fn l06_a_circle_of_required_references_is_told_to_a_person() {
    let world = World::over(1, (required(), script::able(ONE_BATCH)), 1, |_| {
        Arc::new(MemoryStore::new())
    });
    world.seed(&[1].into());
    world.server().keep_references();
    let device = &world.devices[0];
    device.sync().await;
    for edit in [
        Edit::Create(0, Some(2)),
        Edit::Create(2, Some(0)),
        Edit::Set(1, 0),
    ] {
        perform(&device.engine, edit).unwrap();
    }
    assert_eq!(device.engine.preview().unwrap().conflicts.len(), 1);
    let report = device.sync().await;
    assert_eq!((report.applied, report.pending), (1, 2));
    let [entry] = &device.open_entries()[..] else {
        panic!("one entry");
    };
    assert_eq!(entry.cause.as_ref().unwrap().code, "device:circle");
    world.pass(400_000);
    assert_eq!(device.sync().await.pending, 2);
    assert_eq!(device.open_entries().len(), 1, "it is told once");
    let mut optional = crate::common::schema();
    optional.version = "3".to_owned();
    world.server().set_schema(Arc::new(optional));
    device.sync().await;
    assert_eq!(device.open_entries(), vec![]);
    assert_eq!(device.engine.outbox().unwrap(), vec![]);
    let made = world
        .server()
        .record(&entity("Account"), &script::id_of(0))
        .unwrap();
    assert_eq!(
        *made.record.value(&crate::common::name("main")),
        script::reference(Some(2))
    );
}

/// A new record may refer to itself, at once or later: it is there before it is referred to.
#[tokio::test]
async fn l06_a_record_that_refers_to_itself_is_created_first_and_linked_afterwards() {
    for at_once in [true, false] {
        let mut schema = crate::common::schema();
        let account = Arc::make_mut(schema.entities.get_mut("Account").unwrap());
        let targets = vec![entity("Account")];
        account.add(FieldSchema::new(name("parent"), FieldKind::Lookup { targets }));
        let world = World::over(1, (schema, script::able(ONE_BATCH)), 1, |_| {
            Arc::new(MemoryStore::new())
        });
        world.server().keep_references();
        let device = &world.devices[0];
        device.sync().await;
        let id = RecordId::guid(uuid::Uuid::from_u128(7));
        let itself = fields(&[("parent", lookup(&id))]);
        let key = Value::Guid(uuid::Uuid::from_u128(7));
        let mut given = fields(&[("id", key), ("name", Value::text("Ring"))]);
        if at_once {
            given.extend(itself.clone());
        }
        device.engine.create("Account", given).unwrap();
        if !at_once {
            device.engine.update("Account", id.as_str(), itself).unwrap();
        }
        assert!(device.engine.preview().unwrap().conflicts.is_empty());
        device.sync().await;
        device.sync().await;
        assert_eq!(device.open_entries(), vec![]);
        assert_eq!(device.pending(), vec![]);
        assert_eq!(world.on_server(&id, "parent"), lookup(&id));
        assert_eq!(world.server().effects().len(), 2, "created, then linked");
    }
}
