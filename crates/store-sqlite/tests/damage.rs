//! Damaged databases.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use driftless_record::OperationState;
use driftless_store::{JournalReader as _, RecordStore as _, StoreError, ViewReader as _, Write};
use driftless_store_sqlite::{Health, SqliteStore};
use driftless_testkit::store::sample::{
    account, batch, entity, image, operation, put_account, put_operation, schema_batch,
};

use rusqlite::Connection;

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let bytes = b"not a database ".repeat(999);
    fs::write(&path, &bytes).unwrap();
    let error = SqliteStore::open(path.clone()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn quarantine_moves_a_store_aside_and_makes_room_for_a_fresh_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    for number in 1..3 {
        let bytes = format!("damaged {number}");
        fs::write(&path, &bytes).unwrap();
        let moved = SqliteStore::quarantine(path.clone()).unwrap();
        assert_eq!(
            moved.path,
            directory.path().join(format!("store.db.damaged-{number}"))
        );
        assert_eq!(fs::read_to_string(&moved.path).unwrap(), bytes);
        assert!(moved.incomplete);
        assert!(moved.operations.is_empty());
        let fresh = SqliteStore::open(path.clone()).unwrap();
        assert_eq!(fresh.pending().unwrap(), 0);
    }
}

/// Fills a store with records and 50 pending operations.
fn fill(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    store.commit(schema_batch()).unwrap();
    store
        .commit(batch(
            (0..2000).map(|n| put_account(n, "some text that takes room")),
        ))
        .unwrap();
    let operations = (0..50).map(|n| operation(n, &account(n.into()), OperationState::Queued));
    store.commit(batch(operations.map(put_operation))).unwrap();
}

#[test]
fn operations_are_read_from_a_store_whose_records_are_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    fill(&path);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40_000].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let store = SqliteStore::open(path.clone()).unwrap();
    let mut found = Ok(None);
    for n in 0..2000 {
        found = store.get(&entity("Account"), &account(n));
        if found.is_err() {
            break;
        }
    }
    assert!(matches!(found, Err(StoreError::Damaged(_))), "{found:?}");
    drop(store);
    let moved = SqliteStore::quarantine(path).unwrap();
    let sequences: Vec<_> = moved
        .operations
        .iter()
        .map(|operation| operation.sequence)
        .collect();
    assert_eq!(sequences, (0..50).collect::<Vec<_>>());
    assert!(!moved.incomplete);
}

#[test]
fn the_rest_of_a_commit_that_was_cut_is_as_if_it_never_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(path.clone()).unwrap();
    store.commit(schema_batch()).unwrap();
    let first = store.commit(batch([put_account(1, "one")])).unwrap();
    let wal = directory.path().join("store.db-wal");
    let whole = fs::metadata(&wal).unwrap().len();
    store
        .commit(batch([
            put_account(2, "two"),
            Write::PutNote("n".to_owned(), Some(vec![1])),
        ]))
        .unwrap();
    // What a power cut leaves: the log ends in the middle of the last commit.
    let copy = directory.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    let log = fs::read(&wal).unwrap();
    for cut in [
        whole,
        whole + 1,
        whole + 4120,
        u64::try_from(log.len()).unwrap() - 1,
    ] {
        let kept = usize::try_from(cut).unwrap();
        fs::write(directory.path().join("copy.db-wal"), &log[..kept]).unwrap();
        let copied = SqliteStore::open(copy.clone()).unwrap();
        assert_eq!(copied.position().unwrap(), first);
        assert_eq!(copied.note("n").unwrap(), None);
        assert!(copied.get(&entity("Account"), &account(1)).unwrap().is_some());
        assert!(copied.get(&entity("Account"), &account(2)).unwrap().is_none());
        drop(copied);
        fs::copy(&path, &copy).unwrap();
    }
}

#[test]
fn the_last_commits_go_with_a_store_that_is_moved_aside() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(path.clone()).unwrap();
    store.commit(schema_batch()).unwrap();
    let queued = operation(1, &account(1), OperationState::Queued);
    store.commit(batch([put_operation(queued)])).unwrap();
    // What a killed process leaves: everything since the last checkpoint is in the log alone.
    let killed = directory.path().join("killed.db");
    for suffix in ["", "-wal"] {
        let from = directory.path().join(format!("store.db{suffix}"));
        fs::copy(from, directory.path().join(format!("killed.db{suffix}"))).unwrap();
    }
    let moved = SqliteStore::quarantine(killed.clone()).unwrap();
    assert_eq!(moved.operations.len(), 1);
    assert!(!moved.incomplete);
    assert!(!directory.path().join("killed.db-wal").exists());
    assert_eq!(SqliteStore::open(killed).unwrap().pending().unwrap(), 0);
}

#[test]
fn a_log_that_was_left_behind_does_no_harm_to_a_fresh_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(path.clone()).unwrap();
    store.commit(schema_batch()).unwrap();
    // What a crash between moving the database and deleting its old log leaves.
    let log = directory.path().join("fresh.db-wal");
    fs::copy(directory.path().join("store.db-wal"), log).unwrap();
    let fresh = SqliteStore::open(directory.path().join("fresh.db")).unwrap();
    assert_eq!(fresh.position().unwrap().0, 0);
}

#[test]
fn an_image_that_cannot_be_read_is_found_by_a_close_look() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    fill(&path);
    assert_eq!(SqliteStore::examine(path.clone()).unwrap(), Health::Sound);
    let store = SqliteStore::open(path.clone()).unwrap();
    store.commit(batch([Write::PutImage(image(1, "Alpha"))])).unwrap();
    drop(store);
    assert_eq!(SqliteStore::examine(path.clone()).unwrap(), Health::Sound);
    let connection = Connection::open(&path).unwrap();
    let changed = connection.execute("UPDATE entry SET image = x'ff' WHERE image IS NOT NULL", []);
    assert_eq!(changed.unwrap(), 1);
    drop(connection);
    let health = SqliteStore::examine(path).unwrap();
    assert!(
        matches!(&health, Health::Damaged(what) if what.contains("image")),
        "{health:?}"
    );
}

/// Whatever can be read, nobody can say that it is all there was.
#[test]
fn what_is_read_of_a_damaged_database_is_never_called_complete() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    fill(&path);
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let index: u32 = connection
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'entry_open'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    drop(connection);
    let mut bytes = fs::read(&path).unwrap();
    // One operation less in an index: its number of cells, in the header of the page.
    let cells = (index as usize - 1) * 4096 + 3;
    bytes[cells + 1] -= 1;
    fs::write(&path, bytes).unwrap();
    let moved = SqliteStore::quarantine(path).unwrap();
    assert_eq!(moved.operations.len(), 50);
    assert!(moved.incomplete);
}
