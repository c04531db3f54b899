//! What readers see while server data arrive.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::common::{World, able, entity, fields, lookup, options};
use driftless_engine::{Progress, ProgressSink, Stage, SyncOptions};
use driftless_record::query::Comparison;
use driftless_record::settings::EntityScope;
use driftless_record::{
    ConflictRule, EntitySchema, Expr, FieldKind, FieldSchema, Query, RecordId, Settings, Value,
};
use driftless_testkit::backend::{Habits, References};
use driftless_transport::{Capabilities, CompareAndSet, Deletions};

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

/// A world whose one device has read the first part of a set of changes of all its accounts.
async fn with_a_set_cut_short() -> (World, Vec<RecordId>) {
    let world = World::new(1, able(), 1);
    let ids: Vec<RecordId> = (1..=9).map(|number| world.account(number, "Old")).collect();
    let device = &world.devices[0];
    device.sync().await;
    for id in &ids {
        world.office(id, "name", "New");
    }
    let (_, options) = stop_at(3);
    device.engine.sync(&device.wire, options).await.unwrap();
    (world, ids)
}

#[tokio::test]
async fn l21_what_a_cut_left_behind_is_not_used_for_another_schema() {
    let (world, ids) = with_a_set_cut_short().await;
    let device = &world.devices[0];
    let smaller = |account: &EntitySchema| {
        let mut account = account.clone();
        account.fields.retain(|field| field.name.as_str() != "status");
        Some(account)
    };
    world.server().set_schema(crate::stuck::with("Account", smaller));
    let report = device.sync().await;
    assert_eq!(report.received(), 9);
    assert!(
        ids.iter()
            .all(|id| device.text("Account", id, "name").as_deref() == Some("New"))
    );
}

/// Pages that were kept of a set go on nowhere once the server has forgotten it: everything is read from the start.
#[tokio::test]
async fn l24_a_set_that_was_cut_short_is_read_anew_when_the_server_has_forgotten_it() {
    let (world, ids) = with_a_set_cut_short().await;
    let device = &world.devices[0];
    world.server().forget_checkpoints();
    device.sync().await;
    assert!(device.engine.status().unwrap().in_sync);
    for id in &ids {
        assert_eq!(device.text("Account", id, "name"), Some("New".to_owned()));
    }
    // Nothing of the forgotten set comes up again with the next one.
    world.server().remove(&entity("Account"), &ids[0]);
    world.office(&ids[1], "name", "Newer");
    for _ in 0..2 {
        device.sync().await;
        assert_eq!(device.text("Account", &ids[0], "name"), None);
        assert_eq!(device.text("Account", &ids[1], "name"), Some("Newer".to_owned()));
    }
}

/// A field that the schema gains has everything read from the start. If that is cut short and forgotten by the server,
/// it is begun anew: the pages that were kept of it lead nowhere.
#[tokio::test]
async fn l24_a_reading_from_the_start_that_was_cut_short_is_begun_anew_when_the_server_has_forgotten_it() {
    let (world, ids) = with_a_set_cut_short().await;
    let device = &world.devices[0];
    let larger = |account: &EntitySchema| {
        let mut account = account.clone();
        let kind = FieldKind::Text { max_chars: None };
        account
            .fields
            .push(FieldSchema::new(crate::common::name("extra"), kind));
        Some(account)
    };
    world.server().set_schema(crate::stuck::with("Account", larger));
    let (_, options) = stop_at(3);
    device.engine.sync(&device.wire, options).await.unwrap();
    world.server().forget_checkpoints();
    device.sync().await;
    assert!(device.engine.status().unwrap().in_sync);
    for id in &ids {
        assert_eq!(device.text("Account", id, "name"), Some("New".to_owned()));
    }
}

/// All accounts but those that are called "Out" belong on the device.
fn all_but_out() -> Settings {
    let name = entity("Account");
    let filter = Expr::compare(crate::common::name("name"), Comparison::Ne, Value::text("Out"));
    let scope = EntityScope {
        query: Query::all(name.clone()).filter(filter),
        interval_seconds: None,
    };
    Settings {
        scope: Some([(name, scope)].into_iter().collect()),
        ..Settings::default()
    }
}

