//! Finding out what became of sendings whose reply never came, before anything else happens to their records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_record::{
    Cause, CauseClass, ChangeAction, CommandCall, Condition, EntityName, EntitySchema, LogId, LogKind,
    Operation, OperationId, OperationState, RequestId, Schema, Sending, ServerRecord, Timestamp,
};
use driftless_store::{LogSelection, RecordStore, StoreError};
use driftless_transport::{Idempotency, PushItem, PushResult, TransportError};

use super::fetch::Read;
use super::push::{Results, results_of};
use super::session::{Session, Stop, concerns_everything};
use crate::backoff::{self, MAX_TRIES};
use crate::confirm::{News, Sent};
use crate::depend::Needs;
use crate::ground::Ground;
use crate::obstacle::Obstacle;
use crate::plan::in_order_of_groups;
use crate::refit;

/// After how long a back end may have forgotten a request id: 30 days. OASIS Repeatable Requests 1.0 names 50 days as a
/// sensible memory for mobile clients.
const FORGOTTEN_MILLIS: i64 = 30 * 86_400_000;

/// After how long a back end may have forgotten an idempotency key: 20 hours. A day is what many document.
const KEY_FORGOTTEN_MILLIS: i64 = 20 * 3_600_000;

/// How long a request may lie in a proxy and reach the server all the same: 10 minutes, twice the longest wait that is
/// usual. A create that a look at the markers did not find is sent again only after that.
const LATE_MILLIS: i64 = 600_000;

/// A sending with an unknown outcome.
struct Probe {
    sending: Sending,
    /// What its operations need.
    needs: BTreeSet<OperationId>,
    /// How many answers brought it no further.
    tries: u32,
    /// Whether the device has server data of the record: from before a deletion, or read since it was sent. Then its key
    /// is no proof, and its values are compared.
    is_known: bool,
}

impl Probe {
    /// Returns whether its operations need those of another sending.
    fn waits_for(&self, other: &Self) -> bool {
        let is_one = self.sending.together.is_some() && self.sending.together == other.sending.together;
        self.sending.id != other.sending.id
            && !is_one
            && !self.needs.is_empty()
            && other.sending.operations.iter().any(|id| self.needs.contains(id))
    }

    /// Returns whether the back end may have forgotten its request id, `now` by the server's clock.
    fn is_forgotten(&self, idempotency: Idempotency, now: Timestamp) -> bool {
        let memory = match idempotency {
            Idempotency::Key => KEY_FORGOTTEN_MILLIS,
            Idempotency::Repeatable | Idempotency::ClientKey | Idempotency::Marker | Idempotency::None => {
                FORGOTTEN_MILLIS
            }
        };
        now.millis_since(self.sending.first_sent) >= memory
    }

    /// Returns whether it is time to ask, `now` by the server's clock: at once twice, since one cut may take a reply and
    /// the reading after it, then after waits that grow.
    fn is_due(&self, now: Timestamp) -> bool {
        let waited = now.millis_since(self.sending.first_sent);
        // A sending from the future comes from a clock that was turned since.
        waited >= backoff::span(self.tries.saturating_sub(2)) || waited < -backoff::MAX_WAIT_MILLIS
    }
}

