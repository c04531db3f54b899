//! How a store is opened.

use std::fmt;
use std::path::{Path, PathBuf};

/// A key of 32 random bytes that encrypts a store. It never shows in debug text.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// Takes the bytes of a key; they must come from a source of cryptographic randomness.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The database file; it is made if it is not there.
    pub path: PathBuf,
    /// The key of an encrypted store. Needs the feature `encryption`.
    pub key: Option<Key>,
}

impl StoreOptions {
    /// Makes the options of a store without a key.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            key: None,
        }
    }

    /// Returns the options with a key.
    #[must_use]
    pub fn with_key(self, key: Key) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }
}

impl From<&Path> for StoreOptions {
    fn from(path: &Path) -> Self {
        Self::new(path)
    }
}

impl From<PathBuf> for StoreOptions {
    fn from(path: PathBuf) -> Self {
        Self::new(path)
    }
}
