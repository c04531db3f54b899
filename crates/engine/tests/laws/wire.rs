//! A way to the back end with rules for reading, and an eye on what is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use driftless_record::{EntityName, EntitySchema, RecordId, Schema, ServerRecord, Settings};
use driftless_testkit::backend::{Backend, BackendTransport};
use driftless_transport::{
    Capabilities, Checkpoint, Contact, Described, Page, PullRequest, PushItem, PushReply, Removal,
    RemovalReason, SweepPage, SweepRequest, Transport, TransportError,
};

/// What somebody does in the office.
type Act = dyn FnMut(&mut Backend) + Send;

/// What happens on the way.
#[derive(Default)]
pub(crate) struct Rules {
    /// So many pages can still be read, then the way breaks.
    pub(crate) pages_left: Option<usize>,
    /// Entities whose checkpoints have expired; each is told once.
    pub(crate) expired: BTreeSet<EntityName>,
    /// Records that are told as removed, for this reason.
    pub(crate) leave: BTreeMap<RecordId, RemovalReason>,
    /// Every other page comes twice.
    pub(crate) twice: bool,
    /// Set once everything was read: nothing is sent then.
    pub(crate) stop_after_reading: Option<Arc<AtomicBool>>,
    /// What somebody else does right before a push arrives.
    pub(crate) before_push: Option<Box<Act>>,
    /// What somebody else does right before a single record is read.
    pub(crate) before_fetch: Option<Box<Act>>,
    /// How often the network was used.
    pub(crate) calls: usize,
    /// Everything that was sent.
    pub(crate) sent: Vec<PushItem>,
    pub(crate) last: BTreeMap<EntityName, Page>,
}

/// A [`BackendTransport`] with rules.
pub(crate) struct Wire {
    inner: BackendTransport,
    backend: Arc<Mutex<Backend>>,
    pub(crate) rules: Mutex<Rules>,
}

impl Wire {
    pub(crate) fn new(backend: &Arc<Mutex<Backend>>) -> Self {
        let (inner, _) = BackendTransport::new(backend.clone(), "ann");
        Self {
            inner,
            backend: backend.clone(),
            rules: Mutex::default(),
        }
    }

    fn count(&self) {
        self.rules.lock().unwrap().calls += 1;
    }
}

pub(crate) fn broken() -> TransportError {
    TransportError::Lost {
        host: "memory".to_owned(),
        detail: "cut".to_owned(),
    }
}

#[async_trait]
impl Transport for Wire {
    async fn contact(&self) -> Result<Contact, TransportError> {
        self.count();
        self.inner.contact().await
    }

    async fn describe(&self) -> Result<Described, TransportError> {
        self.count();
        self.inner.describe().await
    }

    async fn settings(&self) -> Result<Option<Settings>, TransportError> {
        self.count();
        self.inner.settings().await
    }

    async fn capabilities(&self, entity: &Arc<EntitySchema>) -> Result<Capabilities, TransportError> {
        self.count();
        self.inner.capabilities(entity).await
    }

    async fn pull(&self, request: &PullRequest) -> Result<Page, TransportError> {
        self.count();
        let name = &request.entity.name;
        {
            let mut rules = self.rules.lock().unwrap();
            if request.checkpoint.is_some() && rules.expired.remove(name) {
                return Err(TransportError::CheckpointGone);
            }
            match &mut rules.pages_left {
                Some(0) => return Err(broken()),
                Some(left) => *left -= 1,
                None => {}
            }
            if rules.twice
                && let Some(page) = rules.last.remove(name).filter(|page| !page.last)
            {
                return Ok(page);
            }
        }
        let mut page = self.inner.pull(request).await?;
        let mut rules = self.rules.lock().unwrap();
        let leave = &rules.leave;
        page.rows.rows.retain(|row| !leave.contains_key(&row.id));
        page.stamps.clear();
        let leaving = leave.iter().map(|(id, reason)| Removal {
            id: id.clone(),
            reason: *reason,
        });
        if page.last && name.as_str() == "Account" {
            page.removed.extend(leaving);
        }
        rules.last.insert(name.clone(), page.clone());
        if page.last
            && name.as_str() == "Contact"
            && let Some(stop) = &rules.stop_after_reading
        {
            stop.store(true, Ordering::Release);
        }
        Ok(page)
    }

    async fn sweep(&self, request: &SweepRequest) -> Result<SweepPage, TransportError> {
        self.count();
        self.inner.sweep(request).await
    }

    async fn fetch(
        &self,
        schema: &Arc<Schema>,
        entity: &EntityName,
        id: &RecordId,
    ) -> Result<Option<ServerRecord>, TransportError> {
        self.count();
        if let Some(act) = &mut self.rules.lock().unwrap().before_fetch {
            act(&mut self.backend.lock().unwrap());
        }
        self.inner.fetch(schema, entity, id).await
    }

    async fn push(&self, schema: &Arc<Schema>, items: &[PushItem]) -> Result<PushReply, TransportError> {
        self.count();
        {
            let mut rules = self.rules.lock().unwrap();
            rules.sent.extend(items.iter().cloned());
            if let Some(act) = &mut rules.before_push {
                act(&mut self.backend.lock().unwrap());
            }
        }
        self.inner.push(schema, items).await
    }
}

/// Returns how far a store has read an entity, as this back end counts.
pub(crate) fn position(checkpoint: &Checkpoint) -> u64 {
    let number = checkpoint.0.split('/').next().and_then(|text| text.parse().ok());
    number.unwrap_or_default()
}
