//! Stores with a key.

use std::fs;

use driftless_store::StoreError;
use driftless_store_sqlite::{Key, SqliteStore, StoreOptions};

fn key(byte: u8) -> Key {
    Key::new([byte; 32])
}

#[cfg(not(feature = "encryption"))]
#[test]
fn a_key_without_the_feature_is_an_error_and_makes_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let error = SqliteStore::open(StoreOptions::new(&path).with_key(key(1))).unwrap_err();
    assert!(matches!(error, StoreError::Backend(_)), "{error:?}");
    assert!(!path.exists());
}

#[test]
fn a_store_without_a_key_is_not_opened_with_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(SqliteStore::open(path.clone()).unwrap());
    let before = fs::read(&path).unwrap();
    let error = SqliteStore::open(StoreOptions::new(&path).with_key(key(1))).unwrap_err();
    let expected = if cfg!(feature = "encryption") {
        matches!(error, StoreError::WrongKey)
    } else {
        matches!(error, StoreError::Backend(_))
    };
    assert!(expected, "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[cfg(feature = "encryption")]
mod encrypted {
    use driftless_store::{RecordStore as _, ViewReader as _};
    use driftless_testkit::store::sample::{account, batch, entity, put_account, schema_batch};

    use super::*;

    const CANARY: &str = "canary-7c1d";

    fn filled(directory: &std::path::Path) -> StoreOptions {
        let options = StoreOptions::new(directory.join("store.db")).with_key(key(1));
        let store = SqliteStore::open(options.clone()).unwrap();
        store.commit(schema_batch()).unwrap();
        store.commit(batch([put_account(1, CANARY)])).unwrap();
        options
    }

    #[test]
    fn nothing_readable_is_on_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let options = filled(directory.path());
        let store = SqliteStore::open(options).unwrap();
        store.commit(batch([put_account(2, CANARY)])).unwrap();
        let mut files = 0;
        for file in fs::read_dir(directory.path()).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            let has = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
            assert!(!has(CANARY.as_bytes()) && !has(b"SQLite format"));
            files += 1;
        }
        assert!(files >= 3, "the database, its log and the key check");
    }

    #[test]
    fn the_right_key_opens_and_others_are_told_from_damage() {
        let directory = tempfile::tempdir().unwrap();
        let options = filled(directory.path());
        let store = SqliteStore::open(options.clone()).unwrap();
        assert!(store.get(&entity("Account"), &account(1)).unwrap().is_some());
        drop(store);
        for wrong in [Some(key(2)), None] {
            let error = SqliteStore::open(StoreOptions {
                key: wrong,
                ..options.clone()
            })
            .unwrap_err();
            assert!(matches!(error, StoreError::WrongKey), "{error:?}");
        }
        fs::write(&options.path, [7; 8192]).unwrap();
        let error = SqliteStore::open(options).unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
    }

    #[test]
    fn a_lost_key_check_is_made_again_by_the_right_key() {
        let directory = tempfile::tempdir().unwrap();
        let options = filled(directory.path());
        let check = directory.path().join("store.db.key");
        fs::remove_file(&check).unwrap();
        let wrong = StoreOptions::new(&options.path).with_key(key(2));
        assert!(SqliteStore::open(wrong).is_err());
        assert!(!check.exists());
        drop(SqliteStore::open(options).unwrap());
        assert!(check.exists());
    }

    #[test]
    fn a_store_is_read_with_a_torn_salt_and_an_earlier_record_learns_the_salt() {
        let directory = tempfile::tempdir().unwrap();
        let options = filled(directory.path());
        let check = directory.path().join("store.db.key");
        let record = fs::read_to_string(&check).unwrap();
        let earlier: Vec<_> = record.split_whitespace().take(3).collect();
        fs::write(&check, earlier.join(" ")).unwrap();
        drop(SqliteStore::open(options.clone()).unwrap());
        let salt = |record: &str| record.split_whitespace().nth(3).map(str::to_owned);
        assert_eq!(salt(&fs::read_to_string(&check).unwrap()), salt(&record));
        let mut bytes = fs::read(&options.path).unwrap();
        bytes[..16].fill(0);
        fs::write(&options.path, bytes).unwrap();
        let store = SqliteStore::open(options).unwrap();
        assert!(store.get(&entity("Account"), &account(1)).unwrap().is_some());
    }
}
