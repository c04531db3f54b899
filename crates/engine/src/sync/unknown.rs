//! Finding out what became of sendings whose reply never came, before anything else happens to their records.

use std::collections::BTreeSet;

use driftless_record::{
    ChangeAction, Condition, EntityName, OperationState, RequestId, Sending, ServerRecord,
};
use driftless_transport::{Idempotency, PushItem, PushResult};

use super::push::{is_unknown, results_of};
use super::session::{Session, Stop};
use crate::ground::Ground;

impl Session<'_> {
    /// Probes every sending with an unknown outcome, by the best rung of the ladder that the back end has.
    pub(super) async fn settle_unknown(&mut self, written: &mut BTreeSet<EntityName>) -> Result<(), Stop> {
        let sendings = self.worker.run(unknown_sendings).await?;
        let mut repeatable = Vec::new();
        for sending in sendings {
            written.insert(sending.change.entity.clone());
            let schema = self.worker.run(|store| store.schema()).await?;
            let Some(entity) = schema.entity(sending.change.entity.as_str()).cloned() else {
                continue;
            };
            let Some(capabilities) = self.capability(&entity).await? else {
                continue;
            };
            match capabilities.idempotency {
                Idempotency::Repeatable => repeatable.push((sending, capabilities.batch.limit)),
                Idempotency::ClientKey | Idempotency::None => self.read_back(sending).await?,
            }
        }
        self.repeat(repeatable).await
    }

    /// Sends the same bytes under the same request id again: the back end answers as it did the first time.
    async fn repeat(&mut self, sendings: Vec<(Sending, usize)>) -> Result<(), Stop> {
        let limit = sendings.iter().map(|(_, limit)| *limit).min().unwrap_or(1).max(1);
        let sendings: Vec<Sending> = sendings.into_iter().map(|(sending, _)| sending).collect();
        for chunk in sendings.chunks(limit) {
            let schema = self.worker.run(|store| store.schema()).await?;
            let items: Vec<_> = chunk
                .iter()
                .map(|sending| PushItem {
                    sending: sending.clone(),
                    after: Vec::new(),
                })
                .collect();
            let reply = self.transport.push(&schema, &items).await;
            let (mut results, error) = results_of(&items, reply);
            if error.is_some() {
                // Nothing new is known of the first sending.
                results
                    .iter_mut()
                    .for_each(|(_, result)| *result = PushResult::Unknown);
            }
            let confirmed = self.keep(&mut None, results).await?;
            for record in confirmed.refresh {
                self.fetch(&record).await?;
            }
            if let Some(error) = error {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Reads the record and compares: what was asked for is there, or it is not.
    async fn read_back(&mut self, sending: Sending) -> Result<(), Stop> {
        let record = (sending.change.entity.clone(), sending.change.record.clone());
        let found = self.fetch(&record).await?;
        let result = proof(&sending, found);
        self.keep(&mut None, vec![(sending, result)]).await?;
        Ok(())
    }
}

/// Returns what reading the record proves about a sending.
fn proof(sending: &Sending, found: Option<ServerRecord>) -> PushResult {
    let done = |found: ServerRecord| {
        let revision = found.record.revision.clone();
        PushResult::Done {
            revision,
            record: Some(Box::new(found)),
        }
    };
    match (&sending.change.action, found) {
        (ChangeAction::Create(fields) | ChangeAction::Update(fields), Some(found)) => {
            let same =
                |(field, value): (_, &_)| found.record.fields.get(field).is_none_or(|now| now == value);
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

fn unknown_sendings(
    store: &dyn driftless_store::RecordStore,
) -> Result<Vec<Sending>, driftless_store::StoreError> {
    let ground = Ground::read(store)?;
    let mut ids: Vec<RequestId> = Vec::new();
    for operation in ground.pending.iter().filter(|operation| is_unknown(operation)) {
        if let OperationState::Unknown(id) = operation.state
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    }
    let mut sendings = Vec::with_capacity(ids.len());
    for id in ids {
        sendings.extend(store.sending(id)?);
    }
    Ok(sendings)
}
