//! The table of functions that SQLite calls: the only unsafe code of the project.
//!
//! SQLite promises what each block rests on: pointers that it hands in are valid for the call, buffers are as long as it
//! says, and one file is used by one thread at a time.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_filename, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use crate::disk::{of_thread, resolve};
use crate::file::{self, Open};
use crate::state::Result;

/// What SQLite sees of an open file: it allocates as many bytes as the table says.
#[repr(C)]
struct Handle {
    methods: *const sqlite3_io_methods,
    open: *mut Open,
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Makes this the process's default, once. What does not lie on one of the disks is passed on to the default before.
pub(crate) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(register_now);
}

#[expect(unsafe_code, reason = "SQLite is told of the table by a pointer")]
fn register_now() {
    // SAFETY: a null name asks for the default, which is there for as long as the process.
    let base = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    // SAFETY: as above; there is always a default on the systems that this is built for.
    let base_size = unsafe { (*base).szOsFile };
    let own_size = c_int::try_from(size_of::<Handle>()).unwrap_or(c_int::MAX);
    let table = sqlite3_vfs {
        iVersion: 2,
        szOsFile: own_size.max(base_size),
        mxPathname: 1024,
        pNext: ptr::null_mut(),
        zName: c"fault".as_ptr(),
        pAppData: base.cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: Some(last_error),
        xCurrentTimeInt64: Some(current_time_int64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    };
    // SAFETY: the table lives for as long as the process, for it is leaked.
    let code = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(table)), 1) };
    assert_eq!(code, ffi::SQLITE_OK, "SQLite takes the table of functions");
}

fn code(result: Result) -> c_int {
    result.err().unwrap_or(ffi::SQLITE_OK)
}

/// Puts an answer where SQLite wants it.
#[expect(unsafe_code, reason = "SQLite takes answers by pointers")]
fn answer<T>(to: *mut T, result: Result<T>) -> c_int {
    match result {
        Ok(value) => {
            if !to.is_null() {
                // SAFETY: SQLite passes a pointer to a variable of its own, or null.
                unsafe { to.write(value) };
            }
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

/// Gets at an open file.
#[expect(
    unsafe_code,
    reason = "SQLite hands back the handle that was filled in at opening"
)]
fn with<T>(handle: *mut sqlite3_file, work: impl FnOnce(&mut Open) -> T) -> T {
    // SAFETY: only handles that `open` filled in have these methods, and SQLite uses one in one thread at a time.
    let open = unsafe { &mut *(*handle.cast::<Handle>()).open };
    work(open)
}

#[expect(unsafe_code, reason = "SQLite names files by C strings")]
fn text<'a>(name: *const c_char) -> Option<&'a str> {
    if name.is_null() {
        return None;
    }
    // SAFETY: SQLite passes strings that end with a zero and outlive the call.
    unsafe { CStr::from_ptr(name) }.to_str().ok()
}

/// Returns the VFS that was the default before.
#[expect(unsafe_code, reason = "the table was registered with a pointer to it")]
fn base<'a>(vfs: *mut sqlite3_vfs) -> &'a sqlite3_vfs {
    // SAFETY: `register_now` put it there, and it is there for as long as the process.
    unsafe { &*(*vfs).pAppData.cast::<sqlite3_vfs>() }
}

#[expect(
    unsafe_code,
    reason = "SQLite has its handles filled in, and the VFS before takes pointers"
)]
extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: sqlite3_filename,
    handle: *mut sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let path = text(name);
    let found = match path {
        Some(path) => resolve(path),
        None => of_thread().map(|disk| (disk, "")),
    };
    let Some((disk, file_name)) = found else {
        let base = base(vfs);
        let Some(open) = base.xOpen else {
            return ffi::SQLITE_CANTOPEN;
        };
        // SAFETY: the arguments are SQLite's own, and the handle has room for either kind.
        return unsafe { open(ptr::from_ref(base).cast_mut(), name, handle, flags, flags_out) };
    };
    let opened = file::open(&disk, path.map(|_| file_name), flags);
    let (methods, open, result) = match opened {
        Ok(open) => (ptr::from_ref(&METHODS), Box::into_raw(Box::new(open)), Ok(flags)),
        // Without methods SQLite does not close it.
        Err(code) => (ptr::null(), ptr::null_mut(), Err(code)),
    };
    // SAFETY: the handle has room for this, as the table says.
    unsafe { handle.cast::<Handle>().write(Handle { methods, open }) };
    answer(flags_out, result)
}

#[expect(unsafe_code, reason = "the file was boxed when it was opened")]
extern "C" fn close(handle: *mut sqlite3_file) -> c_int {
    // SAFETY: only handles that `open` filled in have these methods, and SQLite closes each once.
    drop(unsafe { Box::from_raw((*handle.cast::<Handle>()).open) });
    ffi::SQLITE_OK
}

#[expect(unsafe_code, reason = "SQLite reads into a buffer of its own")]
extern "C" fn read(
    handle: *mut sqlite3_file,
    buffer: *mut c_void,
    length: c_int,
    offset: sqlite3_int64,
) -> c_int {
    let length = usize::try_from(length).unwrap_or(0);
    // SAFETY: the buffer is as long as SQLite says, and initialized or only written to.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length) };
    code(with(handle, |open| open.read(offset, buffer)))
}

#[expect(unsafe_code, reason = "SQLite writes from a buffer of its own")]
extern "C" fn write(
    handle: *mut sqlite3_file,
    buffer: *const c_void,
    length: c_int,
    offset: sqlite3_int64,
) -> c_int {
    let length = usize::try_from(length).unwrap_or(0);
    // SAFETY: the buffer is as long as SQLite says.
    let bytes = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), length) };
    code(with(handle, |open| open.write(offset, bytes)))
}

