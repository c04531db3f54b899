//! Databases of other versions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use driftless_store::{
    JournalReader as _, LogSelection, MemoryStore, OperationSelection, RecordStore as _, StoreError,
    ViewReader as _,
};
use driftless_store_sqlite::SqliteStore;
use driftless_testkit::store::sample::{self, account, entity, request_id};
use rusqlite::Connection;

/// Every fixture holds [`sample::everything`] as its version wrote it.
#[test]
fn upgrades_from_every_released_version() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut opened = 0;
    for fixture in fs::read_dir(fixtures).unwrap() {
        let sql = fs::read_to_string(fixture.unwrap().path()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        Connection::open(&path).unwrap().execute_batch(&sql).unwrap();
        holds_everything(&SqliteStore::open(path.clone()).unwrap());
        // And once more, in the format that it has now.
        holds_everything(&SqliteStore::open(path).unwrap());
        opened += 1;
    }
    let steps = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).unwrap();
    let formats = steps.filter(|step| step.as_ref().unwrap().path().extension().is_some());
    assert_eq!(opened, formats.count(), "every format has a fixture");
}

fn holds_everything(store: &SqliteStore) {
    let expected = MemoryStore::new();
    for batch in sample::everything() {
        expected.commit(batch).unwrap();
    }
    assert_eq!(store.position().unwrap(), expected.position().unwrap());
    assert_eq!(store.schema().unwrap(), expected.schema().unwrap());
    assert_eq!(store.loading().unwrap(), expected.loading().unwrap());
    let name = entity("Account");
    assert_eq!(
        store.ids(&name, None, 9).unwrap(),
        expected.ids(&name, None, 9).unwrap()
    );
    for n in 1..4 {
        let id = account(n);
        assert_eq!(store.get(&name, &id).unwrap(), expected.get(&name, &id).unwrap());
        assert_eq!(
            store.image(&name, &id).unwrap(),
            expected.image(&name, &id).unwrap()
        );
        assert_eq!(
            store.files(&name, &id).unwrap(),
            expected.files(&name, &id).unwrap()
        );
        let of_record = OperationSelection::PendingOf(name.clone(), id);
        assert_eq!(
            store.operations(&of_record).unwrap(),
            expected.operations(&of_record).unwrap()
        );
    }
    let latest = OperationSelection::Latest(9);
    assert_eq!(
        store.operations(&latest).unwrap(),
        expected.operations(&latest).unwrap()
    );
    assert_eq!(store.pending().unwrap(), 2);
    assert_eq!(
        store.log(&LogSelection::Open).unwrap(),
        expected.log(&LogSelection::Open).unwrap()
    );
    assert_eq!(
        store.sending(request_id(2)).unwrap(),
        expected.sending(request_id(2)).unwrap()
    );
    assert_eq!(
        store.note("checkpoint").unwrap(),
        expected.note("checkpoint").unwrap()
    );
}

/// Opens a store that was changed behind its back, and shows that its file was not touched.
fn untouched(change: &str) -> StoreError {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(SqliteStore::open(path.clone()).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(change).unwrap();
    connection.close().unwrap();
    let before = fs::read(&path).unwrap();
    let error = SqliteStore::open(path.clone()).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), before);
    error
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let error = untouched("PRAGMA journal_mode = DELETE; PRAGMA user_version = 999");
    assert!(
        matches!(
            error,
            StoreError::NewerFormat {
                found: 999,
                supported: 3
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let error = untouched("PRAGMA journal_mode = DELETE; PRAGMA application_id = 5");
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
}
