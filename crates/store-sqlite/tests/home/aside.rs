//! Data that are damaged or gone.

use std::fs;

use driftless_store::JournalReader as _;
use driftless_store_sqlite::Health;
use driftless_store_sqlite::home::{Account, Home, HomeError, Unsent};

use crate::{identity, queue_one};

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

/// Fills half of a store with nonsense, behind the operations.
fn damage(anna: &Account) {
    let store = anna.path().join("store.db");
    let mut bytes = fs::read(&store).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xff);
    fs::write(&store, bytes).unwrap();
}

#[test]
fn setting_aside_that_failed_half_way_hides_nothing_and_goes_on_from_there() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let anna = home.add(&identity("anna")).unwrap();
    queue_one(&anna);
    fs::write(anna.path().join("credentials.json"), "secret").unwrap();
    damage(&anna);
    // What could be read cannot be written here.
    fs::create_dir(anna.path().join("unsent.json")).unwrap();
    for _ in 0..2 {
        home.set_aside(anna.id(), None).unwrap_err();
        assert!(matches!(anna.store(None), Err(HomeError::StoreMissing { .. })));
        assert!(matches!(anna.examine(None).unwrap(), Health::Damaged(_)));
    }
    let vault = directory
        .path()
        .join("vault")
        .join(format!("damaged-{}", anna.id()));
    fs::remove_dir(vault.join("unsent.json")).unwrap();
    let aside = home.set_aside(anna.id(), None).unwrap();
    assert_eq!((aside.path, aside.operations.len()), (Some(vault.clone()), 1));
    assert!(vault.join("unsent.json").is_file() && !vault.join("credentials.json").exists());
    assert!(anna.path().join("credentials.json").exists());
    assert_eq!(anna.store(None).unwrap().pending().unwrap(), 0);
}

#[test]
fn setting_aside_that_was_cut_goes_on_wherever_that_was() {
    for (mark, has_folder) in [("being-set-aside", false), ("being-set-aside", true), ("", true)] {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::open(directory.path()).unwrap();
        let anna = home.add(&identity("anna")).unwrap();
        queue_one(&anna);
        fs::write(anna.path().join("credentials.json"), "secret").unwrap();
        let name = format!("damaged-{}", anna.id());
        let vault = directory.path().join("vault");
        // One from an earlier time, which is over.
        fs::create_dir_all(vault.join(&name)).unwrap();
        let vault = vault.join(format!("{name}-2"));
        fs::rename(anna.path(), &vault).unwrap();
        if !mark.is_empty() {
            fs::write(vault.join(mark), "").unwrap();
        }
        if has_folder {
            fs::create_dir_all(anna.path().join("files")).unwrap();
            fs::write(anna.path().join("had-store"), format!("{name}-2")).unwrap();
        }
        assert!(matches!(anna.store(None), Err(HomeError::StoreMissing { .. })));
        assert!(matches!(anna.examine(None).unwrap(), Health::Damaged(_)));
        drop(home);
        let home = Home::open(directory.path()).unwrap();
        let aside = home.set_aside(anna.id(), None).unwrap();
        assert_eq!((aside.path, aside.operations.len()), (Some(vault.clone()), 1));
        assert!(!aside.incomplete);
        assert!(anna.path().join("credentials.json").exists());
        assert!(!vault.join("credentials.json").exists() && !vault.join("being-set-aside").exists());
        assert_eq!(anna.store(None).unwrap().pending().unwrap(), 0);
        assert_eq!(anna.examine(None).unwrap(), Health::Sound);
    }
}

#[test]
fn a_store_that_was_emptied_is_told_and_not_taken_for_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let anna = home.add(&identity("anna")).unwrap();
    queue_one(&anna);
    let store = anna.path().join("store.db");
    fs::write(&store, "").unwrap();
    assert!(matches!(anna.store(None), Err(HomeError::StoreMissing { .. })));
    assert!(matches!(anna.examine(None).unwrap(), Health::Damaged(_)));
    let aside = home.set_aside(anna.id(), None).unwrap();
    assert!(aside.incomplete && aside.path.is_some());
    assert_eq!(anna.store(None).unwrap().pending().unwrap(), 0);
}
