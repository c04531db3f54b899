//! Sending the outbox: plan, make durable, send, confirm in one commit, until nothing more can go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_record::{Change, EntityName, OperationId, Schema, Sending};
use driftless_store::{LogSelection, RecordStore, Retry, StoreError, Write};
use driftless_transport::{Capabilities, PushItem, PushResult, TransportError};

use super::fetch::Read;
use super::session::{Session, Stop};
use crate::circle::opened;
use crate::clash;
use crate::confirm::{Confirmed, News, Sent, confirm};
use crate::ground::{Ground, Key};
use crate::host::Host;
use crate::left::Left;
use crate::notes::{self, Note};
use crate::obstacle::released;
use crate::parts;
use crate::plan::{Answers, Batch, Context, Judging, Objection, next_batch};
use crate::progress::Stage;
use crate::refit;
use crate::remap;
use crate::renewed::renewed;
use crate::setback::set_back;
use crate::staged;

/// What is known after one request, with the sendings that it is about.
pub(super) type Results = Vec<(Sending, News)>;

/// How many requests in a row may change nothing before the rest waits for the next synchronization.
const MAX_IDLE: usize = 3;

/// Where sending stands within one synchronization.
struct Pushing {
    /// The last reading of the outbox, if it still holds.
    ground: Option<Ground>,
    /// Records that were read from the server.
    fetched: BTreeSet<Key>,
    /// Records whose operations stay back.
    held: BTreeSet<Key>,
    /// The most sendings in a request, after the server refused larger ones whole.
    shrink: usize,
    /// How many requests in a row changed nothing.
    idle: usize,
    /// What the app's policy has answered.
    answers: Answers,
    /// What the server has against values, by record.
    objections: BTreeMap<Key, Objection>,
}

