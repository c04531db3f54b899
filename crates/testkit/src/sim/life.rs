//! The life of one process on a device: it ends at the call to a port that was chosen for it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use driftless_store::StoreError;

/// On which side of its last call to a port a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The call does nothing.
    Before,
    /// The call has its effect, and its answer is never read.
    After,
}

/// What is to go wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plight {
    /// The process ends.
    Dies(Crash),
    /// The disk fails, once.
    Fails(Ailment, Crash),
}

/// What a disk that fails says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ailment {
    /// Another process holds the store.
    Busy,
    /// Something is wrong with it.
    Broken,
    /// It is full. Reading goes on.
    Full,
}

impl Ailment {
    /// Returns the error of a store.
    pub(super) fn error(self) -> StoreError {
        match self {
            Self::Busy => StoreError::Busy,
            Self::Broken => StoreError::Backend("the disk failed".into()),
            Self::Full => StoreError::Full,
        }
    }
}

/// What a call to a port is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// What it always does.
    Goes,
    /// The same, and nobody learns of it.
    GoesUnseen,
    /// Nothing.
    Dead,
    /// It says that the disk failed; a commit is carried out all the same after the crash.
    Fails(Ailment, Crash),
}

/// The life of one process.
#[derive(Debug, Default)]
pub(super) struct Life {
    calls: AtomicU64,
    plight: Mutex<Option<(u64, Plight)>>,
    dead: AtomicBool,
}

impl Life {
    /// Lets something go wrong at the `n`th call from now.
    pub(super) fn plan(&self, n: u64, plight: Plight) {
        let at = self.calls.load(Ordering::Acquire) + n;
        if let Ok(mut planned) = self.plight.lock() {
            *planned = Some((at, plight));
        }
    }

    /// Lets nothing go wrong any more.
    pub(super) fn calm(&self) {
        if let Ok(mut planned) = self.plight.lock() {
            *planned = None;
        }
    }

    /// Ends the process.
    pub(super) fn end(&self) {
        self.dead.store(true, Ordering::Release);
    }

    /// Returns whether the process has ended.
    pub(super) fn is_over(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    /// Counts a call, and says what it is to do.
    pub(super) fn enter(&self) -> Turn {
        if self.is_over() {
            return Turn::Dead;
        }
        let call = self.calls.fetch_add(1, Ordering::AcqRel) + 1;
        let Ok(mut planned) = self.plight.lock() else {
            return Turn::Dead;
        };
        let due = planned.filter(|(at, _)| *at <= call);
        if due.is_some() {
            *planned = None;
        }
        match due {
            None => Turn::Goes,
            Some((_, Plight::Fails(ailment, crash))) => Turn::Fails(ailment, crash),
            Some((_, Plight::Dies(crash))) => {
                self.end();
                match crash {
                    Crash::Before => Turn::Dead,
                    Crash::After => Turn::GoesUnseen,
                }
            }
        }
    }
}

/// What a store says to a process that has ended: nobody reads it.
pub(super) fn over() -> StoreError {
    StoreError::Backend("the process has ended".into())
}
