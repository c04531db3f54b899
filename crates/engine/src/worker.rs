//! Where store calls of the driver run: on a thread of their own, so that they never hold up a caller's async thread.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::Poll;
use std::thread;

use driftless_store::RecordStore;
use futures_channel::oneshot;

use crate::EngineError;

type Job = Box<dyn FnOnce(&dyn RecordStore) + Send>;

/// Where the store calls of a synchronization run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoreCalls {
    /// On a thread of their own, which never holds up the one that polls.
    #[default]
    OnTheirThread,
    /// On the thread that polls: for a simulation, whose every step is to happen in one order.
    WherePolled,
}

/// Carries out store calls, one after the other. Its thread, if it has one, ends when it is dropped.
pub(crate) struct Worker(Way);

enum Way {
    Thread(Sender<Job>),
    Here(Arc<dyn RecordStore>),
}

impl Worker {
    /// Starts the thread, if there is to be one.
    pub(crate) fn start(store: Arc<dyn RecordStore>, calls: StoreCalls) -> Result<Self, EngineError> {
        if calls == StoreCalls::WherePolled {
            return Ok(Self(Way::Here(store)));
        }
        let (jobs, queue) = channel::<Job>();
        thread::Builder::new()
            .name("driftless-store".to_owned())
            .spawn(move || {
                for job in queue {
                    job(&*store);
                }
            })
            .map_err(|error| EngineError::Stopped(format!("no thread for the store: {error}")))?;
        Ok(Self(Way::Thread(jobs)))
    }

    /// Runs a call and waits for its answer.
    pub(crate) async fn run<T, E>(
        &self,
        call: impl FnOnce(&dyn RecordStore) -> Result<T, E> + Send + 'static,
    ) -> Result<T, EngineError>
    where
        T: Send + 'static,
        E: Into<EngineError> + Send + 'static,
    {
        let jobs = match &self.0 {
            Way::Thread(jobs) => jobs,
            Way::Here(store) => {
                // What else is due gets its turn first, as it does beside a thread.
                step_back().await;
                return call(&**store).map_err(Into::into);
            }
        };
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |store| drop(answer.send(call(store))));
        let stopped = || EngineError::Stopped("the store's thread has ended".to_owned());
        jobs.send(job).map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?.map_err(Into::into)
    }
}

/// Lets everything else that is ready go first.
async fn step_back() {
    let mut first = true;
    poll_fn(|context| {
        if std::mem::take(&mut first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}
