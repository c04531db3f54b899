//! What the clocks can tell about the order of edits, and what is said where they cannot.

use crate::common::{World, able};
use driftless_engine::Decision;
use driftless_record::{LogKind, RecordId, Side, Value};

/// How coarsely the server of these tests tells its time, in milliseconds.
const ERROR: i64 = 500;

/// A synced world of two devices, which know the server's time only coarsely.
async fn two_devices() -> (World, RecordId) {
    let world = World::new(2, able(), 1);
    world.server().set_time_error(ERROR);
    let id = world.account(1, "Rome Steel");
    for device in &world.devices {
        device.sync().await;
    }
    world.pass(10_000);
    (world, id)
}

#[tokio::test]
async fn l29_edits_nearer_than_both_clocks_can_tell_wait_for_a_person_and_mine_stays_in_view() {
    for (gap, is_open) in [
        (0, true),
        (2 * ERROR - 1, true),
        (2 * ERROR, false),
        (60_000, false),
    ] {
        for first in [0, 1] {
            let (world, id) = two_devices().await;
            world.devices[0].set(&id, "city", "Early");
            world.pass(gap);
            world.devices[1].set(&id, "city", "Late");
            world.pass(10_000);
            world.devices[first].sync().await;
            let second = &world.devices[1 - first];
            let mine = second.text("Account", &id, "city").unwrap();
            second.sync().await;
            if is_open {
                let entry = second.open_entries().remove(0);
                assert_eq!(entry.kind, LogKind::Conflict, "{gap} ms apart");
                assert!(entry.reason.starts_with("ambiguous"), "{}", entry.reason);
                assert_eq!(entry.fields[0].winner, None);
                assert_eq!(second.text("Account", &id, "city"), Some(mine.clone()));
                second.engine.resolve(entry.id, &Decision::Mine).unwrap();
                second.sync().await;
                assert_eq!(world.on_server(&id, "city"), Value::text(mine));
            } else {
                assert_eq!(second.open_entries(), vec![], "{gap} ms apart");
                assert_eq!(world.on_server(&id, "city"), Value::text("Late"));
                let entry = second
                    .engine
                    .log(&driftless_store::LogSelection::Latest(1))
                    .unwrap()
                    .remove(0);
                let winner = if first == 0 { Side::Mine } else { Side::Theirs };
                assert_eq!(entry.fields[0].winner, Some(winner));
            }
        }
    }
}

#[tokio::test]
async fn l29_an_edit_that_only_the_wall_clock_vouches_for_is_not_ordered_by_it() {
    let (world, id) = two_devices().await;
    let device = &world.devices[0];
    // Started anew without the server, and the wall clock turned by an hour: its edits look late.
    device.clock.reboot();
    device.clock.turn(3_600_000);
    device.set(&id, "city", "Early");
    world.pass(5_000);
    world.devices[1].set(&id, "city", "Late");
    world.devices[1].sync().await;
    device.clock.reboot();
    world.pass(5_000);
    device.sync().await;
    let entry = device.open_entries().remove(0);
    assert!(entry.reason.starts_with("ambiguous"), "{}", entry.reason);
    assert_eq!(device.text("Account", &id, "city").as_deref(), Some("Early"));
    assert_eq!(world.on_server(&id, "city"), Value::text("Late"));
}

#[tokio::test]
async fn l29_a_conflict_that_nobody_settles_makes_later_edits_no_more_doubtful() {
    const DAY: i64 = 86_400_000;
    let (world, ignored) = two_devices().await;
    let id = world.account(2, "Oslo Steel");
    let (device, other) = (&world.devices[0], &world.devices[1]);
    device.sync().await;
    other.sync().await;
    device.set(&ignored, "city", "Mine");
    world.office(&ignored, "city", "Theirs");
    device.sync().await;
    let entry = device.open_entries().remove(0);
    assert_eq!(entry.kind, LogKind::Conflict);
    world.pass(20 * DAY);
    other.set(&id, "city", "Early");
    world.pass(DAY);
    device.sync().await;
    other.sync().await;
    // Since that contact only the wall clock vouches for an edit, and it is at most so wrong.
    device.clock.reboot();
    world.pass(10_000);
    device.set(&id, "city", "Late");
    device.clock.reboot();
    world.pass(10_000);
    device.sync().await;
    let open: Vec<_> = device.open_entries().into_iter().map(|entry| entry.id).collect();
    assert_eq!(open, vec![entry.id]);
    assert_eq!(world.on_server(&id, "city"), Value::text("Late"));
    // The one that waits rests on the contact before it still: it is decided as if it were sent on the day.
    device.engine.resolve(entry.id, &Decision::Mine).unwrap();
    device.sync().await;
    assert_eq!(world.on_server(&ignored, "city"), Value::text("Mine"));
}

/// The later edit wins, also where it sets a field back to what the earlier one has replaced.
#[tokio::test]
async fn l27_a_later_edit_that_sets_the_old_value_again_is_not_undone_by_an_earlier_one() {
    for later in [true, false] {
        let (world, id) = two_devices().await;
        if !later {
            world.office(&id, "city", "Rome");
            world.pass(10_000);
        }
        world.devices[0].set(&id, "city", "Oslo");
        world.pass(10_000);
        if later {
            world.office(&id, "city", "Rome");
        }
        world.pass(10_000);
        world.devices[0].sync().await;
        assert_eq!(world.devices[0].open_entries(), vec![]);
        let expected = if later { "Rome" } else { "Oslo" };
        assert_eq!(world.on_server(&id, "city"), Value::text(expected));
    }
}

/// A value that the server has already from a later edit keeps the time of that edit.
#[tokio::test]
async fn l27_an_equal_edit_does_not_lower_the_stamp_of_a_later_one() {
    let (world, id) = two_devices().await;
    world.devices[0].set(&id, "city", "Oslo");
    world.pass(10_000);
    let late = world.server().now();
    world.office(&id, "city", "Oslo");
    world.pass(10_000);
    world.devices[0].sync().await;
    let found = world
        .server()
        .record(&crate::common::entity("Account"), &id)
        .unwrap();
    assert_eq!(found.stamps[&crate::common::name("city")].time.0, late);
}
