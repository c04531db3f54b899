//! Locks on files, and the memory that connections to one database share.

use std::cell::UnsafeCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;

use rusqlite::ffi;

/// The locks on one file: who holds which of SQLite's levels.
#[derive(Debug, Default)]
pub(crate) struct FileLocks(BTreeMap<u64, c_int>);

impl FileLocks {
    /// Takes a lock, or says that another has one.
    pub(crate) fn lock(&mut self, who: u64, level: c_int) -> c_int {
        if self.0.get(&who).is_some_and(|held| *held >= level) {
            return ffi::SQLITE_OK;
        }
        let others = self.0.iter().filter(|(other, _)| **other != who);
        let most = others
            .map(|(_, held)| *held)
            .max()
            .unwrap_or(ffi::SQLITE_LOCK_NONE);
        let bound = match level {
            ffi::SQLITE_LOCK_SHARED => ffi::SQLITE_LOCK_PENDING,
            _ => ffi::SQLITE_LOCK_RESERVED,
        };
        if most >= bound {
            return ffi::SQLITE_BUSY;
        }
        if level == ffi::SQLITE_LOCK_EXCLUSIVE && most >= ffi::SQLITE_LOCK_SHARED {
            self.0.insert(who, ffi::SQLITE_LOCK_PENDING);
            return ffi::SQLITE_BUSY;
        }
        self.0.insert(who, level);
        ffi::SQLITE_OK
    }

    pub(crate) fn unlock(&mut self, who: u64, level: c_int) {
        if level == ffi::SQLITE_LOCK_NONE {
            self.0.remove(&who);
        } else if let Some(held) = self.0.get_mut(&who) {
            *held = level.min(*held);
        }
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.0.values().any(|held| *held >= ffi::SQLITE_LOCK_RESERVED)
    }
}

/// The memory that connections to one database share, and the locks on it.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Each stays where it is for as long as anybody may hold its address.
    regions: Vec<Box<[UnsafeCell<u64>]>>,
    slots: [Slot; 8],
    users: BTreeSet<u64>,
}

#[derive(Debug, Default)]
struct Slot {
    readers: BTreeSet<u64>,
    owner: Option<u64>,
}

impl Shared {
    pub(crate) fn regions(&self) -> usize {
        self.regions.len()
    }

    pub(crate) fn add_region(&mut self, bytes: usize) {
        let words = std::iter::repeat_with(|| UnsafeCell::new(0)).take(bytes.div_ceil(8));
        self.regions.push(words.collect());
    }

    /// Returns the address of a region.
    pub(crate) fn region(&self, at: usize) -> *mut u64 {
        self.regions.get(at).map_or(std::ptr::null_mut(), |region| {
            UnsafeCell::raw_get(region.as_ptr())
        })
    }

    pub(crate) fn join(&mut self, who: u64) {
        self.users.insert(who);
    }

    /// Lets a user go with his locks, and says whether nobody is left.
    pub(crate) fn leave(&mut self, who: u64) -> bool {
        self.unlock(who, 0, self.slots.len());
        self.users.remove(&who);
        self.users.is_empty()
    }

    pub(crate) fn lock_shared(&mut self, who: u64, first: usize, count: usize) -> c_int {
        let slots = &mut self.slots[first..first + count];
        if slots
            .iter()
            .any(|slot| slot.owner.is_some_and(|owner| owner != who))
        {
            return ffi::SQLITE_BUSY;
        }
        for slot in slots {
            slot.readers.insert(who);
        }
        ffi::SQLITE_OK
    }

    pub(crate) fn lock_exclusive(&mut self, who: u64, first: usize, count: usize) -> c_int {
        let slots = &mut self.slots[first..first + count];
        let taken = |slot: &Slot| {
            slot.owner.is_some_and(|owner| owner != who) || slot.readers.iter().any(|reader| *reader != who)
        };
        if slots.iter().any(taken) {
            return ffi::SQLITE_BUSY;
        }
        for slot in slots {
            slot.owner = Some(who);
        }
        ffi::SQLITE_OK
    }

    pub(crate) fn unlock(&mut self, who: u64, first: usize, count: usize) {
        for slot in &mut self.slots[first..first + count] {
            slot.readers.remove(&who);
            slot.owner = slot.owner.filter(|owner| *owner != who);
        }
    }
}
