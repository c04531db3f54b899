//! What SQLite does with one open file.

use std::ffi::c_int;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;

use crate::fault::Call;
use crate::locks::Shared;
use crate::state::{Leave, Result, State};

/// The file types for whose first sync the unix VFS also syncs the folder they were made in.
const JOURNALS: c_int = ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;

/// A file that somebody has open.
#[derive(Debug)]
pub(crate) struct Open {
    disk: Arc<Mutex<State>>,
    file: u64,
    who: u64,
    epoch: u64,
    /// Whether the next sync has to bring the name to the disk, too.
    new_journal: bool,
    /// Whether the file goes when it is closed.
    passing: bool,
    shared: Option<Arc<Mutex<Shared>>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn place(number: i64) -> Result<usize> {
    usize::try_from(number).map_err(|_| ffi::SQLITE_IOERR)
}

/// Opens a file; one without a name goes when it is closed.
pub(crate) fn open(disk: &Arc<Mutex<State>>, name: Option<&str>, flags: c_int) -> Result<Open> {
    let mut state = lock(disk);
    let found = name.and_then(|name| state.find(name));
    let create = found.is_none() && (name.is_none() || flags & ffi::SQLITE_OPEN_CREATE != 0);
    let leave = state.begin(if create { Call::Create } else { Call::Open })?;
    let file = match found {
        Some(file) => file,
        None if create => state.create(name),
        None => {
            state.end(leave)?;
            return Err(ffi::SQLITE_CANTOPEN);
        }
    };
    state.end(leave)?;
    Ok(Open {
        file,
        who: state.number(),
        epoch: state.epoch,
        new_journal: create && flags & JOURNALS != 0,
        passing: name.is_none(),
        shared: None,
        disk: Arc::clone(disk),
    })
}

/// Deletes a file; with a sync of the folder, the name does not come back.
pub(crate) fn delete(disk: &Mutex<State>, name: &str, sync_folder: bool) -> Result {
    let mut state = lock(disk);
    let leave = state.begin(Call::Delete)?;
    if state.find(name).is_none() {
        state.end(leave)?;
        return Err(ffi::SQLITE_IOERR_DELETE_NOENT);
    }
    state.unlink(name);
    if sync_folder && leave == Leave::Whole {
        state.sync_names();
    }
    state.end(leave)
}

/// Says whether there is a file that is not empty, which is what the unix VFS says.
pub(crate) fn access(disk: &Mutex<State>, name: &str) -> Result<bool> {
    let mut state = lock(disk);
    let leave = state.begin(Call::Access)?;
    state.end(leave)?;
    let file = state.find(name).map(|file| state.file(file)).transpose()?;
    Ok(file.is_some_and(|file| !file.bytes().is_empty()))
}

impl Open {
    /// Gets at the disk, if the one who opened the file is not gone.
    fn disk(&self) -> Result<MutexGuard<'_, State>> {
        let state = lock(&self.disk);
        if state.epoch == self.epoch {
            Ok(state)
        } else {
            Err(ffi::SQLITE_IOERR)
        }
    }

    pub(crate) fn read(&self, at: i64, buffer: &mut [u8]) -> Result {
        let mut state = self.disk()?;
        let leave = state.begin(Call::Read)?;
        if leave == Leave::Part {
            let part = state.part(buffer.len());
            state.file(self.file)?.read(place(at)?, &mut buffer[..part]);
            return Err(ffi::SQLITE_IOERR_READ);
        }
        let there = state.file(self.file)?.read(place(at)?, buffer);
        state.end(leave)?;
        if there < buffer.len() {
            return Err(ffi::SQLITE_IOERR_SHORT_READ);
        }
        Ok(())
    }

    pub(crate) fn write(&self, at: i64, bytes: &[u8]) -> Result {
        let at = place(at)?;
        let mut state = self.disk()?;
        let grows = at + bytes.len() > state.file(self.file)?.bytes().len();
        match state.begin(Call::Write { grows }) {
            Ok(leave) => {
                state.file_mut(self.file)?.write(at, bytes);
                state.end(leave)
            }
            Err(code) => {
                if state.epoch == self.epoch {
                    let part = state.part(bytes.len());
                    state.file_mut(self.file)?.write(at, &bytes[..part]);
                }
                Err(code)
            }
        }
    }

    pub(crate) fn truncate(&self, size: i64) -> Result {
        let mut state = self.disk()?;
        let leave = state.begin(Call::Truncate)?;
        state.file_mut(self.file)?.resize(place(size)?);
        state.end(leave)
    }