extern "C" fn truncate(handle: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    code(with(handle, |open| open.truncate(size)))
}

extern "C" fn sync(handle: *mut sqlite3_file, _flags: c_int) -> c_int {
    code(with(handle, Open::sync))
}

extern "C" fn file_size(handle: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    answer(size, with(handle, |open| open.size()))
}

extern "C" fn lock(handle: *mut sqlite3_file, level: c_int) -> c_int {
    code(with(handle, |open| open.lock(level)))
}

extern "C" fn unlock(handle: *mut sqlite3_file, level: c_int) -> c_int {
    code(with(handle, |open| open.unlock(level)))
}

extern "C" fn check_reserved_lock(handle: *mut sqlite3_file, reserved: *mut c_int) -> c_int {
    answer(reserved, with(handle, |open| open.is_reserved()).map(c_int::from))
}

extern "C" fn file_control(_handle: *mut sqlite3_file, _operation: c_int, _argument: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

extern "C" fn sector_size(_handle: *mut sqlite3_file) -> c_int {
    512
}

extern "C" fn device_characteristics(handle: *mut sqlite3_file) -> c_int {
    if with(handle, |open| open.is_powersafe()) {
        ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
    } else {
        0
    }
}

extern "C" fn shm_map(
    handle: *mut sqlite3_file,
    region: c_int,
    bytes: c_int,
    extend: c_int,
    address: *mut *mut c_void,
) -> c_int {
    let mapped = with(handle, |open| open.map(region, bytes, extend != 0));
    answer(address, mapped.map(<*mut u64>::cast))
}

extern "C" fn shm_lock(handle: *mut sqlite3_file, first: c_int, count: c_int, flags: c_int) -> c_int {
    code(with(handle, |open| open.lock_shared_memory(first, count, flags)))
}

extern "C" fn shm_barrier(_handle: *mut sqlite3_file) {
    fence(Ordering::SeqCst);
}

extern "C" fn shm_unmap(handle: *mut sqlite3_file, _delete: c_int) -> c_int {
    with(handle, Open::unmap);
    ffi::SQLITE_OK
}

#[expect(unsafe_code, reason = "the VFS before takes pointers")]
extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    if let Some((disk, name)) = text(name).and_then(resolve) {
        return code(file::delete(&disk, name, sync_folder != 0));
    }
    let base = base(vfs);
    base.xDelete.map_or(ffi::SQLITE_IOERR, |delete| {
        // SAFETY: the arguments are SQLite's own.
        unsafe { delete(ptr::from_ref(base).cast_mut(), name, sync_folder) }
    })
}

#[expect(unsafe_code, reason = "the VFS before takes pointers")]
extern "C" fn access(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    accessible: *mut c_int,
) -> c_int {
    if let Some((disk, name)) = text(name).and_then(resolve) {
        return answer(accessible, file::access(&disk, name).map(c_int::from));
    }
    let base = base(vfs);
    base.xAccess.map_or(ffi::SQLITE_IOERR, |access| {
        // SAFETY: the arguments are SQLite's own.
        unsafe { access(ptr::from_ref(base).cast_mut(), name, flags, accessible) }
    })
}

#[expect(unsafe_code, reason = "SQLite takes the path in a buffer of its own")]
extern "C" fn full_pathname(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    length: c_int,
    path: *mut c_char,
) -> c_int {
    let Some(known) = text(name).filter(|name| resolve(name).is_some()) else {
        let base = base(vfs);
        return base.xFullPathname.map_or(ffi::SQLITE_CANTOPEN, |full| {
            // SAFETY: the arguments are SQLite's own.
            unsafe { full(ptr::from_ref(base).cast_mut(), name, length, path) }
        });
    };
    if usize::try_from(length).unwrap_or(0) <= known.len() {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: the buffer is as long as SQLite says, the name with its zero fits, and they are apart.
    unsafe { ptr::copy_nonoverlapping(name, path, known.len() + 1) };
    ffi::SQLITE_OK
}

/// Gives bytes that are the same in every run.
#[expect(unsafe_code, reason = "SQLite takes the bytes in a buffer of its own")]
extern "C" fn randomness(_vfs: *mut sqlite3_vfs, length: c_int, buffer: *mut c_char) -> c_int {
    let bytes = usize::try_from(length).unwrap_or(0);
    for at in 0..bytes {
        let byte = u8::try_from(at * 151 % 251).unwrap_or(0);
        // SAFETY: the buffer is as long as SQLite says.
        unsafe { buffer.cast::<u8>().add(at).write(byte) };
    }
    length
}

/// Waits for nobody: the one who has the lock is in this process and does nothing meanwhile.
extern "C" fn sleep(_vfs: *mut sqlite3_vfs, microseconds: c_int) -> c_int {
    std::thread::yield_now();
    microseconds
}

/// The time in milliseconds of a Julian day: grows by one with each question.
fn time() -> i64 {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let asked = ASKED.fetch_add(1, Ordering::Relaxed);
    212_000_000_000_000 + i64::try_from(asked).unwrap_or(0)
}

extern "C" fn current_time_int64(_vfs: *mut sqlite3_vfs, now: *mut sqlite3_int64) -> c_int {
    answer(now, Ok(time()))
}

extern "C" fn current_time(_vfs: *mut sqlite3_vfs, now: *mut f64) -> c_int {
    answer(now, Ok(time() as f64 / 86_400_000.0))
}

extern "C" fn last_error(_vfs: *mut sqlite3_vfs, _length: c_int, _text: *mut c_char) -> c_int {
    0
}
