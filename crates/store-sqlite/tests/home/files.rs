//! Bytes of files.

use std::io::Read as _;

use driftless_store::{FileRow, RecordStore as _, StoreError, Write};
use driftless_store_sqlite::home::{Files, HomeError};
use driftless_store_sqlite::{SqliteStore, StoreOptions};
use driftless_testkit::store::sample::{account, batch, entity, field};

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
