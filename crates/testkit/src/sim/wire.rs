//! The transport of a simulated device: requests travel, arrive, are answered or lost, in simulated time.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use driftless_record::{EntityName, EntitySchema, OperationId, RecordId, Schema, ServerRecord, Settings};
use driftless_transport::{
    Capabilities, ChangeDetection, Checkpoint, Contact, Deletions, Described, Page, PullRequest, PushItem,
    PushReply, SweepPage, SweepRequest, Transport, TransportError,
};
use futures_util::FutureExt as _;
use futures_util::future::pending;

use super::life::{Life, Turn};
use super::network::{Fate, Network, TIMEOUT};
use super::timeline::{Due, Timeline};
use crate::backend::BackendTransport;

/// How many changes a watermark overlaps with what was read before.
const OVERLAP: u64 = 2;

/// The way to the server as one process sees it.
#[derive(Debug, Clone)]
pub(super) struct SimTransport {
    pub(super) device: usize,
    pub(super) timeline: Arc<Timeline>,
    pub(super) network: Arc<Network>,
    pub(super) life: Arc<Life>,
    pub(super) capabilities: Capabilities,
    /// Whether changes are found by a date that knows whole seconds only.
    pub(super) whole_seconds: bool,
    /// What a broken transport makes of the sendings of a request, before each.
    pub(super) tamper: Option<fn(&mut Vec<PushItem>)>,
}

fn lost() -> TransportError {
    TransportError::Lost {
        host: "memory".to_owned(),
        detail: "no answer".to_owned(),
    }
}

/// Where an answer is put when the server has made it.
type Slot<T> = Arc<Mutex<Option<Result<T, TransportError>>>>;

/// What a request does at the server.
type Call<T> = Arc<dyn Fn(&BackendTransport) -> Result<T, TransportError> + Send + Sync>;

impl SimTransport {
    /// Makes a request; returns the answer, and after how many results it is cut.
    async fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        call: Call<T>,
    ) -> Result<(T, Option<usize>), TransportError> {
        let turn = self.life.enter();
        if turn == Turn::Dead {
            return pending().await;
        }
        let fate = self.network.fate(self.timeline.now());
        let answer: Slot<T> = Arc::default();
        let arrive = |after: i64, slot: Option<Slot<T>>| {
            let call = call.clone();
            let arrival = Box::new(move |server: &BackendTransport| {
                let result = call(server);
                if let Some(slot) = slot {
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                }
            });
            self.timeline
                .after(after, Due::Arrive(self.device, what, arrival));
        };
        let (wait, cut) = match fate {
            Fate::Answered {
                there,
                back,
                cut,
                again,
            } => {
                arrive(there, Some(answer.clone()));
                if let Some(later) = again {
                    arrive(later, None);
                }
                (there + back, cut)
            }
            Fate::ReplyLost { there } => {
                arrive(there, None);
                (TIMEOUT, None)
            }
            Fate::Fails(after, error) => {
                *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(Err(error));
                (after, None)
            }
        };
        if turn == Turn::GoesUnseen {
            return pending().await;
        }
        self.timeline.wait(self.device, wait.min(TIMEOUT)).await;
        let answered = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        answered.unwrap_or_else(|| Err(lost())).map(|value| (value, cut))
    }
}

/// Returns what a call to the back end in memory came to; it never waits.
fn at_once<T>(future: impl Future<Output = Result<T, TransportError>>) -> Result<T, TransportError> {
    future.now_or_never().unwrap_or_else(|| Err(lost()))
}

#[async_trait]
impl Transport for SimTransport {
    async fn contact(&self) -> Result<Contact, TransportError> {
        let call: Call<Contact> = Arc::new(|server| at_once(server.contact()));
        self.ask("contact", call).await.map(|(contact, _)| contact)
    }

    async fn describe(&self) -> Result<Described, TransportError> {
        let call: Call<Described> = Arc::new(|server| at_once(server.describe()));
        self.ask("describe", call).await.map(|(described, _)| described)
    }