/// What leaves the scope while an edit of it waits stays for that edit alone.
#[tokio::test]
async fn l23_a_record_that_left_the_scope_goes_once_nothing_of_it_is_pending() {
    for deletions in [Deletions::Reported, Deletions::Sweep] {
        for (comes_back, is_sent) in [(true, true), (false, true), (false, false)] {
            let world = World::new(1, Capabilities { deletions, ..able() }, 1);
            world.server().set_settings(Some(all_but_out()));
            let id = world.account(1, "Rome Steel");
            world.account(2, "Bern Glass");
            let device = &world.devices[0];
            device.sync().await;
            device.set(&id, "city", "Oslo");
            world.office(&id, "name", "Out");
            world.pass(10_000);
            if comes_back {
                device.set(&id, "name", "In");
            }
            assert_eq!(device.text("Account", &id, "city"), Some("Oslo".to_owned()));
            if !is_sent {
                world.server().set_busy_until(1_020_000);
                device.sync().await;
                assert_eq!(device.text("Account", &id, "city"), Some("Oslo".to_owned()));
                device.engine.undo(device.pending()[0].id).unwrap();
            }
            device.sync().await;
            assert_eq!(device.engine.outbox().unwrap(), vec![]);
            let shown = device.text("Account", &id, "city").is_some();
            assert_eq!(shown, comes_back, "{deletions:?}");
            assert!(device.engine.status().unwrap().in_sync);
            let city = if is_sent { "Oslo" } else { "Rome" };
            assert_eq!(world.on_server(&id, "city"), Value::text(city));
        }
    }
}

/// The server deletes the children with their parent; "in sync" is said only once that was read as well.
#[tokio::test]
async fn l40_what_goes_with_a_deleted_record_is_read_before_the_device_says_that_it_is_in_sync() {
    let world = World::new(1, able(), 1);
    let mut schema = crate::common::schema();
    let mut account = EntitySchema::clone(schema.entity("Account").unwrap());
    for collection in account.collections.values_mut() {
        collection.cascade_delete = true;
    }
    schema.add(account);
    world.server().set_schema(Arc::new(schema));
    world.server().set_habits(Habits {
        references: References::Cascade,
        ..Habits::default()
    });
    let id = world.account(1, "Rome Steel");
    let device = &world.devices[0];
    device.sync().await;
    device.engine.delete("Account", id.as_str()).unwrap();
    let kim = RecordId::guid(uuid::Uuid::from_u128(7));
    let given = fields(&[("name", Value::text("Kim")), ("account", lookup(&id))]);
    world.server().put(&entity("Contact"), &kim, given);
    device.sync().await;
    let contacts = device.engine.query(&Query::all(entity("Contact"))).unwrap();
    assert!(device.engine.status().unwrap().in_sync);
    assert_eq!(contacts, vec![]);
}

/// What is deleted here is out of view, and a back end that reports no deletions is asked about it all the same.
#[tokio::test]
async fn l23_a_sweep_finds_that_what_was_deleted_here_is_gone_there_too() {
    let world = World::new(
        1,
        Capabilities {
            deletions: Deletions::Sweep,
            compare_and_set: CompareAndSet::None,
            ..able()
        },
        1,
    );
    world.server().set_settings(Some(Settings {
        conflict: ConflictRule::ServerWins,
        ..Settings::default()
    }));
    let id = world.account(1, "Rome Steel");
    world.account(2, "Bern Glass");
    let device = &world.devices[0];
    device.sync().await;
    device.engine.delete("Account", id.as_str()).unwrap();
    world.office(&id, "city", "Oslo");
    // Both sides are compared, and the server's wins; then it deletes the record as well.
    world.server().remove(&entity("Account"), &id);
    device.sync().await;
    assert_eq!(device.engine.outbox().unwrap(), vec![]);
    assert_eq!(device.text("Account", &id, "name"), None);
}
