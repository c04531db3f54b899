//! Disks, and where SQLite finds them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::fault::{Fault, Plan};
use crate::file::lock;
use crate::state::State;
use crate::vfs;

/// Where disks are mounted: the number of the disk follows, then the name of a file.
const ROOT: &str = "/fault-vfs/";

/// Every disk that there is.
static MOUNTED: Mutex<BTreeMap<u64, Arc<Mutex<State>>>> = Mutex::new(BTreeMap::new());

thread_local! {
    /// The disk that has this thread's temporary files: the last one that it made.
    static LATEST: Cell<u64> = const { Cell::new(0) };
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
    number: u64,
    state: Arc<Mutex<State>>,
}

impl Disk {
    /// Makes a disk with files that are synced.
    #[must_use]
    pub fn new(drive: Drive, files: &Image) -> Self {
        vfs::register();
        let state = Arc::new(Mutex::new(State::new(drive, files)));
        let mut mounted = lock(&MOUNTED);
        let number = mounted.last_key_value().map_or(1, |(last, _)| last + 1);
        mounted.insert(number, Arc::clone(&state));
        LATEST.set(number);
        Self { number, state }
    }

    /// Returns the path of a file on the disk.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        Path::new(&format!("{ROOT}{}/{name}", self.number)).to_path_buf()
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
        lock(&MOUNTED).remove(&self.number);
    }
}

/// Finds the disk and the name on it that a path means.
pub(crate) fn resolve(path: &str) -> Option<(Arc<Mutex<State>>, &str)> {
    let (number, name) = path.strip_prefix(ROOT)?.split_once('/')?;
    let disk = mounted(number.parse().ok()?)?;
    Some((disk, name))
}

/// Returns the disk for temporary files of this thread.
pub(crate) fn of_thread() -> Option<Arc<Mutex<State>>> {
    mounted(LATEST.get())
}

fn mounted(number: u64) -> Option<Arc<Mutex<State>>> {
    lock(&MOUNTED).get(&number).map(Arc::clone)
}