impl Session<'_> {
    /// Probes every sending with an unknown outcome, by the best rung of the ladder that the back end has.
    pub(super) async fn settle_unknown(
        &mut self,
        sent: Sent,
        written: &mut BTreeSet<EntityName>,
    ) -> Result<(), Stop> {
        let (ground, probes) = self.worker.run(unknown_sendings).await?;
        let now = self.server_now(ground.clock);
        let schema = ground.schema.clone();
        let outdated = outdated(&schema, &probes);
        let mut ground = Some(ground);
        let mut repeatable = Vec::new();
        let mut limit = usize::MAX;
        for probe in probes {
            let name = &probe.sending.change.entity;
            written.extend(probe.sending.change.entities().cloned());
            if !probe.is_due(now) {
                continue;
            }
            self.in_time()?;
            let Some(entity) = schema.entity(name.as_str()).cloned() else {
                let news = News::Unproved(Obstacle::EntityGone.cause());
                self.keep(&mut ground, vec![(probe.sending, news)]).await?;
                continue;
            };
            let Some(capabilities) = self.capability(&entity).await? else {
                continue;
            };
            let is_create = matches!(probe.sending.change.action, ChangeAction::Create(_));
            let rung = capabilities.idempotency;
            // Under another schema the same request cannot be written once more.
            let is_current = !outdated.contains(&probe.sending.together.unwrap_or(probe.sending.id));
            let asks_again = rung.remembers_requests()
                && is_current
                && probe.tries < MAX_TRIES
                && !probe.is_forgotten(rung, now);
            if is_create && rung == Idempotency::Marker {
                self.look_for(&mut ground, &schema, (probe, sent), now).await?;
                continue;
            }
            if is_create && entity.server_makes_key() && !asks_again {
                // Nobody knows what the server would call it, so there is nothing to read.
                let news = News::Unproved(unnamed());
                self.keep(&mut ground, vec![(probe.sending, news)]).await?;
                continue;
            }
            match rung {
                // Asking again has shown nothing, or would be taken for a new request: the record is read after all.
                _ if probe.tries >= MAX_TRIES || probe.is_forgotten(rung, now) || !is_current => {
                    self.read_back(&mut ground, &schema, (probe, sent)).await?;
                }
                Idempotency::Repeatable | Idempotency::Key => {
                    limit = limit.min(capabilities.batch.limit);
                    repeatable.push(probe);
                }
                // What is not there may still be on its way, and would be made twice.
                Idempotency::None if is_create => {
                    self.read_back(&mut ground, &schema, (probe, Sent::Blindly))
                        .await?;
                }
                Idempotency::ClientKey | Idempotency::Marker | Idempotency::None => {
                    self.read_back(&mut ground, &schema, (probe, sent)).await?;
                }
            }
        }
        self.repeat(&mut ground, &schema, (repeatable, limit), written)
            .await
    }

    /// Sends the same bytes under the same request id again: the back end answers as it did the first time. Where it
    /// gives no answer, the outcome stays unknown: repeating proves more than reading what others may have changed
    /// since.
    async fn repeat(
        &mut self,
        ground: &mut Option<Ground>,
        schema: &Arc<Schema>,
        (mut probes, limit): (Vec<Probe>, usize),
        written: &mut BTreeSet<EntityName>,
    ) -> Result<(), Stop> {
        let mut chunks = Vec::new();
        while !probes.is_empty() {
            let rest = probes.split_off(end_of_change_set(&probes, limit.max(1)));
            chunks.push(std::mem::replace(&mut probes, rest));
        }
        chunks.reverse();
        while let Some(chunk) = chunks.pop() {
            self.in_time()?;
            let mut chunk = self.can_be_asked(ground, chunk).await?;
            if chunk.is_empty() {
                continue;
            }
            let items = items(&chunk);
            self.worker.hold().await?;
            match self.transport.push(schema, &items).await {
                Ok(reply) => {
                    let (results, _) = results_of(&items, Ok(reply));
                    self.losses = 0;
                    let confirmed = self.keep(ground, of_repeated(results)).await?;
                    written.extend(confirmed.made_in);
                    for record in confirmed.refresh {
                        self.fetch_onto(ground, &record).await?;
                    }
                }
                Err(error) => {
                    if concerns_everything(&error) {
                        self.go_on_after(error).await?;
                    }
                    // Refused or lost as a whole: that says nothing about the first sending.
                    let half = end_of_change_set(&chunk, (chunk.len() / 2).max(1));
                    if half < chunk.len() {
                        let rest = chunk.split_off(half);
                        chunks.extend([rest, chunk]);
                        continue;
                    }
                    let nothing = |probe: &Probe| (probe.sending.clone(), News::Answer(PushResult::Unknown));
                    self.keep(ground, chunk.iter().map(nothing).collect()).await?;
                }
            }
        }
        Ok(())
    }

    /// Returns the probes that may be repeated now: a request that never arrived is carried out by that, so that what it
    /// waits for comes first. What waits for something that was refused was not done; what waits for something that
    /// nothing can prove is as open as that.
    async fn can_be_asked(
        &mut self,
        ground: &mut Option<Ground>,
        chunk: Vec<Probe>,
    ) -> Result<Vec<Probe>, Stop> {
        if chunk.iter().all(|probe| probe.needs.is_empty()) {
            return Ok(chunk);
        }
        let (pending, unproved) = self.worker.run(standing).await?;
        let (mut asked, mut known) = (Vec::<Probe>::new(), Vec::new());
        for unit in units(chunk) {
            let carries = |probes: &[Probe], operation: &Operation| {
                let with = |probe: &Probe| probe.sending.operations.contains(&operation.id);
                probes.iter().any(with)
            };
            let needed = |operation: &&Operation| {
                let needs = |probe: &Probe| probe.needs.contains(&operation.id);
                unit.iter().any(needs) && !carries(&unit, operation)
            };
            let own = pending.iter().filter(|operation| carries(&unit, operation));
            let last = own.map(|operation| operation.sequence).max().unwrap_or_default();
            // What was made later kept nothing waiting then, unless it went along.
            let before: Vec<&Operation> = pending
                .iter()
                .filter(needed)
                .filter(|operation| operation.sequence < last || is_unknown(operation))
                .collect();
            let refused = before.iter().filter_map(|operation| match operation.state {
                OperationState::Refused(log) => Some(unproved.contains(&log)),
                _ => None,
            });
            let refused: BTreeSet<bool> = refused.collect();
            if refused.contains(&true) {
                let open = |probe: Probe| (probe.sending, News::Unproved(behind_unproved()));
                known.extend(unit.into_iter().map(open));
            } else if refused.contains(&false) {
                let skipped = |probe: Probe| (probe.sending, News::Answer(PushResult::Skipped));
                known.extend(unit.into_iter().map(skipped));
            } else if before.iter().all(|operation| carries(&asked, operation)) {
                asked.extend(unit);
            }
        }
        if !known.is_empty() {
            self.keep(ground, known).await?;
        }
        Ok(asked)
    }

    /// Looks for the record that a create may have made. If there is none, the outcome stays unknown as long as the
    /// request may still be on its way.
    async fn look_for(
        &mut self,
        ground: &mut Option<Ground>,
        schema: &Arc<Schema>,
        (probe, sent): (Probe, Sent),
        now: Timestamp,
    ) -> Result<(), Stop> {
        let Probe { sending, tries, .. } = probe;
        let Some(maker) = sending.operations.first() else {
            return Ok(());
        };
        let waited = now.millis_since(sending.first_sent);
        let is_over = !(-backoff::MAX_WAIT_MILLIS..LATE_MILLIS).contains(&waited);
        let name = sending.change.entity.clone();
        let news = match self.transport.made_by(schema, &name, *maker).await {
            Ok(Some(found)) => News::Answer(PushResult::Done {
                revision: found.record.revision.clone(),
                record: Some(Box::new(found)),
            }),
            Ok(None) if is_over => News::NotDone(sent),
            Ok(None) => return Ok(()),
            Err(error) if concerns_everything(&error) => return Err(error.into()),
            Err(error) if tries >= MAX_TRIES => News::Unproved(unfound(&error)),
            Err(error) => {
                self.report.entity(&name).problem = Some(error.to_string());
                News::Answer(PushResult::Unknown)
            }
        };
        self.keep(ground, vec![(sending, news)]).await?;
        Ok(())
    }

    /// Reads the record and compares: what was asked for is there, or it is not. If it cannot be read, the outcome
    /// stays unknown, until a person is asked.
    async fn read_back(
        &mut self,
        ground: &mut Option<Ground>,
        schema: &Schema,
        (probe, sent): (Probe, Sent),
    ) -> Result<(), Stop> {
        let record = (
            probe.sending.change.entity.clone(),
            probe.sending.change.record.clone(),
        );
        let Some(entity) = schema.entity(record.0.as_str()) else {
            return Ok(());
        };
        let news = match self.fetch_onto(ground, &record).await? {
            Read::Found(found) => proof(entity, (&probe, sent), found),
            Read::Failed(cause) if probe.tries >= MAX_TRIES => News::Unproved(cause),
            Read::Failed(_) => News::Answer(PushResult::Unknown),
        };
        self.keep(ground, vec![(probe.sending, news)]).await?;
        Ok(())
    }
}

