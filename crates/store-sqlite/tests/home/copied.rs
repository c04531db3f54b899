//! Homes that were copied.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use driftless_record::{
    ChangeAction, FieldEdit, FieldName, Fields, Operation, OperationKind, OperationState, Value,
};
use driftless_store::{JournalReader as _, OperationSelection, RecordStore as _, StoreError};
use driftless_store_sqlite::home::{Account, Home, HomeError};
use driftless_testkit::store::sample::{account, batch, field, operation, put_operation, schema_batch};

use crate::{identity, queue_one};

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, place) = entry.map(|e| (e.path(), to.join(e.file_name()))).unwrap();
        if path.is_dir() {
            copy(&path, &place);
        } else {
            fs::copy(path, place).unwrap();
        }
    }
}

#[test]
fn a_copied_home_is_told_and_becomes_a_device_of_its_own_that_trusts_nothing_it_queued() {
    let directory = tempfile::tempdir().unwrap();
    let (first, moved, copied) = (
        directory.path().join("first"),
        directory.path().join("moved"),
        directory.path().join("copied"),
    );
    let home = Home::open(&first).unwrap();
    queue_one(&home.add(&identity("anna")).unwrap());
    let (device, install) = (home.device(), home.install());
    drop(home);
    fs::rename(&first, &moved).unwrap();
    assert_eq!(
        Home::open(&moved).unwrap().install(),
        install,
        "moving is no copying"
    );

    copy(&moved, &copied);
    for _ in 0..2 {
        assert!(matches!(Home::open(&copied), Err(HomeError::Copied(_))));
    }
    let reclaimed = Home::reclaim(&copied, |_| None).unwrap();
    assert_ne!(reclaimed.device(), device);
    assert_ne!(reclaimed.install(), install);
    let own = (reclaimed.device(), reclaimed.install());
    let store = reclaimed.accounts().unwrap()[0].store(None).unwrap();
    let pending = store.operations(&OperationSelection::Pending(9)).unwrap();
    let OperationState::Unknown(request) = pending[0].state else {
        panic!("{pending:?}");
    };
    assert_eq!(
        store.sending(request).unwrap().unwrap().operations,
        [pending[0].id]
    );
    drop(reclaimed);
    let again = Home::open(&copied).unwrap();
    assert_eq!((again.device(), again.install()), own);
    drop(Home::open(&moved).unwrap());
}

/// Copies a home after something was done to the store of each account, and makes the copy a device of its own.
fn reclaimed(directory: &Path, prepare: impl FnOnce(&Home)) -> Home {
    let (original, copied) = (directory.join("original"), directory.join("copied"));
    prepare(&Home::open(&original).unwrap());
    copy(&original, &copied);
    Home::reclaim(&copied, |_| None).unwrap()
}

fn on_store(of: &Account, sql: &str) {
    let path = of.store(None).unwrap().path().to_owned();
    rusqlite::Connection::open(path)
        .unwrap()
        .execute_batch(sql)
        .unwrap();
}

#[test]
fn an_account_that_cannot_be_read_keeps_no_other_from_being_reclaimed() {
    let directory = tempfile::tempdir().unwrap();
    let home = reclaimed(directory.path(), |home| {
        for user in ["anna", "ben"] {
            queue_one(&home.add(&identity(user)).unwrap());
        }
        on_store(&home.accounts().unwrap()[0], "UPDATE entry SET payload = x'00'");
    });
    let [bad, good] = &home.accounts().unwrap()[..] else {
        panic!("two accounts");
    };
    let all = OperationSelection::Pending(9);
    let error = bad.store(None).unwrap().operations(&all).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
    let pending = good.store(None).unwrap().operations(&all).unwrap();
    assert!(
        matches!(pending[0].state, OperationState::Unknown(_)),
        "{pending:?}"
    );
}

#[test]
fn a_home_that_was_copied_while_an_account_was_signed_out_is_reclaimed_and_takes_edits() {
    let directory = tempfile::tempdir().unwrap();
    let home = reclaimed(directory.path(), |home| {
        let close = "CREATE TRIGGER closed BEFORE INSERT ON entry BEGIN SELECT raise(ABORT, 'closed'); END";
        on_store(&home.add(&identity("anna")).unwrap(), close);
    });
    queue_one(&home.accounts().unwrap()[0]);
}

/// Makes the operation with a sequence number, of one kind, on account 1.
fn of_kind(n: u64, kind: fn(BTreeMap<FieldName, FieldEdit>) -> OperationKind) -> Operation {
    let made = operation(n, &account(1), OperationState::Queued);
    let OperationKind::Update(edits) = made.kind else {
        panic!("the sample is an update");
    };
    Operation {
        kind: kind(edits),
        ..made
    }
}

/// Reclaims a copy whose store has these operations queued; returns the sendings that stand for them, in sequence, with
/// the names they set and the operations they carry.
fn suspected(operations: Vec<Operation>) -> Vec<(ChangeAction, Vec<u64>)> {
    let directory = tempfile::tempdir().unwrap();
    let home = reclaimed(directory.path(), |home| {
        let store = home.add(&identity("anna")).unwrap().store(None).unwrap();
        store.commit(schema_batch()).unwrap();
        store
            .commit(batch(operations.into_iter().map(put_operation)))
            .unwrap();
    });
    let store = home.accounts().unwrap()[0].store(None).unwrap();
    let pending = store.operations(&OperationSelection::Pending(9)).unwrap();
    let mut found: Vec<(ChangeAction, Vec<u64>)> = Vec::new();
    let mut last = None;
    for operation in &pending {
        let OperationState::Unknown(request) = operation.state else {
            panic!("{operation:?}");
        };
        let sending = store.sending(request).unwrap().unwrap();
        assert!(sending.operations.contains(&operation.id));
        if last != Some(request) {
            found.push((sending.change.action, Vec::new()));
        }
        last = Some(request);
        found.last_mut().unwrap().1.push(operation.sequence);
    }
    found
}

#[test]
fn l08_queued_edits_of_a_copied_home_are_looked_for_by_their_last_values() {
    let name = |n: u64| Fields::from([(field("name"), Value::text(format!("after {n}")))]);
    let delete: fn(_) -> _ = |edits: BTreeMap<FieldName, FieldEdit>| OperationKind::Delete {
        seen: Fields::new(),
        raw: edits[&field("name")].raw,
        stamp: None,
    };
    let (create, update) = (OperationKind::Create, OperationKind::Update);
    for (operations, expected) in [
        (
            vec![of_kind(1, update), of_kind(2, update)],
            vec![(ChangeAction::Update(name(2)), vec![1, 2])],
        ),
        // The key proves the create and nothing of the edits behind it.
        (
            vec![of_kind(1, create), of_kind(2, update), of_kind(3, update)],
            vec![
                (ChangeAction::Create(name(1)), vec![1]),
                (ChangeAction::Update(name(3)), vec![2, 3]),
            ],
        ),
        (
            vec![of_kind(1, create), of_kind(2, update), of_kind(3, delete)],
            vec![(ChangeAction::Delete, vec![1, 2, 3])],
        ),
        (
            vec![of_kind(1, delete), of_kind(2, create)],
            vec![
                (ChangeAction::Delete, vec![1]),
                (ChangeAction::Create(name(2)), vec![2]),
            ],
        ),
    ] {
        assert_eq!(suspected(operations), expected);
    }
}
