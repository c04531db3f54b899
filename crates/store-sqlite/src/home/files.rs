//! The bytes of files, beside the store.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::PathBuf;

use driftless_store::StoreError;

use super::HomeError;
use crate::{SqliteStore, folder, random};

/// A folder of file bytes under random names.
///
/// Bytes are written and synced before the commit that names them. What no file row names is swept, but never while
/// anyone holds a [`WrittenFile`] whose commit may be still to come.
#[derive(Debug, Clone)]
pub struct Files {
    path: PathBuf,
}

/// Bytes that were written, to be named by a file row. Hold it until that commit is done.
#[derive(Debug)]
pub struct WrittenFile {
    /// The content id for the file row and the file value.
    pub content: String,
    /// The size in bytes.
    pub size: u64,
    _hold: File,
}

impl Files {
    /// Opens a folder, and makes it if it is not there.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, HomeError> {
        let path = path.into();
        fs::create_dir_all(&path)?;
        Ok(Self { path })
    }

    /// Writes bytes under a new content id, durable when it returns.
    ///
    /// # Errors
    /// Those of the file system or of the source.
    pub fn write(&self, source: &mut dyn Read) -> Result<WrittenFile, HomeError> {
        let hold = self.lock_file()?;
        hold.lock_shared()?;
        let content = random::name();
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(self.path.join(&content))?;
        let size = io::copy(source, &mut file)?;
        file.sync_all()?;
        folder::sync(&self.path)?;
        Ok(WrittenFile {
            content,
            size,
            _hold: hold,
        })
    }

    /// Opens the bytes of a content id.
    ///
    /// # Errors
    /// Those of the file system; also if the text is not a content id.
    pub fn read(&self, content: &str) -> Result<File, HomeError> {
        Ok(File::open(self.place(content)?)?)
    }

    /// Removes what no file row of the store names. Returns how many files went; `None` if somebody is about to name
    /// one, and nothing was done.
    ///
    /// # Errors
    /// The store's, or those of the file system.
    pub fn sweep(&self, store: &SqliteStore) -> Result<Option<u64>, HomeError> {
        let lock = self.lock_file()?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let named = store.file_contents()?;
        let mut swept = 0;
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let Some(name) = name.to_str() else { continue };
            if is_content_id(name) && !named.contains(name) {
                fs::remove_file(self.path.join(name))?;
                swept += 1;
            }
        }
        Ok(Some(swept))
    }

    /// Removes the bytes of a file that the server has, to save room. Returns whether they went: bytes that were not
    /// sent never do.
    ///
    /// # Errors
    /// The store's, or those of the file system.
    pub fn evict(&self, store: &SqliteStore, content: &str) -> Result<bool, HomeError> {
        if !store.is_sent(content)? {
            return Ok(false);
        }
        match fs::remove_file(self.place(content)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            done => Ok(done.map(|()| true)?),
        }
    }

    fn place(&self, content: &str) -> Result<PathBuf, HomeError> {
        if is_content_id(content) {
            return Ok(self.path.join(content));
        }
        Err(StoreError::Unfit("not a content id".to_owned()).into())
    }

    fn lock_file(&self) -> Result<File, HomeError> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        Ok(options.open(self.path.join("sweep.lock"))?)
    }
}

/// Content ids are made here, and nothing else is ever a path.
fn is_content_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