/// The cause where the server does not let the record be found that it may have made.
fn unfound(error: &TransportError) -> Cause {
    Cause {
        class: CauseClass::Transient,
        field: None,
        other: None,
        code: "no-answer".to_owned(),
        text: error.to_string(),
    }
}

/// The cause where what a change goes behind may or may not be on the server.
fn behind_unproved() -> Cause {
    Cause {
        class: CauseClass::Transient,
        field: None,
        other: None,
        code: "no-answer".to_owned(),
        text: "no answer came, and nothing proves whether the change before it was carried out".to_owned(),
    }
}

/// The cause where the server may have made a record under a key that only it knows.
fn unnamed() -> Cause {
    Cause {
        class: CauseClass::Transient,
        field: None,
        other: None,
        code: "no-answer".to_owned(),
        text: "no answer came, and the key that the server would give is not known".to_owned(),
    }
}

/// Makes the items of a request; what needs another one of them stands behind it, unless both are one change set.
fn items(probes: &[Probe]) -> Vec<PushItem> {
    let needed = |at: usize, probe: &Probe| {
        let earlier = probes.iter().take(at).filter(|other| probe.waits_for(other));
        earlier.map(|other| other.sending.id).collect()
    };
    probes
        .iter()
        .enumerate()
        .map(|(at, probe)| PushItem {
            sending: probe.sending.clone(),
            after: needed(at, probe),
        })
        .collect()
}

