//! Finding out what became of sendings whose reply never came, before anything else happens to their records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_record::{
    ChangeAction, Condition, EntityName, EntitySchema, OperationId, OperationState, RequestId, Schema,
    Sending, ServerRecord,
};
use driftless_store::{RecordStore, StoreError};
use driftless_transport::{Idempotency, PushItem, PushResult};

use super::push::{Results, results_of};
use super::session::{Session, Stop, concerns_everything};
use crate::ground::Ground;

/// After how long a back end may have forgotten a request id: 30 days. OASIS Repeatable Requests 1.0 names 50 days as a
/// sensible memory for mobile clients.
const FORGOTTEN_MILLIS: i64 = 30 * 86_400_000;

/// A sending with an unknown outcome.
struct Probe {
    sending: Sending,
    /// What its operations need.
    needs: BTreeSet<OperationId>,
}

impl Session<'_> {
    /// Probes every sending with an unknown outcome, by the best rung of the ladder that the back end has.
    pub(super) async fn settle_unknown(&mut self, written: &mut BTreeSet<EntityName>) -> Result<(), Stop> {
        let probes = self.worker.run(unknown_sendings).await?;
        let schema = self.worker.run(|store| store.schema()).await?;
        let mut repeatable = Vec::new();
        let mut limit = usize::MAX;
        for probe in probes {
            let name = &probe.sending.change.entity;
            written.insert(name.clone());
            let Some(entity) = schema.entity(name.as_str()).cloned() else {
                continue;
            };
            let Some(capabilities) = self.capability(&entity).await? else {
                continue;
            };
            match capabilities.idempotency {
                Idempotency::Repeatable => {
                    limit = limit.min(capabilities.batch.limit);
                    repeatable.push(probe);
                }
                Idempotency::ClientKey | Idempotency::None => self.read_back(&schema, probe.sending).await?,
            }
        }
        self.repeat(&schema, repeatable, limit).await
    }

    /// Sends the same bytes under the same request id again: the back end answers as it did the first time. Where it
    /// gives no answer to that, the record is read.
    async fn repeat(
        &mut self,
        schema: &Arc<Schema>,
        mut probes: Vec<Probe>,
        limit: usize,
    ) -> Result<(), Stop> {
        let mut chunks = Vec::new();
        while !probes.is_empty() {
            let rest = probes.split_off(probes.len().min(limit.max(1)));
            chunks.push(std::mem::replace(&mut probes, rest));
        }
        chunks.reverse();
        while let Some(mut chunk) = chunks.pop() {
            let items = items(&chunk);
            match self.transport.push(schema, &items).await {
                Ok(reply) => {
                    let (results, _) = results_of(&items, Ok(reply));
                    let (unknown, known): (Results, Results) = results
                        .into_iter()
                        .partition(|(_, result)| *result == PushResult::Unknown);
                    let confirmed = self.keep(&mut None, known).await?;
                    for record in confirmed.refresh {
                        self.fetch_or_note(&record).await?;
                    }
                    for (sending, _) in unknown {
                        self.read_back_if_old(schema, sending).await?;
                    }
                }
                Err(error) if concerns_everything(&error) => return Err(error.into()),
                // Refused as a whole: that says nothing about the first sending.
                Err(_) if chunk.len() > 1 => {
                    let rest = chunk.split_off(chunk.len() / 2);
                    chunks.extend([rest, chunk]);
                }
                Err(_) => {
                    for probe in chunk {
                        self.read_back_if_old(schema, probe.sending).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads the record of a sending that the back end may have forgotten. A younger one stays unknown: repeating it
    /// proves more than reading what others may have changed since.
    async fn read_back_if_old(&mut self, schema: &Schema, sending: Sending) -> Result<(), Stop> {
        let age = self.host.clock.now().millis_since(sending.first_sent);
        if age < FORGOTTEN_MILLIS {
            return Ok(());
        }
        self.read_back(schema, sending).await
    }

    /// Reads the record and compares: what was asked for is there, or it is not. If it cannot be read, the outcome
    /// stays unknown.
    async fn read_back(&mut self, schema: &Schema, sending: Sending) -> Result<(), Stop> {
        let record = (sending.change.entity.clone(), sending.change.record.clone());
        let Some(entity) = schema.entity(record.0.as_str()) else {
            return Ok(());
        };
        let Some(found) = self.fetch_or_note(&record).await? else {
            return Ok(());
        };
        let result = proof(entity, &sending, found);
        self.keep(&mut None, vec![(sending, result)]).await?;
        Ok(())
    }
}

/// Makes the items of a request; what needs another one of them stands behind it.
fn items(probes: &[Probe]) -> Vec<PushItem> {
    let needed = |probe: &Probe| {
        let carries = |other: &&Probe| other.sending.operations.iter().any(|id| probe.needs.contains(id));
        let others = probes.iter().filter(|other| other.sending.id != probe.sending.id);
        others.filter(carries).map(|other| other.sending.id).collect()
    };
    probes
        .iter()
        .map(|probe| PushItem {
            sending: probe.sending.clone(),
            after: needed(probe),
        })
        .collect()
}

/// Returns what reading the record proves about a sending.
fn proof(entity: &EntitySchema, sending: &Sending, found: Option<ServerRecord>) -> PushResult {
    let done = |found: ServerRecord| {
        let revision = found.record.revision.clone();
        PushResult::Done {
            revision,
            record: Some(Box::new(found)),
        }
    };
    match (&sending.change.action, found) {
        // Nobody else makes a record with a key that this device has drawn at random.
        (ChangeAction::Create(_), Some(found)) if entity.guid_key().is_some() => done(found),
        (ChangeAction::Create(fields) | ChangeAction::Update(fields), Some(found)) => {
            // A value that the server does not show proves nothing.
            let same = |(field, value): (_, &_)| found.record.fields.get(field) == Some(value);
            let untouched = matches!(&sending.change.condition, Condition::Revision(revision)
                if found.record.revision.as_ref() == Some(revision));
            if !untouched && fields.iter().all(same) {
                done(found)
            } else {
                PushResult::Skipped
            }
        }
        (ChangeAction::Delete, None) => PushResult::Done {
            revision: None,
            record: None,
        },
        (ChangeAction::Create(_) | ChangeAction::Update(_), None) | (ChangeAction::Delete, Some(_)) => {
            PushResult::Skipped
        }
    }
}

fn unknown_sendings(store: &dyn RecordStore) -> Result<Vec<Probe>, StoreError> {
    let ground = Ground::read(store)?;
    let mut needs: BTreeMap<RequestId, BTreeSet<OperationId>> = BTreeMap::new();
    let mut order = Vec::new();
    for operation in &ground.pending {
        if let OperationState::Unknown(id) = operation.state {
            if !needs.contains_key(&id) {
                order.push(id);
            }
            needs.entry(id).or_default().extend(&operation.needs);
        }
    }
    let mut probes = Vec::with_capacity(order.len());
    for id in order {
        let needs = needs.remove(&id).unwrap_or_default();
        probes.extend(store.sending(id)?.map(|sending| Probe { sending, needs }));
    }
    Ok(probes)
}
