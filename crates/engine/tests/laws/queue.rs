//! The order of the queue: what waits for what, whatever the network does.

use std::collections::BTreeSet;

use crate::common::{World, entity};
use crate::script::{self, Edit, SLOTS, Slot, edits, fault, perform, whole};
use driftless_testkit::backend::Fault;
use proptest::prelude::*;

fn there() -> impl Strategy<Value = BTreeSet<Slot>> {
    prop::collection::btree_set(0..SLOTS, 0..3)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
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
    for _ in 0..6 {
        world.pass(400_000);
        world.devices[0].sync().await;
    }
}

/// Checks that the device has sent everything, and that nothing was refused on the way.
fn check_sent(world: &World) -> Result<(), TestCaseError> {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// A server that keeps references whole takes every change of such a script in some order: a create before what
    /// names it, a delete behind every create, move and delete of what refers to its record. One refusal, and the engine
    /// has sent something before what it needs.
    #[test]
    fn l05_a_server_that_keeps_references_whole_refuses_nothing(
        wanted in edits(14),
        there in there(),
        batch in script::batch(),
        faults in prop::collection::vec(fault(), 0..3),
    ) {
        block_on(async {
            let mut world = World::new(1, script::able(batch), 1);
            world.seed(&there);
            world.devices[0].sync().await;
            world.server().keep_references();
            for edit in whole(&wanted, &there) {
                world.pass(3);
                perform(&world.devices[0].engine, edit);
            }
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
