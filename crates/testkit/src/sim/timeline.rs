//! Simulated time: what is due when, and futures that wait for it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::backend::BackendTransport;

/// A request that reaches the server.
pub(super) type Arrival = Box<dyn FnOnce(&BackendTransport) + Send>;

/// What happens at a time.
pub(super) enum Due {
    /// A device's future may go on.
    Wake(usize, Arc<AtomicBool>),
    /// A request of a device reaches the server.
    Arrive(usize, &'static str, Arrival),
}

#[derive(Default)]
struct State {
    now: i64,
    count: u64,
    due: BTreeMap<(i64, u64), Due>,
}

/// The time of a world, in milliseconds since it began. What is due at one time happens in the order in which it was
/// asked for.
#[derive(Default)]
pub(super) struct Timeline {
    state: Mutex<State>,
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeline").field("now", &self.now()).finish()
    }
}

impl Timeline {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the time.
    pub(super) fn now(&self) -> i64 {
        self.lock().now
    }

    /// Lets something happen after so many milliseconds.
    pub(super) fn after(&self, millis: i64, due: Due) {
        let mut state = self.lock();
        state.count += 1;
        let key = (state.now.saturating_add(millis.max(0)), state.count);
        state.due.insert(key, due);
    }

    /// Returns a future of a device that completes after so many milliseconds.
    pub(super) fn wait(&self, device: usize, millis: i64) -> Waiting {
        let fired = Arc::new(AtomicBool::new(false));
        self.after(millis, Due::Wake(device, fired.clone()));
        Waiting(fired)
    }

    /// Takes the next thing that is due until a time, and goes there; if there is none, goes to that time.
    pub(super) fn next(&self, until: i64) -> Option<Due> {
        let mut state = self.lock();
        let first = state.due.first_entry().filter(|entry| entry.key().0 <= until);
        if let Some(entry) = first {
            let ((at, _), due) = entry.remove_entry();
            state.now = state.now.max(at);
            Some(due)
        } else {
            state.now = state.now.max(until);
            None
        }
    }

    /// Returns when the next thing is due.
    pub(super) fn next_at(&self) -> Option<i64> {
        self.lock().due.first_key_value().map(|((at, _), _)| *at)
    }
}

/// Completes once its time has come. It keeps no waker: the world polls the device when it fires.
#[derive(Debug)]
pub(super) struct Waiting(Arc<AtomicBool>);

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.load(Ordering::Acquire) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
