//! The state of a disk: its files, their names, and what is to go wrong.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rusqlite::ffi;

use crate::content::Content;
use crate::disk::Drive;
use crate::fault::{Call, Course, Plan};
use crate::locks::{FileLocks, Shared};

/// The result of a call: a number that SQLite knows is its error.
pub(crate) type Result<T = (), E = c_int> = std::result::Result<T, E>;

/// What a call may do that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// All of it.
    Whole,
    /// The first part, and what comes after it fails.
    Part,
    /// All of it, but the power fails before anybody hears of it.
    Last,
}

/// A disk.
#[derive(Debug)]
pub(crate) struct State {
    files: BTreeMap<u64, Content>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    unsynced_names: Vec<(String, Option<u64>)>,
    /// The next number of a file or of one who has it open.
    next: u64,
    /// Grows when all who have files open are gone. Who comes from before cannot do anything.
    pub(crate) epoch: u64,
    pub(crate) drive: Drive,
    pub(crate) plan: Option<Plan>,
    pub(crate) locks: BTreeMap<u64, FileLocks>,
    pub(crate) shared: BTreeMap<u64, Arc<Mutex<Shared>>>,
    random: StdRng,
}

impl State {
    /// Makes a disk with files that are synced.
    pub(crate) fn new(drive: Drive, files: &BTreeMap<String, Vec<u8>>) -> Self {
        let mut state = Self {
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            next: 0,
            epoch: 0,
            drive,
            plan: None,
            locks: BTreeMap::new(),
            shared: BTreeMap::new(),
            random: StdRng::seed_from_u64(drive.seed),
        };
        for (name, bytes) in files {
            let number = state.number();
            state.files.insert(number, Content::durable(bytes.clone()));
            state.names.insert(name.clone(), number);
        }
        state.durable_names.clone_from(&state.names);
        state
    }

    /// Returns a number that nothing has yet.
    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Says how a call goes; an error is its answer.
    pub(crate) fn begin(&mut self, call: Call) -> Result<Leave> {
        match self.plan.as_mut().map_or(Course::Well, |plan| plan.course(call)) {
            Course::Well => Ok(Leave::Whole),
            Course::Short => Ok(Leave::Part),
            Course::PowerCut => Ok(Leave::Last),
            Course::Fails(code) => Err(code),
            Course::Killed => {
                self.kill();
                Err(ffi::SQLITE_IOERR)
            }
        }
    }

    /// Ends a call: if it was the last, the power fails.
    pub(crate) fn end(&mut self, leave: Leave) -> Result {
        if leave == Leave::Last {
            self.cut_power();
            return Err(ffi::SQLITE_IOERR);
        }
        Ok(())
    }

    pub(crate) fn find(&self, name: &str) -> Option<u64> {
        self.names.get(name).copied()
    }

    pub(crate) fn file(&self, number: u64) -> Result<&Content> {
        self.files.get(&number).ok_or(ffi::SQLITE_IOERR)
    }

    pub(crate) fn file_mut(&mut self, number: u64) -> Result<&mut Content> {
        self.files.get_mut(&number).ok_or(ffi::SQLITE_IOERR)
    }

    /// Makes a file, with or without a name.
    pub(crate) fn create(&mut self, name: Option<&str>) -> u64 {
        let number = self.number();
        self.files.insert(number, Content::default());
        if let Some(name) = name {
            self.names.insert(name.to_owned(), number);
            self.unsynced_names.push((name.to_owned(), Some(number)));
        }
        number
    }

    pub(crate) fn unlink(&mut self, name: &str) {
        self.names.remove(name);
        self.unsynced_names.push((name.to_owned(), None));
    }

    /// Removes a file that never had a name.
    pub(crate) fn discard(&mut self, number: u64) {
        self.files.remove(&number);
    }

    /// Brings a file to the disk; with a folder, the names in it too.
    pub(crate) fn sync(&mut self, number: u64, folder: bool) -> Result {
        if self.drive.lies {
            return Ok(());
        }
        self.file_mut(number)?.sync();
        if folder {
            self.sync_names();
        }
        Ok(())
    }

    pub(crate) fn sync_names(&mut self) {
        if !self.drive.lies {
            self.durable_names.clone_from(&self.names);
            self.unsynced_names.clear();
        }
    }

    /// After a failed sync: half of the systems never write what they were to write.
    pub(crate) fn forget_perhaps(&mut self, number: u64) {
        if self.random.random_bool(0.5)
            && let Some(file) = self.files.get_mut(&number)
        {
            file.forget();
        }
    }

    /// Returns how much of a number of bytes is done by a call that fails.
    pub(crate) fn part(&mut self, whole: usize) -> usize {
        self.random.random_range(0..=whole)
    }

    /// Ends everybody who has files open. What they wrote is seen by whoever comes next.
    pub(crate) fn kill(&mut self) {
        self.epoch += 1;
        self.locks.clear();
        self.shared.clear();
    }

    /// Loses power, and with it any part of what was not synced.
    pub(crate) fn cut_power(&mut self) {
        self.kill();
        let mut changes = BTreeMap::<String, Vec<Option<u64>>>::new();
        for (name, file) in self.unsynced_names.drain(..) {
            changes.entry(name).or_default().push(file);
        }
        for (name, changes) in changes {
            // The last change that reached the disk, if any did.
            let kept = self.random.random_range(0..=changes.len());
            match kept.checked_sub(1).and_then(|last| changes.get(last)) {
                Some(Some(file)) => {
                    self.durable_names.insert(name, *file);
                }
                Some(None) => {
                    self.durable_names.remove(&name);
                }
                None => {}
            }
        }
        self.names.clone_from(&self.durable_names);
        let mut files = BTreeMap::new();
        for number in self.names.values() {
            if let Some(mut file) = self.files.remove(number) {
                file.lose_power(self.drive.powersafe, &mut self.random);
                files.insert(*number, file);
            }
        }
        self.files = files;
    }

    /// Returns what programs see of every file that has a name.
    pub(crate) fn image(&self) -> BTreeMap<String, Vec<u8>> {
        let bytes = |number: &u64| self.files.get(number).map(|file| file.bytes().to_vec());
        self.names
            .iter()
            .map(|(name, number)| (name.clone(), bytes(number).unwrap_or_default()))
            .collect()
    }
}