impl Session<'_> {
    /// Sends everything that can be sent, and adds the entities that were written to.
    pub(super) async fn push_all(&mut self, written: &mut BTreeSet<EntityName>) -> Result<(), Stop> {
        let mut push = Pushing {
            ground: None,
            fetched: BTreeSet::new(),
            held: BTreeSet::new(),
            shrink: usize::MAX,
            idle: 0,
            answers: Answers::default(),
            objections: BTreeMap::new(),
        };
        self.release().await?;
        while push.idle < MAX_IDLE {
            self.in_time()?;
            let batch = self.next_batch(&mut push).await?;
            let read = self.read_first(&mut push, &batch).await?;
            let asked = self.ask_first(&mut push, &batch).await?;
            if !batch.items.is_empty() {
                self.send_batch(&mut push, &batch, written).await?;
            } else if batch.decided == 0 && !read && !asked {
                break;
            }
        }
        Ok(())
    }

    /// Reads the records that a plan asks for; returns whether there were any. What cannot be read stays back until a
    /// later synchronization.
    async fn read_first(&mut self, push: &mut Pushing, batch: &Batch) -> Result<bool, Stop> {
        for record in &batch.fetch {
            push.ground = None;
            if push.fetched.insert(record.clone()) {
                self.read_or_hold(push, record, None).await?;
            } else {
                push.held.insert(record.clone());
            }
        }
        Ok(!batch.fetch.is_empty())
    }

    /// Puts the conflicts that a plan asks about to the app's policy; returns whether there were any.
    async fn ask_first(&mut self, push: &mut Pushing, batch: &Batch) -> Result<bool, Stop> {
        for case in &batch.ask {
            self.in_time()?;
            let answer = self.judge.ask(&*self.host.clock, case.clone()).await;
            push.answers.keep(case.clone(), answer);
        }
        Ok(!batch.ask.is_empty())
    }

    /// Reads a record, which a command of ours may have left as it is; if it cannot be read, its operations stay back and
    /// are set back.
    async fn read_or_hold(
        &mut self,
        push: &mut Pushing,
        record: &Key,
        left: Option<Left>,
    ) -> Result<(), Stop> {
        if let Read::Failed(cause) = self.fetch_or_note(record, left).await? {
            push.held.insert(record.clone());
            let (record, now) = (record.clone(), self.host.clock.now());
            self.worker
                .run(move |store| commit_planned(store, |ground| Ok(set_back(ground, now, &record, &cause))))
                .await?;
        }
        Ok(())
    }

    /// Puts back into the queue what was parked for an obstacle that has passed, and brings open conflicts up to date.
    async fn release(&mut self) -> Result<(), Stop> {
        let now = self.host.clock.now();
        let release = move |store: &dyn RecordStore| {
            if store.log(&LogSelection::Open)?.is_empty() {
                return Ok(());
            }
            let planned = commit_planned(store, |ground| {
                // Read with the ground: what a person has settled meanwhile stays settled as he did it.
                let open = store.log(&LogSelection::Open)?;
                let mut writes = renewed(ground, &open);
                writes.extend(released(ground, open, now));
                Ok(writes)
            });
            planned.map(drop)
        };
        Ok(self.worker.run(release).await?)
    }

    async fn send_batch(
        &mut self,
        push: &mut Pushing,
        batch: &Batch,
        written: &mut BTreeSet<EntityName>,
    ) -> Result<(), Stop> {
        match self.send(&mut push.ground, &batch.items).await {
            Ok(confirmed) => {
                let changes = batch.items.iter().map(|item| &item.sending.change);
                written.extend(changes.flat_map(Change::entities).cloned());
                push.idle = if confirmed.changed_something() {
                    0
                } else {
                    push.idle + 1
                };
                push.shrink = usize::MAX;
                self.losses = 0;
                push.objections.extend(confirmed.objections);
                written.extend(confirmed.made_in);
                for record in confirmed.refresh {
                    push.ground = None;
                    let left = confirmed.left.get(&record).cloned();
                    self.read_or_hold(push, &record, left).await?;
                    push.fetched.insert(record);
                }
                let remaining = push.ground.as_ref().map(|ground| ground.pending.len() as u64);
                let done = self.report.applied as u64;
                self.tell(
                    Stage::Send,
                    None,
                    done,
                    remaining.map(|remaining| done + remaining),
                );
            }
            // One poison change must not hold up the others: halve until it stands alone.
            Err(Stop::Transport(TransportError::Refused(cause)))
                if !stand_alone(&batch.items) && !cause.class.is_passing() =>
            {
                push.shrink = batch.items.len() / 2;
                push.ground = None;
            }
            Err(Stop::Transport(error)) if error.may_have_happened() => {
                self.go_on_after(error).await?;
                // The way is open, so this request is at fault: halve until what breaks it stands alone.
                push.shrink = (batch.items.len() / 2).max(1);
                push.ground = None;
                if stand_alone(&batch.items) {
                    let nothing = |item: &PushItem| (item.sending.clone(), News::Answer(PushResult::Unknown));
                    self.keep(&mut None, batch.items.iter().map(nothing).collect())
                        .await?;
                }
                self.settle_unknown(Sent::Now, written).await?;
            }
            Err(stop) => return Err(stop),
        }
        Ok(())
    }

    /// Plans the next batch and commits what must be durable before it is sent.
    async fn next_batch(&mut self, push: &mut Pushing) -> Result<Batch, Stop> {
        loop {
            let mut reading = match push.ground.take() {
                Some(reading) => reading,
                None => {
                    let host = self.host.clone();
                    self.worker.run(move |store| read_opened(store, &host)).await?
                }
            };
            self.learn_capabilities(&reading).await?;
            let limit = self.batch_limit(&reading).min(push.shrink).max(1);
            let batch = {
                let host = self.host;
                let new_id = || host.uuid();
                let context = Context {
                    capabilities: &self.capabilities,
                    judging: Judging {
                        policy: &self.judge.policy,
                        answers: &push.answers,
                    },
                    now: self.host.clock.now(),
                    server_now: self.server_now(reading.clock),
                    new_id: &new_id,
                    fresh: Some(&push.fetched),
                    held: &push.held,
                    objections: &push.objections,
                    limit,
                };
                next_batch(&mut reading, &context)
            };
            if !batch.fetch.is_empty() || !batch.ask.is_empty() {
                // Nothing is made durable on a plan that is not whole yet.
                return Ok(Batch {
                    fetch: batch.fetch,
                    ask: batch.ask,
                    ..Batch::default()
                });
            }
            let writes = batch.writes.clone();
            let committed = self
                .worker
                .run(move |store| match reading.commit(store, writes) {
                    Err(error) if error.retry() == Retry::Reread => Ok(None),
                    done => done.map(|()| Some(reading)),
                })
                .await?;
            if let Some(reading) = committed {
                push.objections
                    .retain(|_, objection| objection.is_open(&reading.pending));
                push.ground = Some(reading);
                self.report.decided += batch.decided;
                self.report.refused += batch.refused;
                return Ok(batch);
            }
        }
    }

    async fn learn_capabilities(&mut self, reading: &Ground) -> Result<(), Stop> {
        let unknown: BTreeSet<&EntityName> = reading
            .pending
            .iter()
            .map(|operation| &operation.entity)
            .filter(|name| !self.capabilities.contains_key(*name))
            .collect();
        for name in unknown {
            if let Some(entity) = reading.schema.entity(name.as_str()) {
                self.capability(&entity.clone()).await?;
            }
        }
        Ok(())
    }

    fn batch_limit(&self, reading: &Ground) -> usize {
        let of = |name: &EntityName| self.capabilities.get(name).map(|c: &Capabilities| c.batch.limit);
        reading
            .pending
            .iter()
            .filter_map(|operation| of(&operation.entity))
            .min()
            .unwrap_or(1)
    }

    /// Sends a batch that was made durable, and confirms its reply.
    async fn send(&mut self, ground: &mut Option<Ground>, items: &[PushItem]) -> Result<Confirmed, Stop> {
        let schema = self.schema(ground.as_ref()).await?;
        self.worker.hold().await?;
        let reply = self.transport.push(&schema, items).await;
        let (results, error) = results_of(items, reply);
        let confirmed = self.keep(ground, results).await?;
        match error {
            Some(error) => Err(error.into()),
            None => Ok(confirmed),
        }
    }

    async fn schema(&self, ground: Option<&Ground>) -> Result<Arc<Schema>, Stop> {
        match ground {
            Some(reading) => Ok(reading.schema.clone()),
            None => Ok(self.worker.run(|store| store.schema()).await?),
        }
    }

    /// Commits what the results of one request prove: one commit, however many operations it carried.
    pub(super) async fn keep(
        &mut self,
        ground: &mut Option<Ground>,
        results: Results,
    ) -> Result<Confirmed, Stop> {
        let host = self.host.clone();
        let reading = ground.take();
        let (reading, confirmed) = self
            .worker
            .run(move |store| keep(store, reading, &results, &host))
            .await?;
        *ground = Some(reading);
        self.report.applied += confirmed.applied;
        self.report.merged += confirmed.merged;
        self.report.refused += confirmed.refused;
        Ok(confirmed)
    }
}

