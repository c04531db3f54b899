//! Records that leave the scope, and readings from the start.

use std::collections::BTreeMap;

use driftless_record::{Fields, Operation, OperationKind, RecordId};
use driftless_testkit::backend::Fault;
use driftless_transport::{ChangeDetection, Deletions, RemovalReason};
use proptest::prelude::*;

use crate::chance::{Touch, block, capabilities, cases, touch};
use crate::common::*;
use crate::convergence::view;
use crate::view::read_over;
use crate::watched::view_is_off;
use crate::wire::Wire;

/// Returns what waits, without what is corrected when it is first sent.
fn pending(device: &Device) -> Vec<(RecordId, OperationKind)> {
    let plain = |mut operation: Operation| {
        for edit in operation.kind.edits_mut().into_iter().flatten() {
            edit.1.stamp = None;
        }
        if let OperationKind::Delete { stamp, .. } = &mut operation.kind {
            *stamp = None;
        }
        (operation.record, operation.kind)
    };
    device.pending().into_iter().map(plain).collect()
}

proptest! {
    #![proptest_config(cases(48))]

    /// A filter that no longer matches says nothing about the record itself: whoever takes it for a deletion throws an
    /// edit away, or asks a person about a conflict that there is not.
    #[test]
    fn l23_what_leaves_the_scope_is_evicted_and_its_pending_work_is_done(
        edits in prop::collection::vec((0usize..4, touch()), 0..6),
        leaving in prop::collection::vec((0usize..4, any::<bool>()), 1..4),
        stamps in any::<bool>(),
    ) {
        block(async {
            let world = World::new(1, if stamps { able() } else { without_stamps() }, 1);
            let ids: Vec<_> = (1..=4).map(|number| world.account(number, "Some")).collect();
            let device = &world.devices[0];
            device.sync().await;
            let mut expected: BTreeMap<RecordId, Fields> = world.server().all(&entity("Account"));
            for (of, touch) in &edits {
                device.engine.update("Account", ids[*of].as_str(), touch.fields()).unwrap();
                expected.get_mut(&ids[*of]).unwrap().extend(touch.fields());
            }
            let before = pending(device);
            let wire = Wire::new(&world.backend);
            for (of, known) in &leaving {
                let reason = if *known { RemovalReason::Changed } else { RemovalReason::Unknown };
                wire.rules.lock().unwrap().leave.insert(ids[*of].clone(), reason);
            }
            // Nothing can be sent yet: what was read alone must not touch it.
            world.server().fail([Fault::Unreachable]);
            device.engine.sync(&wire, options()).await.unwrap();
            world.server().heal();
            prop_assert_eq!(pending(device), before);
            for (at, id) in ids.iter().enumerate() {
                let edited = device.pending().iter().any(|operation| operation.record == *id);
                let left = leaving.iter().any(|(of, _)| *of == at);
                let here = device.engine.get("Account", id.as_str());
                prop_assert_eq!(here.is_ok(), edited || !left, "{}", id);
                if edited {
                    prop_assert_eq!(&here.unwrap().fields["city"], &expected[id]["city"]);
                }
            }
            device.engine.sync(&wire, options()).await.unwrap();
            prop_assert_eq!(device.open_entries(), vec![]);
            prop_assert_eq!(pending(device), vec![]);
            prop_assert_eq!(world.server().all(&entity("Account")), expected);
            for (of, _) in &leaving {
                prop_assert!(device.engine.get("Account", ids[*of].as_str()).is_err());
            }
            Ok(())
        })?;
    }

    /// An expired delta link says that the server has forgotten what this device knows, and nothing about the records
    /// or about what waits on the device.
    #[test]
    fn l24_a_full_reading_leaves_pending_work_alone(
        capabilities in capabilities(),
        edits in prop::collection::vec((0usize..5, touch()), 0..6),
        deleted in prop::collection::vec(0usize..5, 0..2),
        office in prop::collection::vec((0usize..5, touch()), 0..5),
        gone in prop::collection::vec(0usize..5, 0..3),
        cut in prop::option::of(0usize..3),
    ) {
        block(async {
            let world = World::new(1, capabilities, 1);
            let ids: Vec<_> = (1..=5).map(|number| world.account(number, "Some")).collect();
            let device = &world.devices[0];
            device.sync().await;
            let alive = |id: &RecordId| device.engine.get("Account", id.as_str()).is_ok();
            for (of, touch) in &edits {
                device.engine.update("Account", ids[*of].as_str(), touch.fields()).unwrap();
            }
            for of in &deleted {
                if alive(&ids[*of]) {
                    device.engine.delete("Account", ids[*of].as_str()).unwrap();
                }
            }
            device.engine.create("Account", fields(&[("name", driftless_record::Value::text("New"))])).unwrap();
            let before = pending(device);
            for (of, touch) in office {
                world.server().put(&entity("Account"), &ids[of], Touch::fields(touch));
            }
            for of in gone {
                world.server().remove(&entity("Account"), &ids[of]);
            }
            let wire = Wire::new(&world.backend);
            wire.rules.lock().unwrap().expired.insert(entity("Account"));
            for left in [cut, None] {
                wire.rules.lock().unwrap().pages_left = left;
                read_over(&wire, device).await;
            }
            prop_assert_eq!(pending(device), before.clone());
            prop_assert_eq!(view_is_off(device.store()), None);
            let there = world.server().all(&entity("Account"));
            let here = view(&world, 0, "Account");
            for id in &ids {
                if before.iter().all(|(record, _)| record != id) {
                    let filled = there.get(id);
                    prop_assert_eq!(here.get(id), filled, "{}", id);
                }
            }
            Ok(())
        })?;
    }

    /// A back end that reports no deletions is asked which records it has; a record that a person has deleted here is
    /// nowhere to be seen and must be asked for all the same.
    #[test]
    fn i10_in_sync_means_that_a_full_reading_would_change_nothing(
        capabilities in capabilities(),
        steps in prop::collection::vec(crate::convergence::step(), 1..25),
        rule in 0usize..4,
        rewrites in any::<bool>(),
        seed in any::<u64>(),
    ) {
        block(async {
            let mut world = World::new(2, capabilities, seed);
            world.server().set_settings(Some(crate::sides::settings(rule)));
            world.server().set_rewrite(rewrites.then_some(crate::sides::shout));
            for number in 1..=2 {
                world.account(number, "Some");
            }
            for device in &world.devices {
                device.sync().await;
            }
            for step in &steps {
                crate::convergence::play(&mut world, step, &mut Vec::new()).await;
                for (number, device) in world.devices.iter().enumerate() {
                    let before = device.engine.status().unwrap();
                    if !before.in_sync {
                        continue;
                    }
                    // What is true of a synchronization that has just gone through is told by one.
                    let report = device.sync().await;
                    prop_assert_eq!(report.pending, 0);
                    if device.engine.status().unwrap().in_sync {
                        for of in ["Account", "Contact"] {
                            prop_assert_eq!(view(&world, number, of), world.server().all(&entity(of)), "device {}", number);
                        }
                    }
                }
            }
            Ok(())
        })?;
    }
}

