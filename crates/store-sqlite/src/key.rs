//! Keys, and the record beside a database that tells a wrong key from a damaged file: to SQLCipher both look the same.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use driftless_store::StoreError;
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use crate::error::{Result, of_database, of_file};
use crate::{Key, StoreOptions, random};

/// What is known of a store's key before the database is touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyCheck {
    /// The store has no key, and none was given.
    Plain,
    /// The record says that the key is the right one.
    Right,
    /// There is no record: the store is new, or its record was lost.
    Unproved,
}

/// Checks a key against the record.
pub(crate) fn check(options: &StoreOptions) -> Result<KeyCheck> {
    if options.key.is_some() && !cfg!(feature = "encryption") {
        return Err(StoreError::Backend(
            "this build cannot encrypt: enable the feature `encryption` of driftless-store-sqlite".into(),
        ));
    }
    let record = match fs::read_to_string(record_path(&options.path)) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(of_file(error)),
    };
    match (&options.key, record) {
        (None, None) => Ok(KeyCheck::Plain),
        (Some(key), Some(record)) if fits(key, &record) => Ok(KeyCheck::Right),
        (_, Some(_)) => Err(StoreError::WrongKey),
        (Some(_), None) if is_plain(&options.path)? => Err(StoreError::WrongKey),
        (Some(_), None) => Ok(KeyCheck::Unproved),
    }
}

/// Gives a fresh connection its key.
pub(crate) fn apply(connection: &Connection, options: &StoreOptions) -> Result<()> {
    let Some(key) = &options.key else {
        return Ok(());
    };
    // The key is hexadecimal, so nothing in it can end the text.
    let sql = format!(
        "PRAGMA cipher_log_level = NONE; PRAGMA key = \"x'{}'\"",
        hex(key.bytes())
    );
    connection.execute_batch(&sql).map_err(of_database)
}

/// Writes the record of a key that has opened its store.
pub(crate) fn remember(options: &StoreOptions) -> Result<()> {
    let Some(key) = &options.key else {
        return Ok(());
    };
    let salt = random::name();
    let record = format!("1 {salt} {}\n", digest(&salt, key));
    let path = record_path(&options.path);
    let draft = path.with_extension("key-draft");
    let write = || {
        let mut file = fs::File::create(&draft)?;
        file.write_all(record.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)
    };
    write().map_err(of_file)
}

/// Returns the path of the record beside a database.
pub(crate) fn record_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

fn fits(key: &Key, record: &str) -> bool {
    let mut parts = record.split_whitespace();
    match (parts.next(), parts.next(), parts.next()) {
        (Some("1"), Some(salt), Some(found)) => found == digest(salt, key),
        _ => false,
    }
}

fn digest(salt: &str, key: &Key) -> String {
    let mut hash = Sha256::new();
    hash.update(b"driftless key check 1");
    hash.update(salt.as_bytes());
    hash.update(key.bytes());
    hex(&hash.finalize())
}

/// Returns whether a database is there that nothing encrypts.
fn is_plain(path: &Path) -> Result<bool> {
    use std::io::Read as _;
    let mut start = [0; 16];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    match read {
        Ok(()) => Ok(start == *b"SQLite format 3\0"),
        Err(error) => match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::UnexpectedEof => Ok(false),
            _ => Err(of_file(error)),
        },
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