fn keep(
    store: &dyn RecordStore,
    mut reading: Option<Ground>,
    results: &Results,
    host: &Host,
) -> Result<(Ground, Confirmed), StoreError> {
    loop {
        let mut ground = match reading.take() {
            Some(ground) => ground,
            None => Ground::read(store)?,
        };
        let now = host.clock.now();
        let splits = results
            .iter()
            .filter(|_| ground.settings.park_forbidden_field_alone);
        let mut confirmed = Confirmed {
            spare_ids: splits.map(|_| host.uuid()).collect(),
            ..Confirmed::default()
        };
        let records = results.iter().map(|(sending, _)| &sending.change);
        let pending = ground.pending_of_each(records.map(|change| (&change.entity, &change.record)));
        for (sending, news) in results {
            let key = (sending.change.entity.clone(), sending.change.record.clone());
            let of_record = pending.get(&key).cloned().unwrap_or_default();
            let news = clash::with_other(store, &ground, (sending, news), now)?;
            confirm(&mut ground, now, sending, (&news, of_record), &mut confirmed);
        }
        let sent = results.iter().map(|(sending, _)| &sending.change);
        let sent = sent.map(|change| (&change.entity, &change.record));
        confirmed.writes.extend(staged::without(store, sent)?);
        if confirmed.applied > 0 && notes::read::<bool>(store, &Note::Unread)?.is_none() {
            confirmed.writes.push(notes::write(&Note::Unread, &true));
        }
        confirmed.writes.extend(parts::noted(store, &confirmed.parts)?);
        let more = remap::behind(store, &ground, &confirmed.writes, &confirmed.renames, now)?;
        confirmed.writes.extend(more);
        match ground.commit(store, confirmed.writes.clone()) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|()| (ground, confirmed)),
        }
    }
}

