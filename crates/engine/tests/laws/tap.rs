//! A way to the server that notes what is said on it, and on which a driver can be held up.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use driftless_record::{
    EntityName, EntitySchema, OperationId, RecordId, RequestId, Schema, ServerRecord, Settings,
};
use driftless_testkit::backend::BackendTransport;
use driftless_transport::{
    Capabilities, Contact, Described, Page, PullRequest, PushItem, PushReply, SweepPage, SweepRequest,
    Transport, TransportError,
};
use futures_channel::oneshot;

/// What was said.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    /// Changes were sent.
    Push(Vec<PushItem>),
    /// A record was read.
    Fetch(RecordId),
}

impl Call {
    /// Returns the request that carried an operation.
    pub(crate) fn request_of(&self, operation: OperationId) -> Option<RequestId> {
        let Self::Push(items) = self else {
            return None;
        };
        let item = items
            .iter()
            .find(|item| item.sending.operations.contains(&operation))?;
        Some(item.sending.id)
    }

    /// Returns whether it carried an operation.
    pub(crate) fn carries(&self, operation: OperationId) -> bool {
        self.request_of(operation).is_some()
    }

    /// Returns whether it read a record.
    pub(crate) fn reads(&self, record: &RecordId) -> bool {
        matches!(self, Self::Fetch(id) if id == record)
    }
}

/// Where a driver is held up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pause {
    /// At which of its requests.
    pub(crate) at: usize,
    /// Whether the server has answered by then.
    pub(crate) answered: bool,
}

/// The way to the server, tapped.
pub(crate) struct Tap {
    inner: BackendTransport,
    told: Mutex<Vec<Call>>,
    calls: AtomicUsize,
    /// Is set when the last entity is read.
    stop: Arc<AtomicBool>,
    pause: Option<Pause>,
    reached: Mutex<Option<oneshot::Sender<()>>>,
    go_on: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Tap {
    /// Taps a way.
    pub(crate) fn new(inner: BackendTransport) -> Self {
        Self {
            inner,
            told: Mutex::default(),
            calls: AtomicUsize::new(0),
            stop: Arc::default(),
            pause: None,
            reached: Mutex::default(),
            go_on: Mutex::default(),
        }
    }

    /// Taps a way on which the last reading asks for a stop: nothing is planned or sent behind it.
    pub(crate) fn stopping(inner: BackendTransport, stop: &Arc<AtomicBool>) -> Self {
        Self {
            stop: stop.clone(),
            ..Self::new(inner)
        }
    }

    /// Taps a way on which the driver is held up once, as by a phone that sleeps, with what tells that it is, and what
    /// lets it go on.
    pub(crate) fn slow(
        inner: BackendTransport,
        pause: Pause,
    ) -> (Self, oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (reached, is_reached) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel();
        let slow = Self {
            pause: Some(pause),
            reached: Mutex::new(Some(reached)),
            go_on: Mutex::new(Some(may_go_on)),
            ..Self::new(inner)
        };
        (slow, is_reached, go_on)
    }

    /// Returns what was said, in order.
    pub(crate) fn told(&self) -> Vec<Call> {
        self.told.lock().unwrap().clone()
    }

    /// Counts a request and makes it.
    async fn make<T>(&self, request: impl Future<Output = T>) -> T {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let pause = self.pause.filter(|pause| pause.at == call);
        if pause.is_some_and(|pause| !pause.answered) {
            self.wait().await;
        }
        let answer = request.await;
        if pause.is_some_and(|pause| pause.answered) {
            self.wait().await;
        }
        answer
    }

    async fn wait(&self) {
        let reached = self.reached.lock().unwrap().take().unwrap();
        reached.send(()).unwrap();
        let go_on = self.go_on.lock().unwrap().take().unwrap();
        go_on.await.unwrap();
    }

    fn note(&self, call: Call) {
        self.told.lock().unwrap().push(call);
    }
}

#[async_trait]
impl Transport for Tap {
    async fn contact(&self) -> Result<Contact, TransportError> {
        self.make(self.inner.contact()).await
    }

    async fn describe(&self) -> Result<Described, TransportError> {
        self.make(self.inner.describe()).await
    }

    async fn settings(&self) -> Result<Option<Settings>, TransportError> {
        self.make(self.inner.settings()).await
    }

    async fn capabilities(&self, entity: &Arc<EntitySchema>) -> Result<Capabilities, TransportError> {
        self.make(self.inner.capabilities(entity)).await
    }

    async fn pull(&self, request: &PullRequest) -> Result<Page, TransportError> {
        let is_last = request.entity.name.as_str() == "Contact";
        self.stop.fetch_or(is_last, Ordering::AcqRel);
        self.make(self.inner.pull(request)).await
    }

    async fn sweep(&self, request: &SweepRequest) -> Result<SweepPage, TransportError> {
        self.make(self.inner.sweep(request)).await
    }

    async fn fetch(
        &self,
        schema: &Arc<Schema>,
        entity: &EntityName,
        id: &RecordId,
    ) -> Result<Option<ServerRecord>, TransportError> {
        self.note(Call::Fetch(id.clone()));
        self.make(self.inner.fetch(schema, entity, id)).await
    }

    async fn push(&self, schema: &Arc<Schema>, items: &[PushItem]) -> Result<PushReply, TransportError> {
        self.note(Call::Push(items.to_vec()));
        self.make(self.inner.push(schema, items)).await
    }
}
