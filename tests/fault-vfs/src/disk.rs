//! Disks, and where SQLite finds them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::fault::{Fault, Plan};
use crate::file::lock;
use crate::state::State;
use crate::vfs;

/// The folder of the disks that have no folder of their own; a number follows.
const ROOT: &str = "/fault-vfs/";

/// Every disk that there is, by the folder whose files lie on it.
static MOUNTED: Mutex<BTreeMap<PathBuf, Arc<Mutex<State>>>> = Mutex::new(BTreeMap::new());

/// How many disks were made without a folder.
static MADE: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The disk that has this thread's temporary files: the last one that it made.
    static LATEST: RefCell<Weak<Mutex<State>>> = const { RefCell::new(Weak::new()) };
}

/// What kind of a disk it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drive {
    /// What decides which unsynced bytes a power cut takes.
    pub seed: u64,
    /// Whether bytes beside those that are being written are safe when the power fails.
    pub powersafe: bool,
    /// Whether it says that bytes are synced when they are not.
    pub lies: bool,
}

/// The files of a disk by name.
pub type Image = BTreeMap<String, Vec<u8>>;

/// A disk in memory. Everything that SQLite opens under [`Disk::path`] in this process lies on it; whatever else it
/// opens lies where it always does.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    state: Arc<Mutex<State>>,
}

impl Disk {
    /// Makes a disk with files that are synced.
    #[must_use]
    pub fn new(drive: Drive, files: &Image) -> Self {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        Self::over(Path::new(&format!("{ROOT}{number}")), drive, files)
    }

    /// Makes a disk for what SQLite keeps in a real folder, but not below it. Whatever else the program does with the
    /// folder happens on the real file system, where nothing fails.
    #[must_use]
    pub fn over(folder: &Path, drive: Drive, files: &Image) -> Self {
        vfs::register();
        let state = Arc::new(Mutex::new(State::new(drive, files)));
        lock(&MOUNTED).insert(folder.to_owned(), Arc::clone(&state));
        LATEST.set(Arc::downgrade(&state));
        Self {
            folder: folder.to_owned(),
            state,
        }
    }

    /// Returns the path of a file on the disk.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Sets a fault to come. Calls are counted from now on.
    pub fn arm(&self, fault: Fault) {
        lock(&self.state).plan = Some(Plan::new(fault));
    }

    /// Says whether the fault has come.
    #[must_use]
    pub fn fired(&self) -> bool {
        lock(&self.state).plan.as_ref().is_some_and(Plan::fired)
    }

    /// Takes the fault back, if it has not come; one that lasts ends. Returns how many calls could have gone wrong, and
    /// whether one did.
    #[must_use]
    pub fn disarm(&self) -> (u64, bool) {
        let plan = lock(&self.state).plan.take();
        plan.map_or((0, false), |plan| (plan.seen(), plan.fired()))
    }

    /// Ends everybody who has files open, as the end of a process does.
    pub fn kill(&self) {
        lock(&self.state).kill();
    }

    /// Loses power: as [`Disk::kill`], and of what was not synced any part is lost.
    pub fn cut_power(&self) {
        lock(&self.state).cut_power();
    }

    /// Returns the files as programs see them.
    #[must_use]
    pub fn image(&self) -> Image {
        lock(&self.state).image()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        lock(&MOUNTED).remove(&self.folder);
    }
}

/// Finds the disk and the name on it that a path means.
pub(crate) fn resolve(path: &str) -> Option<(Arc<Mutex<State>>, &str)> {
    let (folder, name) = path.rsplit_once('/')?;
    let disk = lock(&MOUNTED).get(Path::new(folder)).map(Arc::clone)?;
    Some((disk, name))
}

/// Returns the disk for temporary files of this thread.
pub(crate) fn of_thread() -> Option<Arc<Mutex<State>>> {
    LATEST.with_borrow(Weak::upgrade)
}
