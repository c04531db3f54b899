//! Homes and accounts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod aside;
#[cfg(unix)]
mod copied;
mod files;

use std::fs;

use driftless_record::{Applied, OperationState};
use driftless_store::{JournalReader as _, RecordStore as _, StoreError, Write};
use driftless_store_sqlite::SqliteStore;
use driftless_store_sqlite::home::{Account, Home, HomeError, Identity, Unsent};
use driftless_testkit::store::sample::{account, batch, operation, put_operation};

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
fn a_removal_that_was_cut_after_it_was_decided_is_finished_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    for place in ["accounts/removed-", "vault/"] {
        let home = Home::open(directory.path()).unwrap();
        let anna = home.add(&identity("anna")).unwrap();
        queue_one(&anna);
        drop(home);
        fs::create_dir_all(directory.path().join("vault")).unwrap();
        let moved = directory.path().join(format!("{place}{}", anna.id()));
        fs::rename(anna.path(), &moved).unwrap();
        let home = Home::open(directory.path()).unwrap();
        assert_eq!(home.accounts().unwrap(), []);
        assert_eq!(moved.exists(), place == "vault/", "the vault keeps what it has");
    }
}

#[test]
fn a_removal_that_was_cut_before_it_was_decided_leaves_the_account_open_for_edits() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let anna = home.add(&identity("anna")).unwrap();
    let path = anna.store(None).unwrap().path().to_owned();
    let close = "CREATE TRIGGER closed BEFORE INSERT ON entry BEGIN SELECT raise(ABORT, 'closed'); END";
    rusqlite::Connection::open(path)
        .unwrap()
        .execute_batch(close)
        .unwrap();
    let lease = anna.try_drive().unwrap();
    assert!(matches!(anna.store(None).unwrap_err(), HomeError::Leaving(_)));
    drop(lease);
    queue_one(&anna);
}

#[test]
fn a_store_that_cannot_be_closed_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let anna = home.add(&identity("anna")).unwrap();
    queue_one(&anna);
    let path = anna.path().join("store.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA user_version = 99").unwrap();
    for unsent in [Unsent::Discard, Unsent::ToVault] {
        let error = home.remove(anna.id(), unsent, None).unwrap_err();
        assert!(
            matches!(error, HomeError::Store(StoreError::NewerFormat { .. })),
            "{error:?}"
        );
        assert!(path.exists());
    }
    assert_eq!(home.accounts().unwrap().len(), 1);
}

/// Makes a home keep the rows of its accounts, until the trigger `stays` is dropped.
fn with_rows_that_stay(home: &std::path::Path) -> rusqlite::Connection {
    let database = rusqlite::Connection::open(home.join("device.db")).unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER stays BEFORE DELETE ON account BEGIN SELECT raise(ABORT, 'not now'); END",
        )
        .unwrap();
    database
}

#[test]
fn what_fails_after_a_removal_was_decided_is_no_failure_and_done_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let anna = home.add(&identity("anna")).unwrap();
    queue_one(&anna);
    let database = with_rows_that_stay(directory.path());
    let removed = home.remove(anna.id(), Unsent::ToVault, None).unwrap();
    assert_eq!(removed.unsent, Some(1));
    assert!(removed.vault.unwrap().join("store.db").exists());
    database.execute_batch("DROP TRIGGER stays").unwrap();
    let home = Home::open(directory.path()).unwrap();
    assert_eq!(home.accounts().unwrap(), []);
}

/// Whoever removed an account must not be shown it, nor hear when he signs in again that its data are gone.
#[test]
fn an_account_whose_row_outlived_its_removal_is_in_no_list_and_its_user_can_sign_in_again() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let other = Home::open(directory.path()).unwrap();
    let anna = home.add(&identity("anna")).unwrap();
    home.set_current(anna.id()).unwrap();
    queue_one(&anna);
    let database = with_rows_that_stay(directory.path());
    home.remove(anna.id(), Unsent::Discard, None).unwrap();
    for home in [&home, &other] {
        assert_eq!(home.accounts().unwrap(), []);
        assert_eq!(home.current().unwrap(), None);
        assert!(matches!(home.account(anna.id()), Err(HomeError::NoAccount(_))));
    }
    assert!(home.add(&identity("anna")).is_err(), "the row is in the way");
    database.execute_batch("DROP TRIGGER stays").unwrap();
    let again = home.add(&identity("anna")).unwrap();
    assert_ne!(again.id(), anna.id());
    assert_eq!(again.store(None).unwrap().pending().unwrap(), 0);
    drop((home, other));
    let home = Home::open(directory.path()).unwrap();
    assert_eq!(home.accounts().unwrap(), [again]);
}

