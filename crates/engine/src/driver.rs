//! The store's thread as one synchronization uses it: behind the fence of its lease, which it renews on the way.

use std::sync::atomic::{AtomicI64, Ordering};

use driftless_store::{RecordStore, StoreError, WriteBatch};
use uuid::Uuid;

use crate::fenced::Fenced;
use crate::host::Clock;
use crate::lease::{self, SPAN_MILLIS, TakeOver};
use crate::worker::Worker;
use crate::{EngineError, NotPossible};

/// The right to drive a store, for one synchronization.
pub(crate) struct Driver<'a> {
    worker: &'a Worker,
    clock: &'a dyn Clock,
    engine: Uuid,
    fence: u64,
    /// When the lease was last renewed, by the clock that only goes forward.
    renewed: AtomicI64,
}

impl<'a> Driver<'a> {
    /// Takes the lease of the store.
    ///
    /// # Errors
    /// [`NotPossible::DrivenElsewhere`] if another engine holds it, or the store's.
    pub(crate) async fn take(
        worker: &'a Worker,
        clock: &'a std::sync::Arc<dyn Clock>,
        engine: Uuid,
        over: TakeOver,
    ) -> Result<Self, EngineError> {
        let renewed = AtomicI64::new(clock.monotonic());
        let watch = clock.clone();
        let taken = worker
            .run(move |store| lease::take(store, engine, &*watch, over))
            .await?;
        let fence = taken.ok_or(NotPossible::DrivenElsewhere)?;
        Ok(Self {
            worker,
            clock: &**clock,
            engine,
            fence,
            renewed,
        })
    }

    /// Runs a call on the store's thread, behind the fence.
    ///
    /// # Errors
    /// [`NotPossible::TakenOver`] if another engine drives the store by now, or the call's.
    pub(crate) async fn run<T, E>(
        &self,
        call: impl FnOnce(&dyn RecordStore) -> Result<T, E> + Send + 'static,
    ) -> Result<T, EngineError>
    where
        T: Send + 'static,
        E: Into<EngineError> + Send + 'static,
    {
        let renewal = self.renewal();
        let fence = self.fence;
        self.worker
            .run(move |store| {
                let fenced = Fenced::new(store, fence);
                let held = match renewal {
                    Some(batch) => fenced.commit(batch).map(|_| ()),
                    None => fenced.look(),
                };
                let done = held
                    .map_err(EngineError::from)
                    .and_then(|()| call(&fenced).map_err(Into::into));
                if fenced.is_lost() {
                    return Err(NotPossible::TakenOver.into());
                }
                done
            })
            .await
    }

    /// Makes sure, before something leaves the device, that no other engine drives the store.
    ///
    /// # Errors
    /// As [`Driver::run`].
    pub(crate) async fn hold(&self) -> Result<(), EngineError> {
        self.run(|_| Ok::<_, StoreError>(())).await
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// As [`Driver::run`].
    pub(crate) async fn give_back(self) -> Result<(), EngineError> {
        let writes = vec![lease::note(None, self.fence, self.clock)];
        let batch = WriteBatch { expect: None, writes };
        self.run(move |store| store.commit(batch).map(|_| ())).await
    }

    /// Returns the commit that renews the lease, if half of it is over.
    fn renewal(&self) -> Option<WriteBatch> {
        let now = self.clock.monotonic();
        if now.saturating_sub(self.renewed.load(Ordering::Acquire)) < SPAN_MILLIS / 2 {
            return None;
        }
        self.renewed.store(now, Ordering::Release);
        let writes = vec![lease::note(Some(self.engine), self.fence, self.clock)];
        Some(WriteBatch { expect: None, writes })
    }
}
