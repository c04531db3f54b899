//! The transport to the back end in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use driftless_record::{
    EntityName, EntitySchema, FieldName, OperationId, RecordId, Revision, Row, RowSet, Schema, ServerRecord,
    Settings, TenantId, Timestamp, UserId, Value,
};
use driftless_store::fit;
use driftless_transport::{
    Capabilities, Checkpoint, Contact, Deletions, Described, Page, PullRequest, PushItem, PushReply, Removal,
    RemovalReason, SweepPage, SweepRequest, Transport, TransportError,
};
use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::future::pending;

use super::data::Stored;
use super::sight::Scope;
use super::{Backend, Fault};

/// The way to a [`Backend`], for one user. Clones lead to the same back end.
#[derive(Debug, Clone)]
pub struct BackendTransport {
    backend: Arc<Mutex<Backend>>,
    user: UserId,
    killed: UnboundedSender<()>,
}

impl BackendTransport {
    /// Makes a way to a back end, and the channel that tells when a fault kills the device: the call never returns
    /// then, and the test drops it.
    #[must_use]
    pub fn new(backend: Arc<Mutex<Backend>>, user: &str) -> (Self, UnboundedReceiver<()>) {
        let (killed, kills) = unbounded();
        (
            Self {
                backend,
                user: UserId(user.to_owned()),
                killed,
            },
            kills,
        )
    }

    /// Returns the tenant that the back end belongs to.
    #[must_use]
    pub fn tenant() -> TenantId {
        TenantId("memory".to_owned())
    }

    /// Returns the place before the first change of the second in which a checkpoint lies.
    #[must_use]
    pub fn second_before(&self, checkpoint: &Checkpoint) -> u64 {
        let place = number(checkpoint).map_or(0, |(place, _)| place);
        self.lock().second_before(place)
    }

    fn lock(&self) -> MutexGuard<'_, Backend> {
        self.backend.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lost(detail: &str) -> TransportError {
    TransportError::Lost {
        host: "memory".to_owned(),
        detail: detail.to_owned(),
    }
}

fn number(checkpoint: &Checkpoint) -> Result<(u64, u64), TransportError> {
    let parts = checkpoint
        .0
        .split_once('/')
        .and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    parts.ok_or_else(|| TransportError::Protocol("not a checkpoint of this back end".to_owned()))
}

#[async_trait]
impl Transport for BackendTransport {
    async fn contact(&self) -> Result<Contact, TransportError> {
        let backend = self.lock();
        if backend.is_away {
            return Err(lost("no answer"));
        }
        Ok(Contact {
            user: self.user.clone(),
            display_name: self.user.to_string(),
            tenant: Self::tenant(),
            server: "memory".to_owned(),
            server_time: Some(Timestamp(backend.now)),
            server_time_error: backend.time_error,
        })
    }

    async fn describe(&self) -> Result<Described, TransportError> {
        Ok(Described {
            schema: (*self.lock().schema).clone(),
            notes: Vec::new(),
        })
    }

    async fn settings(&self) -> Result<Option<Settings>, TransportError> {
        Ok(self.lock().settings.clone())
    }

    async fn capabilities(&self, _entity: &Arc<EntitySchema>) -> Result<Capabilities, TransportError> {
        Ok(self.lock().capabilities.clone())
    }

    /// Reads changes in the order in which they happened: a checkpoint is "position/end of this set". What changes while
    /// a set is read belongs to the next one.
    async fn pull(&self, request: &PullRequest) -> Result<Page, TransportError> {
        let backend = self.lock();
        let name = &request.entity.name;
        let (from, end) = match &request.checkpoint {
            Some(checkpoint) => number(checkpoint)?,
            None => (0, 0),
        };
        let end = if end == 0 { backend.sequence } else { end };
        if request.checkpoint.is_some() && from.max(end) < backend.known_from {
            return Err(TransportError::CheckpointGone);
        }
        let scope = Scope::new(&backend, &request.entity, request.filter.as_ref())?;
        let mut changes: Vec<(u64, &RecordId)> = backend
            .changed
            .iter()
            .filter(|((entity, _), at)| entity == name && **at > from && **at <= end)
            .map(|((_, id), at)| (*at, id))
            .collect();
        changes.sort_unstable();
        let total = changes.len() as u64;
        let page: Vec<_> = changes.into_iter().take(request.max_rows).collect();
        let last = (page.len() as u64) == total;
        let position = if last {
            end.max(page.last().map_or(0, |(at, _)| *at))
        } else {
            page.last().map_or(from, |(at, _)| *at)
        };
        let columns: Arc<[FieldName]> = request
            .entity
            .fields
            .iter()
            .map(|field| field.name.clone())
            .collect();
        let (mut rows, mut removed, mut stamps) = (Vec::new(), Vec::new(), Vec::new());
        for (_, id) in page {
            match backend.records.get(&(name.clone(), id.clone())) {
                Some(stored) if !scope.covers(id, stored) => removed.push(Removal {
                    id: id.clone(),
                    reason: backend.reason(RemovalReason::Changed),
                }),
                Some(stored) => {
                    if backend.capabilities.stamps && request.checkpoint.is_some() {
                        let of_row = stored
                            .stamps
                            .iter()
                            .map(|(field, stamp)| (field.clone(), backend.told_stamp(*stamp)))
                            .collect();
                        stamps.push((rows.len(), of_row));
                    }
                    let row = row(id, stored, backend.told(stored.revision), &columns);
                    can_be_read(&request.entity, columns.iter().zip(&row.values))?;
                    rows.push(row);
                }
                None => removed.push(Removal {
                    id: id.clone(),
                    reason: backend.reason(RemovalReason::Deleted),
                }),
            }
        }
        if backend.capabilities.deletions != Deletions::Reported {
            removed.clear();
        }
        Ok(Page {
            rows: RowSet {
                entity: name.clone(),
                columns,
                rows,
            },
            stamps,
            removed,
            next: Checkpoint(format!("{position}/{}", if last { 0 } else { end })),
            last,
            total: Some(total),
            bytes: 0,
            server_time: Some(Timestamp(backend.now)),
        })
    }

