//! The thread that store calls of the driver run on, so that they never hold up a caller's async thread.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use driftless_store::RecordStore;
use futures_channel::oneshot;

use crate::EngineError;

type Job = Box<dyn FnOnce(&dyn RecordStore) + Send>;

/// A thread that carries out store calls, one after the other. It ends when the worker is dropped.
#[derive(Debug)]
pub(crate) struct Worker {
    jobs: Sender<Job>,
}

impl Worker {
    /// Starts the thread.
    pub(crate) fn start(store: Arc<dyn RecordStore>) -> Result<Self, EngineError> {
        let (jobs, queue) = channel::<Job>();
        thread::Builder::new()
            .name("driftless-store".to_owned())
            .spawn(move || {
                for job in queue {
                    job(&*store);
                }
            })
            .map_err(|error| EngineError::Stopped(format!("no thread for the store: {error}")))?;
        Ok(Self { jobs })
    }

    /// Runs a call on the thread and waits for its answer.
    pub(crate) async fn run<T, E>(
        &self,
        call: impl FnOnce(&dyn RecordStore) -> Result<T, E> + Send + 'static,
    ) -> Result<T, EngineError>
    where
        T: Send + 'static,
        E: Into<EngineError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |store| drop(answer.send(call(store))));
        let stopped = || EngineError::Stopped("the store's thread has ended".to_owned());
        self.jobs.send(job).map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?.map_err(Into::into)
    }
}
