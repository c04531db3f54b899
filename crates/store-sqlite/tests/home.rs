//! Homes and accounts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Read as _;

use driftless_record::OperationState;
use driftless_store::{FileRow, JournalReader as _, RecordStore as _, StoreError, Write};
use driftless_store_sqlite::home::{Account, Files, Home, HomeError, Identity, Unsent};
use driftless_store_sqlite::{SqliteStore, StoreOptions};
use driftless_testkit::store::sample::{account, batch, entity, field, operation, put_operation};

fn identity(user: &str) -> Identity {
    Identity {
        service: "https://crm.example/odata".to_owned(),
        organisation: String::new(),
        user: user.to_owned(),
    }
}

fn queue_one(account_of: &Account) {
    let store = account_of.store(None).unwrap();
    let queued = operation(1, &account(1), OperationState::Queued);
    store.commit(batch([put_operation(queued)])).unwrap();
}

#[test]
fn a_home_keeps_its_device_and_accounts() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path().join("home")).unwrap();
    let anna = home.add(&identity("anna")).unwrap();
    let ben = home.add(&identity("ben")).unwrap();
    assert_eq!(home.add(&identity("anna")).unwrap(), anna);
    assert_eq!(home.current().unwrap(), None);
    home.set_current(ben.id()).unwrap();
    home.set_current(anna.id()).unwrap();
    assert!(matches!(home.set_current("nobody"), Err(HomeError::NoAccount(_))));
    let (device, install) = (home.device(), home.install());
    drop(home);
    let home = Home::open(directory.path().join("home")).unwrap();
    assert_eq!((home.device(), home.install()), (device, install));
    assert_eq!(home.current().unwrap(), Some(anna.clone()));
    let mut expected = vec![anna, ben];
    expected.sort_by(|a, b| a.id().cmp(b.id()));
    assert_eq!(home.accounts().unwrap(), expected);
    assert!(
        expected[0]
            .store(None)
            .unwrap()
            .path()
            .starts_with(expected[0].path())
    );
}

#[test]
fn two_homes_are_two_devices() {
    let directory = tempfile::tempdir().unwrap();
    let open = |name: &str| Home::open(directory.path().join(name)).unwrap();
    assert_ne!(open("one").device(), open("two").device());
}

#[test]
fn a_home_of_a_newer_version_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(Home::open(directory.path()).unwrap());
    let path = directory.path().join("device.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = DELETE; PRAGMA user_version = 7")
        .unwrap();
    connection.close().unwrap();
    let before = fs::read(&path).unwrap();
    let error = Home::open(directory.path()).unwrap_err();
    assert!(
        matches!(error, HomeError::NewerFormat { found: 7, .. }),
        "{error:?}"
    );
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn one_process_drives_an_account_and_others_still_write() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let anna = home.add(&identity("anna")).unwrap();
    let guard = anna.try_drive().unwrap();
    assert!(guard.is_some());
    assert!(anna.try_drive().unwrap().is_none());
    assert!(home.add(&identity("ben")).unwrap().try_drive().unwrap().is_some());
    queue_one(&anna);
    assert!(matches!(
        home.remove(anna.id(), Unsent::Discard, None),
        Err(HomeError::InUse(_))
    ));
    drop(guard);
    assert!(anna.try_drive().unwrap().is_some());
}

#[test]
fn unsent_operations_keep_an_account_until_somebody_says_what_becomes_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let [anna, ben, carl] = ["anna", "ben", "carl"].map(|user| home.add(&identity(user)).unwrap());
    queue_one(&anna);
    queue_one(&ben);
    let error = home.remove(anna.id(), Unsent::Refuse, None).unwrap_err();
    assert!(
        matches!(error, HomeError::Unsent { operations: 1, .. }),
        "{error:?}"
    );
    assert_eq!(home.accounts().unwrap().len(), 3);

    let removed = home.remove(anna.id(), Unsent::ToVault, None).unwrap();
    let vault = removed.vault.unwrap();
    assert_eq!(removed.unsent, Some(1));
    let sealed = SqliteStore::open(vault.join("store.db")).unwrap();
    assert_eq!(sealed.pending().unwrap(), 1);

    let removed = home.remove(ben.id(), Unsent::Discard, None).unwrap();
    assert_eq!((removed.unsent, removed.vault), (Some(1), None));
    let removed = home.remove(carl.id(), Unsent::Refuse, None).unwrap();
    assert_eq!((removed.unsent, removed.vault), (Some(0), None));
    assert!(!ben.path().exists() && !carl.path().exists());
    assert!(home.accounts().unwrap().is_empty());
    assert!(matches!(home.account(ben.id()), Err(HomeError::NoAccount(_))));
}

#[test]
fn a_removal_that_was_cut_is_finished_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let given_up = directory.path().join("accounts/removed-x");
    fs::create_dir(&given_up).unwrap();
    drop(home);
    drop(Home::open(directory.path()).unwrap());
    assert!(!given_up.exists());
}

fn row(content: &str, sent: bool) -> FileRow {
    FileRow {
        content: content.to_owned(),
        entity: entity("Account"),
        id: account(1),
        field: field("contract"),
        size: 5,
        sent,
    }
}

fn store_and_files() -> (tempfile::TempDir, SqliteStore, Files) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(StoreOptions::new(directory.path().join("store.db"))).unwrap();
    let files = Files::open(directory.path().join("files")).unwrap();
    (directory, store, files)
}

#[test]
fn a_file_that_is_about_to_be_named_is_not_swept() {
    let (_directory, store, files) = store_and_files();
    let written = files.write(&mut &b"bytes"[..]).unwrap();
    assert_eq!(written.size, 5);
    assert_eq!(files.sweep(&store).unwrap(), None);
    store
        .commit(batch([Write::PutFile(row(&written.content, false))]))
        .unwrap();
    let content = written.content.clone();
    drop(written);
    let lost = files.write(&mut &b"other"[..]).unwrap().content;
    assert_eq!(files.sweep(&store).unwrap(), Some(1));
    assert!(files.read(&lost).is_err());
    let mut text = String::new();
    files.read(&content).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "bytes");
}

#[test]
fn only_what_the_server_has_is_evicted() {
    let (_directory, store, files) = store_and_files();
    let content = files.write(&mut &b"bytes"[..]).unwrap().content;
    assert!(!files.evict(&store, &content).unwrap());
    for (sent, gone) in [(false, false), (true, true)] {
        store
            .commit(batch([Write::PutFile(row(&content, sent))]))
            .unwrap();
        assert_eq!(files.evict(&store, &content).unwrap(), gone);
        assert_eq!(files.read(&content).is_err(), gone);
    }
}

#[test]
fn a_content_id_is_never_a_path() {
    let (_directory, _store, files) = store_and_files();
    for text in ["../store.db", "sweep.lock", "", "/etc/hostname"] {
        let error = files.read(text).unwrap_err();
        assert!(matches!(error, HomeError::Store(StoreError::Unfit(_))), "{text}");
    }
}
