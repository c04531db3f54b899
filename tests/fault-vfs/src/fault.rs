//! What goes wrong, and at which call.

use rusqlite::ffi;
use std::ffi::c_int;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The power fails during the call: of what was not synced, any part may be lost.
    PowerCut,
    /// The process ends before the call: what it wrote is there.
    Killed,
    /// The call fails, and then all is well.
    ErrorOnce,
    /// The call fails, and so does every call after it.
    ErrorsFromThenOn,
    /// A read gives the first part of what is there, and asked for the rest, fails.
    ShortRead,
    /// The disk is full at the call, and then it is not.
    FullOnce,
    /// The disk is full from the call on.
    FullFromThenOn,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::PowerCut,
        Self::Killed,
        Self::ErrorOnce,
        Self::ErrorsFromThenOn,
        Self::ShortRead,
        Self::FullOnce,
        Self::FullFromThenOn,
    ];
}

/// A fault and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: Kind,
    /// At which call, counted from 1 among those that can go wrong this way.
    pub call: u64,
}

/// What SQLite asks of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Open,
    Create,
    Read,
    /// A write, and whether it makes the file larger.
    Write {
        grows: bool,
    },
    Truncate,
    Sync,
    Size,
    Delete,
    Access,
    /// Shared memory, and whether there has to be more of it.
    Map {
        grows: bool,
    },
}

impl Call {
    fn can_go_wrong_by(self, kind: Kind) -> bool {
        match kind {
            Kind::PowerCut | Kind::Killed | Kind::ErrorOnce | Kind::ErrorsFromThenOn => true,
            Kind::ShortRead => self == Self::Read,
            Kind::FullOnce | Kind::FullFromThenOn => {
                matches!(
                    self,
                    Self::Create | Self::Write { grows: true } | Self::Map { grows: true }
                )
            }
        }
    }

    /// Returns what the call answers when it fails.
    fn error(self) -> c_int {
        match self {
            Self::Open | Self::Create => ffi::SQLITE_CANTOPEN,
            Self::Read => ffi::SQLITE_IOERR_READ,
            Self::Write { .. } => ffi::SQLITE_IOERR_WRITE,
            Self::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            Self::Sync => ffi::SQLITE_IOERR_FSYNC,
            Self::Size => ffi::SQLITE_IOERR_FSTAT,
            Self::Delete => ffi::SQLITE_IOERR_DELETE,
            Self::Access => ffi::SQLITE_IOERR_ACCESS,
            Self::Map { .. } => ffi::SQLITE_IOERR_SHMMAP,
        }
    }

    /// Returns what the call answers when the disk is full.
    fn full(self) -> c_int {
        match self {
            Self::Write { .. } => ffi::SQLITE_FULL,
            Self::Map { .. } => ffi::SQLITE_IOERR_SHMSIZE,
            other => other.error(),
        }
    }
}

/// How a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    Well,
    PowerCut,
    Killed,
    Short,
    Fails(c_int),
}

/// The fault that is to come, and whether it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    fault: Fault,
    seen: u64,
}

impl Plan {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { fault, seen: 0 }
    }

    /// Returns how many calls could have gone wrong so far.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    pub(crate) fn fired(&self) -> bool {
        self.seen >= self.fault.call
    }

    /// Counts a call and says how it goes.
    pub(crate) fn course(&mut self, call: Call) -> Course {
        let kind = self.fault.kind;
        if !call.can_go_wrong_by(kind) {
            return Course::Well;
        }
        self.seen += 1;
        let now = self.seen == self.fault.call;
        match kind {
            Kind::PowerCut if now => Course::PowerCut,
            Kind::Killed if now => Course::Killed,
            Kind::ShortRead if now => Course::Short,
            Kind::ErrorOnce if now => Course::Fails(call.error()),
            Kind::ErrorsFromThenOn if self.fired() => Course::Fails(call.error()),
            Kind::FullOnce if now => Course::Fails(call.full()),
            Kind::FullFromThenOn if self.fired() => Course::Fails(call.full()),
            _ => Course::Well,
        }
    }
}
