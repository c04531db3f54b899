//! A home that a newer version of driftless wrote: it is refused with words that help, and not a byte of it changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Device, Reference};

/// Files that hold what the device knows. What SQLite keeps beside them (`-shm`) is no data.
fn contents(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            contents(&path, files);
        } else if !path.to_str().unwrap().ends_with("-shm") {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}

/// Finds a database in a home.
fn database(home: &Path, name: &str) -> PathBuf {
    let mut files = BTreeMap::new();
    contents(home, &mut files);
    let is_it = |path: &&PathBuf| path.file_name().is_some_and(|file| file == name);
    files.keys().find(is_it).unwrap().clone()
}

/// Sets a database's version and returns the one that it had.
fn set_version(database: &Path, version: i64) -> i64 {
    let connection = rusqlite::Connection::open(database).unwrap();
    let before = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    connection.pragma_update(None, "user_version", version).unwrap();
    // Everything into the file, so that the next process finds nothing to tidy up.
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    before
}

#[tokio::test]
async fn a_home_of_a_newer_version_is_refused_and_stays_as_it_is() {
    let mut server = Reference::start(&["--seed-data", "60"]).await;
    let device = Device::new();
    let url = server.url().to_owned();
    device
        .sign_in_with(&url, "alice", "driftless")
        .await
        .expect_code(0);
    device.run(&["download"]).await.expect_code(0);
    server.kill().await;
    device.create("Account", &["name=Not sent"]).await;

    for name in ["device.db", "store.db"] {
        let database = database(device.home(), name);
        let version = set_version(&database, 999);
        let mut before = BTreeMap::new();
        contents(device.home(), &mut before);
        for command in [
            &["list", "Account"] as &[_],
            &["create", "Account", "name=x"],
            &["outbox"],
            &["sync"],
            &["logout"],
        ] {
            let run = device.run(command).await.expect_code(1);
            assert_eq!(run.json["error"]["code"], "other-version", "{run:?}");
            let said = run.json["error"].to_string();
            assert!(said.contains("999") && said.contains("--home"), "{said}");
            let mut after = BTreeMap::new();
            contents(device.home(), &mut after);
            assert!(after == before, "`{}` changed {name}'s home", run.line);
        }
        set_version(&database, version);
    }
    // With the version that it was written by, everything is there.
    assert_eq!(device.outbox().await.len(), 1);
}