/// Returns the names of the sendings, and of the change sets, that cannot be written again as they were.
fn outdated(schema: &Schema, probes: &[Probe]) -> BTreeSet<RequestId> {
    let is_outdated = |sending: &&Sending| {
        let entity = schema.entity(sending.change.entity.as_str());
        entity.is_none_or(|entity| !refit::is_current(entity, &sending.change.action))
    };
    let sendings = probes.iter().map(|probe| &probe.sending);
    sendings
        .filter(is_outdated)
        .map(|sending| sending.together.unwrap_or(sending.id))
        .collect()
}

/// Puts every sending behind those that it needs: a delete may have been made before what it waits for. The sendings of
/// a change set stand together.
fn in_order(probes: Vec<Probe>) -> Vec<Probe> {
    let mut units = units(probes);
    let mut sorted = Vec::new();
    while !units.is_empty() {
        let others = |at: usize| units.iter().enumerate().filter(move |(other, _)| *other != at);
        let waits = |at: usize, probe: &Probe| {
            others(at).any(|(_, unit)| unit.iter().any(|other| probe.waits_for(other)))
        };
        let free = (0..units.len()).find(|at| !units[*at].iter().any(|probe| waits(*at, probe)));
        sorted.extend(units.remove(free.unwrap_or_default()));
    }
    sorted
}

/// Lets the parts of a change set have as many tries as the one that has most: they are asked for together or not at all.
fn share_tries(probes: &mut [Probe]) {
    let mut most: BTreeMap<RequestId, u32> = BTreeMap::new();
    for probe in probes.iter() {
        if let Some(together) = probe.sending.together {
            let tries = most.entry(together).or_default();
            *tries = probe.tries.max(*tries);
        }
    }
    for probe in probes {
        let of_set = probe.sending.together.and_then(|together| most.get(&together));
        probe.tries = of_set.copied().unwrap_or(probe.tries);
    }
}

/// Puts together what is one change set; everything else stands alone.
fn units(probes: Vec<Probe>) -> Vec<Vec<Probe>> {
    let mut units: Vec<Vec<Probe>> = Vec::new();
    for probe in probes {
        let together = probe.sending.together;
        let same = |unit: &&mut Vec<Probe>| {
            together.is_some()
                && unit
                    .first()
                    .is_some_and(|first| first.sending.together == together)
        };
        match units.iter_mut().find(same) {
            Some(unit) => unit.push(probe),
            None => units.push(vec![probe]),
        }
    }
    units
}

fn is_unknown(operation: &Operation) -> bool {
    matches!(operation.state, OperationState::Unknown(_))
}

/// Returns the first place at or behind `at` where no change set is cut.
fn end_of_change_set(probes: &[Probe], at: usize) -> usize {
    let cuts = |end: &usize| match (probes.get(end - 1), probes.get(*end)) {
        (Some(last), Some(next)) => {
            last.sending.together.is_some() && last.sending.together == next.sending.together
        }
        _ => false,
    };
    (at..probes.len()).find(|end| !cuts(end)).unwrap_or(probes.len())
}

/// Returns what reading the record proves about a sending.
fn proof(entity: &EntitySchema, (probe, sent): (&Probe, Sent), found: Option<ServerRecord>) -> News {
    let sending = &probe.sending;
    let done = |found: ServerRecord| {
        let revision = found.record.revision.clone();
        News::Answer(PushResult::Done {
            revision,
            record: Some(Box::new(found)),
        })
    };
    match (&sending.change.action, found) {
        // Nobody else makes a record with a key that this device has drawn at random. One that was there before may
        // have been out of sight when it was called deleted.
        (ChangeAction::Create(_), Some(found)) if entity.guid_key().is_some() && !probe.is_known => {
            done(found)
        }
        (ChangeAction::Create(fields) | ChangeAction::Update(fields), Some(found)) => {
            let fields = refit::values(entity, fields);
            // A value that the server does not show proves nothing.
            let same = |(field, value): (_, &_)| found.record.fields.get(field) == Some(value);
            if !is_untouched(sending, &found) && fields.iter().all(same) {
                done(found)
            } else {
                News::NotDone(sent)
            }
        }
        // A command that leaves the states in which it may be run has not been run where it still may be, and nobody has
        // changed the record. Any other may have been: it need not change its own record.
        (ChangeAction::Command(call), Some(found))
            if is_untouched(sending, &found) && still_waits(entity, call, &found) =>
        {
            News::NotDone(sent)
        }
        (ChangeAction::Command(call), _) => News::Unproved(Cause {
            class: CauseClass::Transient,
            field: None,
            other: None,
            code: "device:command-unproved".to_owned(),
            text: format!("nothing on the record tells whether {} was run", call.name),
        }),
        (ChangeAction::Delete, None) => News::Answer(PushResult::Done {
            revision: None,
            record: None,
        }),
        (ChangeAction::Create(_) | ChangeAction::Update(_), None) | (ChangeAction::Delete, Some(_)) => {
            News::NotDone(sent)
        }
    }
}

