//! How a suite gets at stores.

use std::path::Path;

use driftless_store::RecordStore;

/// Opens the store under test. A factory has one place for data; a fresh factory has an empty one.
pub trait StoreFactory {
    /// The store.
    type Store: RecordStore;

    /// Opens the store: empty the first time.
    fn open(&mut self) -> Self::Store;

    /// Closes the store and opens it again.
    fn reopen(&mut self, store: Self::Store) -> Self::Store;

    /// Returns what keeps the bytes of files beside the store, if anything does.
    fn files(&self) -> Option<Box<dyn FileKeeper<Self::Store>>> {
        None
    }
}

/// Keeps the bytes of files beside a store.
pub trait FileKeeper<S> {
    /// Writes bytes and returns their content id.
    fn write(&self, bytes: &[u8]) -> String;

    /// Returns the bytes of a content id, if they are there.
    fn read(&self, content: &str) -> Option<Vec<u8>>;

    /// Removes what no file row of the store names, as at the start of a process.
    fn sweep(&self, store: &S);
}

/// A store whose data live as long as it does.
#[derive(Debug)]
pub struct Volatile<F>(pub F);

impl<S: RecordStore, F: Fn() -> S> StoreFactory for Volatile<F> {
    type Store = S;

    fn open(&mut self) -> S {
        (self.0)()
    }

    fn reopen(&mut self, store: S) -> S {
        store
    }
}

/// Opens the place for file bytes in a directory.
pub type OpenFiles<S> = fn(&Path) -> Box<dyn FileKeeper<S>>;

/// A store in a directory of its own.
#[derive(Debug)]
pub struct OnDisk<D, S> {
    directory: D,
    open: fn(&Path) -> S,
    files: Option<OpenFiles<S>>,
}

impl<D, S> OnDisk<D, S> {
    /// Takes a directory, which is held as long as the factory is, and what opens a store in it.
    pub fn new(directory: D, open: fn(&Path) -> S) -> Self {
        Self {
            directory,
            open,
            files: None,
        }
    }

    /// Takes what opens the place for file bytes in the directory.
    #[must_use]
    pub fn with_files(self, files: OpenFiles<S>) -> Self {
        Self {
            files: Some(files),
            ..self
        }
    }
}

impl<D: AsRef<Path>, S: RecordStore> StoreFactory for OnDisk<D, S> {
    type Store = S;

    fn open(&mut self) -> S {
        (self.open)(self.directory.as_ref())
    }

    fn reopen(&mut self, store: S) -> S {
        drop(store);
        self.open()
    }

    fn files(&self) -> Option<Box<dyn FileKeeper<S>>> {
        self.files.map(|files| files(self.directory.as_ref()))
    }
}
