//! Homes and accounts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Read as _;
use std::path::Path;

use driftless_record::{Applied, OperationState};
use driftless_store::{FileRow, JournalReader as _, OperationSelection, RecordStore as _, StoreError, Write};
use driftless_store_sqlite::home::{Account, Files, Home, HomeError, Identity, Unsent};
use driftless_store_sqlite::{Health, SqliteStore, StoreOptions};
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

#[cfg(unix)]
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

#[test]
fn a_store_that_is_gone_is_told_and_not_replaced_by_an_empty_one() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let anna = home.add(&identity("anna")).unwrap();
    queue_one(&anna);
    let store = anna.path().join("store.db");
    fs::remove_file(&store).unwrap();
    assert!(matches!(anna.store(None), Err(HomeError::StoreMissing { .. })));
    assert!(matches!(
        home.add(&identity("anna")),
        Err(HomeError::StoreMissing { .. })
    ));
    assert!(matches!(
        home.remove(anna.id(), Unsent::Refuse, None),
        Err(HomeError::StoreMissing { .. })
    ));
    assert!(!store.exists());
    fs::remove_dir_all(anna.path()).unwrap();
    assert!(matches!(anna.store(None), Err(HomeError::StoreMissing { .. })));
    assert!(home.set_aside(anna.id(), None).unwrap().path.is_none());
    assert_eq!(anna.store(None).unwrap().pending().unwrap(), 0);
}

#[test]
fn what_is_set_aside_is_whole_in_the_vault_with_what_can_be_read_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let anna = home.add(&identity("anna")).unwrap();
    queue_one(&anna);
    assert_eq!(anna.examine(None).unwrap(), Health::Sound);
    fs::write(anna.path().join("credentials.json"), "secret").unwrap();
    fs::write(anna.path().join("files/bytes"), "unsent").unwrap();
    let store = anna.path().join("store.db");
    let mut bytes = fs::read(&store).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xff);
    fs::write(&store, bytes).unwrap();
    assert!(matches!(anna.examine(None).unwrap(), Health::Damaged(_)));
    let guard = anna.try_drive().unwrap();
    assert!(matches!(
        home.set_aside(anna.id(), None),
        Err(HomeError::InUse(_))
    ));
    drop(guard);

    let aside = home.set_aside(anna.id(), None).unwrap();
    let vault = aside.path.unwrap();
    assert!(vault.starts_with(directory.path().join("vault")));
    assert!(vault.join("store.db").exists() && vault.join("unsent.json").exists());
    assert_eq!(fs::read_to_string(vault.join("files/bytes")).unwrap(), "unsent");
    assert!(!vault.join("credentials.json").exists(), "no secret stays behind");
    let secret = fs::read_to_string(anna.path().join("credentials.json")).unwrap();
    assert_eq!(secret, "secret");
    assert_eq!(home.accounts().unwrap(), std::slice::from_ref(&anna));
    assert_eq!(anna.store(None).unwrap().pending().unwrap(), 0);
    assert_eq!(anna.examine(None).unwrap(), Health::Sound);
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
