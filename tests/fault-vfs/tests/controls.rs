//! The tests can fail: a disk that lies, and a database that was told not to wait for the disk, are found out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{dump, mix, rounds, seed};
use driftless_fault_vfs::{Disk, Drive, Fault, Image, Kind};
use driftless_record::OperationState;
use driftless_store::{JournalReader as _, RecordStore as _};
use driftless_store_sqlite::SqliteStore;
use driftless_testkit::store::sample::{account, batch, operation, put_account, put_operation, schema_batch};
use rusqlite::Connection;

/// Returns how many power cuts each control takes.
fn trials() -> u64 {
    60 * rounds()
}

fn drive(trial: &str, number: u64, lies: bool) -> Drive {
    Drive {
        seed: mix(mix(seed(), trial), &number.to_string()),
        powersafe: true,
        lies,
    }
}

/// Makes edits until the power fails at some call, and returns how many were acknowledged and how many are there.
fn edits(drive: Drive, call: u64) -> (u64, Option<u64>) {
    let disk = Disk::new(drive, &Image::new());
    let path = disk.path("store.db");
    let store = SqliteStore::open(path.clone()).unwrap();
    store.commit(schema_batch()).unwrap();
    disk.arm(Fault {
        kind: Kind::PowerCut,
        call,
    });
    let edit = |n: u64| {
        let queued = operation(n, &account(n.into()), OperationState::Queued);
        batch([put_account(n.into(), "edited"), put_operation(queued)])
    };
    let acknowledged = (1..40).take_while(|n| store.commit(edit(*n)).is_ok()).count() as u64;
    assert!(disk.fired());
    drop(store);
    let found = SqliteStore::open(path).and_then(|store| store.pending());
    (acknowledged, found.ok())
}

#[test]
fn a_disk_that_lies_about_syncs_loses_what_was_acknowledged_and_an_honest_one_nothing() {
    let lost = |lies| {
        (0..trials())
            .map(|number| edits(drive("lies", number, lies), 30 + number))
            .filter(|(acknowledged, found)| found.is_none_or(|found| found < *acknowledged))
            .count() as u64
    };
    assert_eq!(lost(false), 0);
    assert!(lost(true) > trials() / 2, "a lying disk lost {}", lost(true));
}

/// Makes commits of many pages with a setting for syncs, until the power fails; returns whether the database is whole.
fn stays_whole(drive: Drive, synchronous: &str, call: u64) -> bool {
    let disk = Disk::new(drive, &Image::new());
    let path = disk.path("plain.db");
    let connection = Connection::open(&path).unwrap();
    let begin = format!(
        "PRAGMA journal_mode = DELETE; PRAGMA synchronous = {synchronous}; PRAGMA cache_size = 5;
         CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); CREATE INDEX i ON t (b);"
    );
    connection.execute_batch(&begin).unwrap();
    disk.arm(Fault {
        kind: Kind::PowerCut,
        call,
    });
    let commit =
        "INSERT INTO t (b) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
                  SELECT hex(zeroblob(40)) || (i * 7919 % 61) FROM n; DELETE FROM t WHERE a % 3 = 0;";
    while connection.execute_batch(commit).is_ok() {}
    assert!(disk.fired());
    drop(connection);
    Connection::open(&path)
        .and_then(|connection| dump(&connection))
        .is_ok_and(|text| text.ends_with("integrity: ok\n"))
}

#[test]
fn a_database_that_does_not_wait_for_the_disk_is_torn_and_one_that_does_is_not() {
    let torn = |synchronous| {
        (0..trials())
            .filter(|number| !stays_whole(drive("off", *number, false), synchronous, 40 + 5 * number))
            .count() as u64
    };
    assert_eq!(torn("EXTRA"), 0);
    assert!(
        torn("OFF") > trials() / 6,
        "without syncs {} were torn",
        torn("OFF")
    );
}

#[test]
fn temporary_files_and_other_paths_are_served() {
    let disk = Disk::new(drive("other", 0, false), &Image::new());
    let connection = Connection::open(disk.path("plain.db")).unwrap();
    let large = "PRAGMA temp_store = FILE; PRAGMA cache_size = 5; CREATE TABLE t (a);
                 CREATE TEMP TABLE s (a); INSERT INTO s SELECT zeroblob(300000); INSERT INTO t SELECT a FROM s;";
    connection.execute_batch(large).unwrap();
    drop(connection);
    assert_eq!(disk.image().keys().collect::<Vec<_>>(), ["plain.db"]);
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = Connection::open(directory.path().join("real.db")).unwrap();
    elsewhere.execute_batch("CREATE TABLE t (a)").unwrap();
    assert!(directory.path().join("real.db").exists());
}

#[test]
fn a_store_that_opens_writes_to_its_log_whichever_call_failed_meanwhile() {
    for call in 1.. {
        let disk = Disk::new(drive("log", call, false), &Image::new());
        disk.arm(Fault {
            kind: Kind::ErrorOnce,
            call,
        });
        let opened = SqliteStore::open(disk.path("store.db"));
        let (_, fired) = disk.disarm();
        if let Ok(store) = opened {
            store.commit(schema_batch()).unwrap();
            assert!(disk.image().contains_key("store.db-wal"), "call {call}");
        }
        if !fired {
            assert!(call > 50, "{call} calls");
            break;
        }
    }
}
