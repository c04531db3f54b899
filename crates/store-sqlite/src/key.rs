//! Keys, and the record beside a database that tells a wrong key from a damaged file: to SQLCipher both look the same.
//!
//! The record also keeps the salt that SQLCipher has at the beginning of the file. The first page is written whenever the
//! log is moved into the database; if the power fails then, the log makes the page whole again, but a log that is read
//! with a torn salt is not readable.

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
    /// There is no record, or none of the salt: the store is new, or its record was lost or is of an earlier version.
    Unproved,
}

/// Checks a key against the record.
pub(crate) fn check(options: &StoreOptions) -> Result<KeyCheck> {
    if options.key.is_some() && !cfg!(feature = "encryption") {
        return Err(StoreError::Backend(
            "this build cannot encrypt: enable the feature `encryption` of driftless-store-sqlite".into(),
        ));
    }
    match (&options.key, record(&options.path)?) {
        (None, None) => Ok(KeyCheck::Plain),
        (Some(key), Some(record)) if fits(key, &record) => Ok(match salt(&record) {
            Some(_) => KeyCheck::Right,
            None => KeyCheck::Unproved,
        }),
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
    let record = record(&options.path)?;
    // The key and the salt are hexadecimal, so nothing in them can end the text.
    let sql = format!(
        "PRAGMA cipher_log_level = NONE; PRAGMA key = \"x'{}{}'\"",
        hex(key.bytes()),
        record.as_deref().and_then(salt).unwrap_or_default()
    );
    connection.execute_batch(&sql).map_err(of_database)
}

/// Writes the record of a key that has opened its store.
pub(crate) fn remember(connection: &Connection, options: &StoreOptions) -> Result<()> {
    let Some(key) = &options.key else {
        return Ok(());
    };
    let of_file_start: String = connection
        .query_row("PRAGMA cipher_salt", [], |row| row.get(0))
        .map_err(of_database)?;
    let salt = random::name();
    let record = format!("1 {salt} {} {of_file_start}\n", digest(&salt, key));
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

fn record(database: &Path) -> Result<Option<String>> {
    match fs::read_to_string(record_path(database)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(of_file(error)),
    }
}

/// Returns SQLCipher's salt, 16 bytes in hexadecimal, if a record has it.
fn salt(record: &str) -> Option<&str> {
    let salt = record.split_whitespace().nth(3)?;
    (salt.len() == 32 && salt.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(salt)
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