    async fn settings(&self) -> Result<Option<Settings>, TransportError> {
        let call: Call<Option<Settings>> = Arc::new(|server| at_once(server.settings()));
        self.ask("settings", call).await.map(|(settings, _)| settings)
    }

    async fn capabilities(&self, _entity: &Arc<EntitySchema>) -> Result<Capabilities, TransportError> {
        Ok(self.capabilities.clone())
    }

    async fn pull(&self, request: &PullRequest) -> Result<Page, TransportError> {
        let asked = request.clone();
        let call: Call<(Page, u64)> = Arc::new(move |server| {
            let page = at_once(server.pull(&asked))?;
            let before = server.second_before(&page.next);
            Ok((page, before))
        });
        let (mut page, before) = self.ask("pull", call).await?.0;
        if self.capabilities.deletions == Deletions::Sweep {
            page.removed.clear();
        }
        if page.last {
            page.next = self.resume(page.next, before);
        }
        Ok(page)
    }

    async fn sweep(&self, request: &SweepRequest) -> Result<SweepPage, TransportError> {
        let asked = request.clone();
        let call: Call<SweepPage> = Arc::new(move |server| at_once(server.sweep(&asked)));
        self.ask("sweep", call).await.map(|(page, _)| page)
    }

    async fn fetch(
        &self,
        schema: &Arc<Schema>,
        entity: &EntityName,
        id: &RecordId,
    ) -> Result<Option<ServerRecord>, TransportError> {
        let (schema, entity, id) = (schema.clone(), entity.clone(), id.clone());
        let call: Call<Option<ServerRecord>> =
            Arc::new(move |server| at_once(server.fetch(&schema, &entity, &id)));
        self.ask("fetch", call).await.map(|(found, _)| found)
    }

    async fn made_by(
        &self,
        schema: &Arc<Schema>,
        entity: &EntityName,
        operation: OperationId,
    ) -> Result<Option<ServerRecord>, TransportError> {
        let (schema, entity) = (schema.clone(), entity.clone());
        let call: Call<Option<ServerRecord>> =
            Arc::new(move |server| at_once(server.made_by(&schema, &entity, operation)));
        self.ask("look", call).await.map(|(found, _)| found)
    }

    async fn push(&self, schema: &Arc<Schema>, items: &[PushItem]) -> Result<PushReply, TransportError> {
        let mut sent = items.to_vec();
        if let Some(tamper) = self.tamper {
            tamper(&mut sent);
        }
        let renamed: Vec<_> = sent
            .iter()
            .zip(items)
            .map(|(sent, item)| (sent.sending.id, item.sending.id))
            .collect();
        let schema = schema.clone();
        let call: Call<PushReply> = Arc::new(move |server| at_once(server.push(&schema, &sent)));
        let (mut reply, cut) = self.ask("push", call).await?;
        for (sent, id) in renamed.into_iter().filter(|(sent, id)| sent != id) {
            if let Some(result) = reply.results.remove(&sent) {
                reply.results.insert(id, result);
            }
        }
        if let Some(after) = cut {
            let kept: Vec<_> = items.iter().take(after).map(|item| item.sending.id).collect();
            reply.results.retain(|id, _| kept.contains(id));
        }
        Ok(reply)
    }
}

impl SimTransport {
    /// Returns where the next pull begins, by the way in which the back end tells changes.
    fn resume(&self, next: Checkpoint, before: u64) -> Checkpoint {
        match self.capabilities.changes {
            ChangeDetection::Delta => next,
            ChangeDetection::FullRead => Checkpoint("0/0".to_owned()),
            ChangeDetection::Watermark if self.whole_seconds => Checkpoint(format!("{before}/0")),
            ChangeDetection::Watermark => {
                let position = next.0.split('/').next().and_then(|text| text.parse::<u64>().ok());
                Checkpoint(format!(
                    "{}/0",
                    position.unwrap_or_default().saturating_sub(OVERLAP)
                ))
            }
        }
    }
}