    async fn sweep(&self, request: &SweepRequest) -> Result<SweepPage, TransportError> {
        let backend = self.lock();
        let scope = Scope::new(&backend, &request.entity, request.filter.as_ref())?;
        let of_entity = backend
            .records
            .iter()
            .filter(|((entity, id), _)| *entity == request.entity.name && !backend.hidden.contains(id))
            .filter(|((_, id), stored)| scope.covers(id, stored));
        let record = |id: &RecordId, stored: &Stored| backend.server_record(&request.entity.name, id, stored);
        let ids = of_entity
            .map(|((_, id), stored)| (id.clone(), record(id, stored).record.revision))
            .collect();
        Ok(SweepPage { ids, next: None })
    }

    async fn fetch(
        &self,
        schema: &Arc<Schema>,
        entity: &EntityName,
        id: &RecordId,
    ) -> Result<Option<ServerRecord>, TransportError> {
        let backend = self.lock();
        match backend.unreadable.get(id) {
            Some(error) => Err(error.clone()),
            None => backend
                .seen(entity, id)
                .map(|found| read(schema, found))
                .transpose(),
        }
    }

    async fn made_by(
        &self,
        schema: &Arc<Schema>,
        entity: &EntityName,
        operation: OperationId,
    ) -> Result<Option<ServerRecord>, TransportError> {
        let backend = self.lock();
        let made = backend.made.get(&operation).filter(|key| key.0 == *entity);
        let made = made.and_then(|key| backend.seen(&key.0, &key.1));
        made.map(|found| read(schema, found)).transpose()
    }

    async fn push(&self, _schema: &Arc<Schema>, items: &[PushItem]) -> Result<PushReply, TransportError> {
        let (fault, reply) = self.answer(items);
        match fault {
            Fault::Unreachable => Err(TransportError::Unreachable {
                host: "memory".to_owned(),
                detail: "down".to_owned(),
            }),
            Fault::RequestLost | Fault::Late => Err(lost("request lost")),
            Fault::ReplyLost => Err(lost("reply lost")),
            Fault::KilledBefore | Fault::KilledAfter => {
                // Nobody listens once the device is gone.
                let _ = self.killed.unbounded_send(());
                pending().await
            }
            Fault::None | Fault::Twice | Fault::ReplyCut(_) => Ok(reply),
        }
    }
}

impl BackendTransport {
    /// Lets a push have its effect, as far as its fault lets it, and returns the fault with what the reply would be.
    fn answer(&self, items: &[PushItem]) -> (Fault, PushReply) {
        let mut backend = self.lock();
        let fault = backend.next_fault();
        if matches!(
            fault,
            Fault::Unreachable | Fault::RequestLost | Fault::KilledBefore
        ) {
            return (fault, PushReply::default());
        }
        if fault == Fault::Late {
            backend.late.push(items.to_vec());
            return (fault, PushReply::default());
        }
        if fault == Fault::Twice {
            backend.carry_out_all(items);
        }
        let Some(mut results) = backend.carry_out_all(items) else {
            return (Fault::ReplyLost, PushReply::default());
        };
        for late in std::mem::take(&mut backend.late) {
            backend.carry_out_all(&late);
        }
        if let Fault::ReplyCut(after) = fault {
            let kept: Vec<_> = items.iter().take(after).map(|item| item.sending.id).collect();
            results.retain(|id, _| kept.contains(id));
        }
        (
            fault,
            PushReply {
                results,
                server_time: Some(Timestamp(backend.now)),
            },
        )
    }
}

/// Reads a record as a connector does that knows this schema: without what it does not know.
fn read(schema: &Schema, mut found: ServerRecord) -> Result<ServerRecord, TransportError> {
    if let Some(entity) = schema.entity(found.record.entity.as_str()) {
        found.record.fields.retain(|name, _| entity.field(name).is_some());
        found.stamps.retain(|name, _| entity.field(name).is_some());
        can_be_read(entity, &found.record.fields)?;
    }
    Ok(found)
}

/// Checks that values are of the kinds that a connector expects who knows this entity.
fn can_be_read<'a>(
    entity: &EntitySchema,
    values: impl IntoIterator<Item = (&'a FieldName, &'a Value)>,
) -> Result<(), TransportError> {
    for (name, value) in values {
        if entity
            .field(name)
            .is_some_and(|field| fit(&field.kind, value).is_err())
        {
            let text = format!(
                "{name} of {} is of another kind than the schema says",
                entity.name
            );
            return Err(TransportError::Protocol(text));
        }
    }
    Ok(())
}

fn row(id: &RecordId, stored: &Stored, revision: Option<Revision>, columns: &[FieldName]) -> Row {
    let values = columns
        .iter()
        .map(|field| stored.fields.get(field).cloned().unwrap_or_default())
        .collect();
    Row {
        id: id.clone(),
        revision,
        values,
    }
}
