//! The SQLite store keeps the contract of the port.

use std::path::Path;

use driftless_store_sqlite::SqliteStore;
use driftless_testkit::store::OnDisk;

driftless_testkit::store_conformance!(OnDisk::new(tempfile::tempdir().unwrap(), |directory: &Path| {
    SqliteStore::open(directory.join("store.db")).unwrap()
}));