    pub(crate) fn sync(&mut self) -> Result {
        let mut state = lock(&self.disk);
        if state.epoch != self.epoch {
            return Err(ffi::SQLITE_IOERR);
        }
        match state.begin(Call::Sync) {
            Ok(Leave::Last) => state.end(Leave::Last),
            Ok(_) => {
                state.sync(self.file, self.new_journal)?;
                self.new_journal = false;
                Ok(())
            }
            Err(code) => {
                if state.epoch == self.epoch {
                    state.forget_perhaps(self.file);
                }
                Err(code)
            }
        }
    }

    pub(crate) fn size(&self) -> Result<i64> {
        let mut state = self.disk()?;
        let leave = state.begin(Call::Size)?;
        state.end(leave)?;
        let size = state.file(self.file)?.bytes().len();
        i64::try_from(size).map_err(|_| ffi::SQLITE_IOERR)
    }

    pub(crate) fn is_powersafe(&self) -> bool {
        lock(&self.disk).drive.powersafe
    }

    pub(crate) fn lock(&self, level: c_int) -> Result {
        let mut state = self.disk()?;
        let code = state.locks.entry(self.file).or_default().lock(self.who, level);
        if code == ffi::SQLITE_OK { Ok(()) } else { Err(code) }
    }

    pub(crate) fn unlock(&self, level: c_int) -> Result {
        let mut state = self.disk()?;
        state.locks.entry(self.file).or_default().unlock(self.who, level);
        Ok(())
    }

    pub(crate) fn is_reserved(&self) -> Result<bool> {
        let state = self.disk()?;
        Ok(state
            .locks
            .get(&self.file)
            .is_some_and(|locks| locks.is_reserved()))
    }

    /// Returns the address of a region of shared memory, or null if there is none and none is to be made.
    pub(crate) fn map(&mut self, region: c_int, bytes: c_int, extend: bool) -> Result<*mut u64> {
        let region = usize::try_from(region).map_err(|_| ffi::SQLITE_IOERR)?;
        let bytes = usize::try_from(bytes).map_err(|_| ffi::SQLITE_IOERR)?;
        let mut state = lock(&self.disk);
        if state.epoch != self.epoch {
            return Err(ffi::SQLITE_IOERR);
        }
        let here = self
            .shared
            .get_or_insert_with(|| Arc::clone(state.shared.entry(self.file).or_default()));
        let mut memory = lock(here);
        memory.join(self.who);
        let grows = extend && memory.regions() <= region;
        let leave = state.begin(Call::Map { grows })?;
        state.end(leave)?;
        while grows && memory.regions() <= region {
            memory.add_region(bytes);
        }
        Ok(memory.region(region))
    }

    pub(crate) fn lock_shared_memory(&self, first: c_int, count: c_int, flags: c_int) -> Result {
        // Who is gone must be able to let go.
        let gone = self.disk().is_err();
        let memory = self.shared.as_ref().ok_or(ffi::SQLITE_IOERR_SHMLOCK)?;
        let mut memory = lock(memory);
        let first = usize::try_from(first).map_err(|_| ffi::SQLITE_IOERR_SHMLOCK)?;
        let count = usize::try_from(count).map_err(|_| ffi::SQLITE_IOERR_SHMLOCK)?;
        let code = if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            memory.unlock(self.who, first, count);
            ffi::SQLITE_OK
        } else if gone {
            ffi::SQLITE_IOERR_SHMLOCK
        } else if flags & ffi::SQLITE_SHM_SHARED != 0 {
            memory.lock_shared(self.who, first, count)
        } else {
            memory.lock_exclusive(self.who, first, count)
        };
        if code == ffi::SQLITE_OK { Ok(()) } else { Err(code) }
    }

    /// Lets shared memory go; it ends with its last user.
    pub(crate) fn unmap(&mut self) {
        let Some(memory) = self.shared.take() else {
            return;
        };
        let mut state = lock(&self.disk);
        let empty = lock(&memory).leave(self.who);
        let current = state.shared.get(&self.file);
        if empty && current.is_some_and(|current| Arc::ptr_eq(current, &memory)) {
            state.shared.remove(&self.file);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.unmap();
        let mut state = lock(&self.disk);
        if state.epoch == self.epoch {
            if let Some(locks) = state.locks.get_mut(&self.file) {
                locks.unlock(self.who, ffi::SQLITE_LOCK_NONE);
            }
            if self.passing {
                state.discard(self.file);
            }
        }
    }
}
