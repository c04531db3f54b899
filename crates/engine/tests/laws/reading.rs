//! What readers see while server data arrive.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::common::{World, able, options};
use driftless_engine::{Progress, ProgressSink, Stage, SyncOptions};
use driftless_record::RecordId;

/// Stops a synchronization once so many records were read, and keeps how far it said to be.
struct StopAt {
    records: u64,
    stop: Arc<AtomicBool>,
    told: Mutex<Vec<u64>>,
}

impl ProgressSink for StopAt {
    fn progress(&self, progress: &Progress) {
        if progress.stage == Stage::Import {
            self.told.lock().unwrap().push(progress.done);
            if progress.done >= self.records {
                self.stop.store(true, Ordering::Release);
            }
        }
    }
}

fn stop_at(records: u64) -> (Arc<StopAt>, SyncOptions) {
    let stop: Arc<AtomicBool> = Arc::default();
    let sink = Arc::new(StopAt {
        records,
        stop: stop.clone(),
        told: Mutex::default(),
    });
    let options = SyncOptions {
        stop,
        progress: sink.clone(),
        ..options()
    };
    (sink, options)
}

#[tokio::test]
async fn l22_a_set_of_changes_that_is_cut_short_is_seen_whole_or_not_at_all() {
    let world = World::new(1, able(), 1);
    let ids: Vec<RecordId> = (1..=9).map(|number| world.account(number, "Old")).collect();
    let device = &world.devices[0];
    device.sync().await;
    for id in &ids {
        world.office(id, "name", "New");
    }
    device.set(&ids[0], "city", "Oslo");
    let names = || -> Vec<_> {
        let of = |id| device.text("Account", id, "name").unwrap();
        let mut names: Vec<_> = ids.iter().map(of).collect();
        names.dedup();
        names
    };
    for cut in [3, 6] {
        let (_, options) = stop_at(cut);
        let report = device.engine.sync(&device.wire, options).await.unwrap();
        assert_eq!((report.out_of_time, report.received()), (true, 0));
        assert_eq!(names(), ["Old"], "cut after {cut}");
    }
    // It goes on where it was cut, not from the start.
    let (sink, options) = stop_at(u64::MAX);
    let report = device.engine.sync(&device.wire, options).await.unwrap();
    assert_eq!(sink.told.lock().unwrap()[0], 9);
    assert_eq!((report.applied, report.pending), (1, 0));
    assert_eq!(names(), ["New"]);
    assert_eq!(device.text("Account", &ids[0], "city").as_deref(), Some("Oslo"));
}

#[tokio::test]
async fn l21_what_a_cut_left_behind_is_not_used_for_another_schema() {
    let world = World::new(1, able(), 1);
    let ids: Vec<RecordId> = (1..=9).map(|number| world.account(number, "Old")).collect();
    let device = &world.devices[0];
    device.sync().await;
    for id in &ids {
        world.office(id, "name", "New");
    }
    let (_, options) = stop_at(3);
    device.engine.sync(&device.wire, options).await.unwrap();
    let mut smaller = crate::common::schema();
    let mut account = (**smaller.entity("Account").unwrap()).clone();
    account.fields.retain(|field| field.name.as_str() != "status");
    smaller.add(account);
    "2".clone_into(&mut smaller.version);
    world.server().set_schema(Arc::new(smaller));
    let report = device.sync().await;
    assert_eq!(report.received(), 9);
    assert!(
        ids.iter()
            .all(|id| device.text("Account", id, "name").as_deref() == Some("New"))
    );
}