/// Returns what the answers to repeated requests say of the first ones: nothing, where the server puts one off or skips
/// it, unless it refuses a part of the same change set. What it skips for another change was not asked, nor what is asked
/// without a right to ask: that counts as no try.
fn of_repeated(results: Results) -> Results {
    let refuses = |news: &News| match news {
        News::Answer(PushResult::Failed { cause, .. }) => !cause.class.is_passing(),
        _ => false,
    };
    let fails = |news: &News| matches!(news, News::Answer(PushResult::Failed { .. }));
    let any = results.iter().any(|(_, news)| fails(news));
    let refused = results.iter().filter(|(_, news)| refuses(news));
    let refused: BTreeSet<_> = refused.filter_map(|(sending, _)| sending.together).collect();
    let said = |together: Option<RequestId>, news: News| match &news {
        News::Answer(PushResult::Skipped) if together.is_none_or(|set| !refused.contains(&set)) => {
            if any {
                News::Lost
            } else {
                News::Answer(PushResult::Unknown)
            }
        }
        News::Answer(PushResult::Failed { cause, .. }) => match cause.class {
            CauseClass::Auth => News::Lost,
            class if class.is_passing() => News::Answer(PushResult::Unknown),
            _ => news,
        },
        _ => news,
    };
    let of_first = |(sending, news): (Sending, News)| {
        let said = said(sending.together, news);
        (sending, said)
    };
    results.into_iter().map(of_first).collect()
}

/// Returns whether a record is in a state that a command would have left.
fn still_waits(entity: &EntitySchema, call: &CommandCall, found: &ServerRecord) -> bool {
    let command = entity.commands.get(&call.name);
    command.is_some_and(|command| {
        command.leaves_its_states() && command.forbidden_by(&found.record.fields).is_empty()
    })
}

/// Returns whether a record still has the revision that a sending was conditional on.
fn is_untouched(sending: &Sending, found: &ServerRecord) -> bool {
    matches!(&sending.change.condition, Condition::Revision(revision)
        if found.record.revision.as_ref() == Some(revision))
}

/// Reads what is pending, and the entries about what nothing can prove.
fn standing(store: &dyn RecordStore) -> Result<(Vec<Operation>, BTreeSet<LogId>), StoreError> {
    let open = store.log(&LogSelection::Open)?.into_iter();
    let unproved = open.filter(|entry| entry.kind == LogKind::Unproved);
    Ok((
        Ground::read(store)?.pending,
        unproved.map(|entry| entry.id).collect(),
    ))
}

/// Reads the outbox, and returns the sendings with an unknown outcome in order.
fn unknown_sendings(store: &dyn RecordStore) -> Result<(Ground, Vec<Probe>), StoreError> {
    let ground = Ground::read(store)?;
    let all = Needs::of_all(&ground.pending);
    let of_groups = in_order_of_groups(&ground.pending, &all);
    let mut of_requests: BTreeMap<RequestId, (BTreeSet<OperationId>, u32)> = BTreeMap::new();
    let mut order = Vec::new();
    for operation in &ground.pending {
        if let OperationState::Unknown(id) = operation.state {
            if !of_requests.contains_key(&id) {
                order.push(id);
            }
            let (needs, tries) = of_requests.entry(id).or_default();
            needs.extend(all.of(operation.id));
            needs.extend(of_groups.get(&operation.id));
            *tries = operation.rebased.max(*tries);
        }
    }
    let mut probes = Vec::with_capacity(order.len());
    for id in order {
        let (needs, tries) = of_requests.remove(&id).unwrap_or_default();
        let sending = store.sending(id)?;
        probes.extend(sending.map(|sending| {
            Probe {
                is_known: ground
                    .images
                    .get(&(sending.change.entity.clone(), sending.change.record.clone()))
                    .is_some_and(|image| image.server.is_some()),
                sending,
                needs,
                tries,
            }
        }));
    }
    share_tries(&mut probes);
    Ok((ground, in_order(probes)))
}