#[test]
fn what_was_sent_keeps_no_account() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let anna = home.add(&identity("anna")).unwrap();
    queue_one(&anna);
    let sent = operation(1, &account(1), OperationState::Applied(Applied::Accepted));
    let store = anna.store(None).unwrap();
    store.commit(batch([put_operation(sent)])).unwrap();
    let removed = home.remove(anna.id(), Unsent::Refuse, None).unwrap();
    assert_eq!(removed.unsent, Some(0));
}

#[test]
fn an_edit_after_the_removal_is_refused_and_never_lost() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    for unsent in [Unsent::Refuse, Unsent::Discard, Unsent::ToVault] {
        let anna = home.add(&identity("anna")).unwrap();
        let other = anna.store(None).unwrap();
        home.remove(anna.id(), unsent, None).unwrap();
        let late = operation(1, &account(1), OperationState::Queued);
        let error = other.commit(batch([put_operation(late)])).unwrap_err();
        assert!(matches!(error, StoreError::Closed), "{error:?}");
    }
}

#[test]
fn an_edit_that_races_with_a_removal_is_counted_or_refused() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let (mut kept, mut refused) = (0, 0);
    for round in 0..40_u32 {
        let anna = home.add(&identity("anna")).unwrap();
        let store = anna.store(None).unwrap();
        let (saved, removed) = std::thread::scope(|scope| {
            let saved = scope.spawn(|| {
                // A turn of its own before the edit, longer each round.
                for note in 0..round % 8 {
                    let _ = store.commit(batch([Write::PutNote(format!("{note}"), Some(vec![1]))]));
                }
                let edit = operation(1, &account(1), OperationState::Queued);
                store.commit(batch([put_operation(edit)]))
            });
            let removed = home.remove(anna.id(), Unsent::Refuse, None);
            (saved.join().unwrap(), removed)
        });
        match (saved, removed) {
            (Ok(_), Err(HomeError::Unsent { operations: 1, .. })) => {
                kept += 1;
                assert_eq!(anna.store(None).unwrap().pending().unwrap(), 1);
                home.remove(anna.id(), Unsent::Discard, None).unwrap();
            }
            (Err(StoreError::Closed), Ok(_)) => refused += 1,
            // The edit was saved after the removal had looked and given up.
            other => panic!("round {round}: {other:?}"),
        }
    }
    assert_eq!(kept + refused, 40);
}

#[test]
fn two_processes_that_finish_a_removal_at_once_do_not_hinder_each_other() {
    let directory = tempfile::tempdir().unwrap();
    drop(Home::open(directory.path()).unwrap());
    for _ in 0..10 {
        let given_up = directory.path().join("accounts/removed-x");
        for part in 0..20 {
            fs::create_dir_all(given_up.join(format!("{part}/files"))).unwrap();
            fs::write(given_up.join(format!("{part}/files/bytes")), "x").unwrap();
        }
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| Home::open(directory.path()).unwrap());
            }
        });
        drop(Home::open(directory.path()).unwrap());
        assert!(!given_up.exists());
    }
}

#[test]
fn two_processes_that_add_an_account_at_once_get_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let homes = [(); 4].map(|()| Home::open(directory.path()).unwrap());
    let ids: Vec<_> = std::thread::scope(|scope| {
        let adding: Vec<_> = homes
            .iter()
            .map(|home| scope.spawn(|| home.add(&identity("anna")).unwrap().id().to_owned()))
            .collect();
        adding.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(homes[0].accounts().unwrap().len(), 1);
}
