//! Several processes on one database, as far as one process can play them: each store has connections and a catalogue
//! of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use driftless_record::{Query, Timestamp, Value};
use driftless_store::{JournalReader as _, RecordStore as _, StoreError, ViewReader as _, Write, WriteBatch};
use driftless_store_sqlite::SqliteStore;
use driftless_testkit::store::sample::{account, batch, entity, field, put_account, schema, schema_batch};

fn two() -> (tempfile::TempDir, SqliteStore, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let one = SqliteStore::open(path.clone()).unwrap();
    let other = SqliteStore::open(path).unwrap();
    (directory, one, other)
}

#[test]
fn what_one_commits_the_other_reads_and_must_read_before_it_writes() {
    let (_directory, one, other) = two();
    let start = other.position().unwrap();
    one.commit(schema_batch()).unwrap();
    let number = one.commit(batch([put_account(1, "one")])).unwrap();
    let mut late = WriteBatch::based_on(start);
    late.push(put_account(1, "other"));
    let error = other.commit(late).unwrap_err();
    assert!(
        matches!(error, StoreError::Stale { found, .. } if found == number),
        "{error:?}"
    );
    let mut late = WriteBatch::based_on(other.position().unwrap());
    late.push(put_account(1, "other"));
    assert!(other.commit(late).unwrap() > number);
    let record = one.get(&entity("Account"), &account(1)).unwrap().unwrap();
    assert_eq!(*record.value(&field("name")), Value::text("other"));
}

#[test]
fn a_schema_change_by_one_reaches_the_other() {
    let (_directory, one, other) = two();
    one.commit(schema_batch()).unwrap();
    assert_eq!(*other.schema().unwrap(), schema());
    other
        .commit(batch([
            put_account(1, "other"),
            Write::BeginLoad(entity("Account")),
        ]))
        .unwrap();
    assert_eq!(
        one.count(&Query::all(entity("Account")), Timestamp(0)).unwrap(),
        0
    );
    one.commit(batch([Write::EndLoad(entity("Account")), put_account(2, "one")]))
        .unwrap();
    assert_eq!(
        other.count(&Query::all(entity("Account")), Timestamp(0)).unwrap(),
        2
    );
    let mut smaller = schema();
    smaller.entities.remove("Account");
    one.commit(batch([Write::PutSchema(smaller.into())])).unwrap();
    let error = other.commit(batch([put_account(3, "late")])).unwrap_err();
    assert!(matches!(error, StoreError::UnknownEntity(_)), "{error:?}");
}

#[test]
fn writers_take_turns_and_lose_nothing() {
    let (_directory, one, other) = two();
    one.commit(schema_batch()).unwrap();
    std::thread::scope(|scope| {
        for (at, store) in [&one, &other].into_iter().enumerate() {
            scope.spawn(move || {
                for n in 0..40 {
                    let note = Write::PutNote(format!("{at}.{n}"), Some(vec![n]));
                    store.commit(batch([note])).unwrap();
                }
            });
        }
    });
    assert_eq!(one.position().unwrap().0, 81);
    for at in 0..2 {
        for n in 0..40 {
            assert_eq!(other.note(&format!("{at}.{n}")).unwrap(), Some(vec![n]));
        }
    }
}
