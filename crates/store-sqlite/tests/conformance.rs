//! The SQLite store keeps the contract of the port.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Read as _;
use std::path::Path;

use driftless_store_sqlite::SqliteStore;
use driftless_store_sqlite::home::Files;
use driftless_testkit::store::{FileKeeper, OnDisk};

driftless_testkit::store_conformance!(
    OnDisk::new(tempfile::tempdir().unwrap(), |directory: &Path| {
        SqliteStore::open(directory.join("store.db")).unwrap()
    })
    .with_files(|directory| Box::new(Beside(Files::open(directory.join("files")).unwrap())))
);

/// The files of a home, for the suite.
struct Beside(Files);

impl FileKeeper<SqliteStore> for Beside {
    fn write(&self, mut bytes: &[u8]) -> String {
        self.0.write(&mut bytes).unwrap().content
    }

    fn read(&self, content: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.0.read(content).ok()?.read_to_end(&mut bytes).unwrap();
        Some(bytes)
    }

    fn sweep(&self, store: &SqliteStore) {
        self.0.sweep(store).unwrap();
    }
}