/// Reads the outbox as the schema is now, with every circle in it opened.
fn read_opened(store: &dyn RecordStore, host: &Host) -> Result<Ground, StoreError> {
    commit_planned(store, |ground| {
        let mut writes = refit::left_behind(ground);
        writes.extend(opened(ground, host.clock.now(), &|| OperationId(host.uuid())));
        Ok(writes)
    })
}

/// Commits what is planned on a reading of the outbox, planned anew as often as somebody was faster; returns the reading
/// with it.
fn commit_planned(
    store: &dyn RecordStore,
    plan: impl Fn(&mut Ground) -> Result<Vec<Write>, StoreError>,
) -> Result<Ground, StoreError> {
    loop {
        let mut ground = Ground::read(store)?;
        let writes = plan(&mut ground)?;
        match ground.commit(store, writes) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|()| ground),
        }
    }
}

/// Returns what became of each sending, and the error that concerns the request as a whole.
pub(super) fn results_of(
    items: &[PushItem],
    reply: Result<driftless_transport::PushReply, TransportError>,
) -> (Results, Option<TransportError>) {
    let all = |news: News| {
        items
            .iter()
            .map(|item| (item.sending.clone(), news.clone()))
            .collect()
    };
    match reply {
        Ok(reply) => {
            let mut by_id: BTreeMap<_, _> = reply.results;
            let mut result = |item: &PushItem| {
                let result = by_id.remove(&item.sending.id);
                News::Answer(result.unwrap_or(PushResult::Unknown))
            };
            let results = items.iter().map(|item| (item.sending.clone(), result(item)));
            (as_change_sets(results.collect()), None)
        }
        Err(TransportError::Refused(cause)) if stand_alone(items) && !cause.class.is_passing() => (
            all(News::Answer(PushResult::Failed {
                cause,
                retry_after: None,
            })),
            None,
        ),
        Err(error) if error.may_have_happened() => (all(News::Lost), Some(error)),
        Err(error) => (all(News::Answer(PushResult::Skipped)), Some(error)),
    }
}

/// Takes what is known of one sending of a change set for all of it: it happens whole or not at all. One that was
/// refused proves that no other was done; else one without an answer leaves all of them open, since they are repeated
/// together, and one that was skipped was skipped with the others.
fn as_change_sets(results: Results) -> Results {
    let mut failed = BTreeSet::new();
    let mut open = BTreeSet::new();
    let mut skipped = BTreeSet::new();
    for (sending, news) in &results {
        match (sending.together, news) {
            (Some(together), News::Answer(PushResult::Failed { .. })) => {
                failed.insert(together);
            }
            (Some(together), News::Answer(PushResult::Unknown)) => {
                open.insert(together);
            }
            (Some(together), News::Answer(PushResult::Skipped)) => {
                skipped.insert(together);
            }
            _ => {}
        }
    }
    let whole = |(sending, news): (Sending, News)| {
        let is_in = |sets: &BTreeSet<_>| sending.together.is_some_and(|together| sets.contains(&together));
        let news = match news {
            News::Answer(result) if is_in(&failed) && (result.is_done() || result == PushResult::Unknown) => {
                News::Answer(PushResult::Skipped)
            }
            News::Answer(PushResult::Failed { .. }) => news,
            News::Answer(_) if is_in(&open) => News::Answer(PushResult::Unknown),
            News::Answer(result) if is_in(&skipped) && result.is_done() => News::Answer(PushResult::Skipped),
            news => news,
        };
        (sending, news)
    };
    results.into_iter().map(whole).collect()
}

/// Returns whether the items of a request cannot be parted: one, or one change set.
fn stand_alone(items: &[PushItem]) -> bool {
    let [first, rest @ ..] = items else {
        return true;
    };
    let together = first.sending.together;
    rest.is_empty() || (together.is_some() && rest.iter().all(|item| item.sending.together == together))
}

#[cfg(test)]
mod tests;