/// A world of one account whose server tells of no deletions.
async fn swept() -> (World, RecordId) {
    let able = driftless_transport::Capabilities {
        changes: ChangeDetection::Watermark,
        deletions: Deletions::Sweep,
        ..able()
    };
    let (world, id) = World::with_one_account(able).await;
    world.server().set_settings(Some(crate::sides::settings(1)));
    (world, id)
}

/// The history behind the property: the delete gives way to a change of the office, which then deletes the record, and
/// what is left here comes to nothing. Nobody would ever look again.
#[tokio::test]
async fn i10_a_record_whose_last_pending_work_comes_to_nothing_is_not_shown_after_it_is_gone() {
    let (world, id) = swept().await;
    let device = &world.devices[0];
    let again = || {
        let key = driftless_record::Value::Guid(id.as_str().parse().unwrap());
        fields(&[("id", key), ("name", driftless_record::Value::text("Again"))])
    };
    device.engine.delete("Account", id.as_str()).unwrap();
    device.engine.create("Account", again()).unwrap();
    device.engine.delete("Account", id.as_str()).unwrap();
    world.office(&id, "city", "Oslo");
    crate::view::read_only(&world, device).await;
    world.server().remove(&entity("Account"), &id);
    device.sync().await;
    let status = device.engine.status().unwrap();
    assert!(status.in_sync);
    assert!(device.engine.get("Account", id.as_str()).is_err());
}

/// A record that was deleted here is not in view, and is looked for on the server all the same: once the delete is taken
/// back, nothing is shown that is not there.
#[tokio::test]
async fn i10_a_record_that_went_while_it_was_deleted_here_does_not_come_back_with_the_undo() {
    let (world, id) = swept().await;
    let device = &world.devices[0];
    let deleted = device.engine.delete("Account", id.as_str()).unwrap();
    world.server().remove(&entity("Account"), &id);
    crate::view::read_only(&world, device).await;
    device.engine.undo(deleted.operation.unwrap()).unwrap();
    assert!(device.engine.get("Account", id.as_str()).is_err());
}
