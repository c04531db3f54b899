//! Choosing the next batch: everything that can go now, in sequence, without waiting for what cannot.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{
    EntityName, GroupId, Operation, OperationId, OperationState, RequestId, Sending, Timestamp,
};
use driftless_store::Write;
use driftless_transport::{Capabilities, PushItem};
use uuid::Uuid;

use super::case::{Case, Judging};
use super::clocks::Clocks;
use super::decide::{Draft, Facts, Verdict, decide, is_contested};
use super::objection::{Objection, decide_objection};
use super::run::Run;
use super::{group, lanes, request};
use crate::depend::Needs;
use crate::fold::settle;
use crate::ground::{Ground, Key, key};
use crate::join::{bring_after, joining};
use crate::journal::{self, Parking, Reason};
use crate::obstacle::{Hindrance, Obstacle};
use crate::temporary;

/// What planning takes from outside the reading.
pub(crate) struct Context<'a> {
    /// What the back end can do, by entity.
    pub capabilities: &'a BTreeMap<EntityName, Capabilities>,
    /// Who wins.
    pub judging: Judging<'a>,
    /// The device's wall clock.
    pub now: Timestamp,
    /// The server's time, as far as known.
    pub server_now: Timestamp,
    /// New ids for sendings.
    pub new_id: &'a dyn Fn() -> Uuid,
    /// The records that were read in this synchronization; `None` counts all as read.
    pub fresh: Option<&'a BTreeSet<Key>>,
    /// Records whose operations stay back in this synchronization, because the server would not let them be read.
    pub held: &'a BTreeSet<Key>,
    /// What the server has against values, by record: a policy is asked.
    pub objections: &'a BTreeMap<Key, Objection>,
    /// The most sendings in the batch.
    pub limit: usize,
}

/// The next thing to do with the outbox.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// What to commit before anything is sent.
    pub writes: Vec<Write>,
    /// What to send then.
    pub items: Vec<PushItem>,
    /// Records that have to be read from the server first.
    pub fetch: Vec<Key>,
    /// Conflicts that the app's policy has to be asked about first.
    pub ask: Vec<Case>,
    /// How many operations came to an end or were parked without a sending.
    pub decided: usize,
    /// How many of them the server has refused.
    pub refused: usize,
}

/// Plans the next batch.
pub(crate) fn next_batch(ground: &mut Ground, context: &Context<'_>) -> Batch {
    let needs = Needs::of_all(&ground.pending);
    let mut planner = Planner {
        needed: needs.needed(),
        needed_beyond_groups: needs.needed_beyond_groups(&ground.pending),
        in_order: group::in_order_of_groups(&ground.pending, &needs),
        needs,
        pending: ground.pending.iter().map(|operation| operation.id).collect(),
        temporary: temporary::of_all(&ground.schema, &ground.pending),
        carried: BTreeMap::new(),
        change_sets: BTreeMap::new(),
        groups: BTreeSet::new(),
        batch: Batch::default(),
    };
    let mut by_record: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    let mut firsts = Vec::new();
    for (index, operation) in ground.pending.iter().enumerate() {
        let of_record = by_record.entry(key(operation)).or_default();
        if of_record.is_empty() {
            firsts.push(index);
        }
        of_record.push(index);
    }
    lanes::sort(&mut firsts, &ground.pending, &planner.needs);
    // Those that waited for others are looked at again once these travel: a delete stands before what it waits for.
    while !firsts.is_empty() {
        let before = planner.carried.len() + planner.batch.decided;
        firsts.retain(|first| planner.plan(ground, context, &by_record, *first) == Placed::Waits);
        if planner.carried.len() + planner.batch.decided == before {
            break;
        }
    }
    planner.batch
}

/// Returns what stands against the first operations of a record, and these; none if they are on their way or parked.
pub(super) fn stuck(ground: &Ground, of_record: &[&Operation]) -> Option<(Obstacle, Vec<Operation>)> {
    let against = |operation: &Operation| {
        let obstacle = || Obstacle::of(&ground.schema, operation);
        operation.state.is_to_be_sent().then(obstacle).flatten()
    };
    let obstacle = against(of_record.first()?)?;
    let stuck = of_record
        .iter()
        .take_while(|operation| against(operation) == Some(obstacle));
    Some((obstacle, stuck.map(|operation| (*operation).clone()).collect()))
}

impl Planner {
    /// Returns whether a group goes as one change set, worked out once for all of its records.
    fn goes_as_one(&mut self, ground: &Ground, context: &Context<'_>, group: GroupId) -> bool {
        if let Some(known) = self.change_sets.get(&group) {
            return *known;
        }
        let is_one = self.is_one_change_set(ground, context, group);
        self.change_sets.insert(group, is_one);
        is_one
    }

    /// Returns whether the back end takes a group as one change set: it has change sets, of this size, for every entity
    /// of the group, and is told all keys; and what the group does to each record is one change.
    fn is_one_change_set(&self, ground: &Ground, context: &Context<'_>, group: GroupId) -> bool {
        let members: Vec<&Operation> = ground
            .pending
            .iter()
            .filter(|operation| operation.handling.group == Some(group) && group::is_sent(operation))
            .collect();
        let takes = |operation: &&Operation| {
            let batch = context.capabilities.get(&operation.entity).map(|can| &can.batch);
            let entity = ground.schema.entity(operation.entity.as_str());
            batch.is_some_and(|batch| batch.groups && batch.limit >= members.len())
                && entity.is_some_and(|entity| !entity.server_makes_key())
        };
        let mut by_record: BTreeMap<Key, Vec<Operation>> = BTreeMap::new();
        for operation in &members {
            by_record
                .entry(key(operation))
                .or_default()
                .push((*operation).clone());
        }
        let needs = (&self.needs, &self.needed_beyond_groups);
        let is_one = |(record, operations): (&Key, &Vec<Operation>)| {
            let entity = ground.schema.entity(record.0.as_str());
            entity.is_some_and(|entity| Run::is_one(entity, operations, needs))
        };
        members.iter().all(takes) && by_record.iter().all(is_one)
    }
}

/// What planning one record came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// Nothing more can be said of it in this batch.
    Done,
    /// It waits for operations on other records.
    Waits,
}

pub(super) struct Planner {
    /// What operations need of each other.
    pub(super) needs: Needs,
    /// Operations that another one needs.
    pub(super) needed: BTreeSet<OperationId>,
    /// Operations that another one needs which is not of the same group.
    pub(super) needed_beyond_groups: BTreeSet<OperationId>,
    /// Operations that are not final.
    pending: BTreeSet<OperationId>,
    /// Records whose keys the server has still to make.
    temporary: BTreeSet<Key>,
    /// Operations that travel in this batch, with their sendings.
    carried: BTreeMap<OperationId, RequestId>,
    /// Whether groups go as one change set, as far as that was asked.
    change_sets: BTreeMap<GroupId, bool>,
    /// Groups that were planned.
    pub(super) groups: BTreeSet<GroupId>,
    /// What stands before the operations of groups.
    in_order: BTreeMap<OperationId, OperationId>,
    pub(super) batch: Batch,
}

impl Planner {
    /// Plans the first operations of a record, of which the one at `first` is the first of all.
    fn plan(
        &mut self,
        ground: &mut Ground,
        context: &Context<'_>,
        by_record: &BTreeMap<Key, Vec<usize>>,
        first: usize,
    ) -> Placed {
        let record = key(&ground.pending[first]);
        if self.batch.items.len() >= context.limit || context.held.contains(&record) {
            return Placed::Done;
        }
        let of_record: Vec<&Operation> = by_record
            .get(&record)
            .into_iter()
            .flatten()
            .map(|index| &ground.pending[*index])
            .collect();
        if let Some((obstacle, stuck)) = stuck(ground, &of_record) {
            self.park_stuck(ground, context, &record, obstacle.into(), stuck);
            return Placed::Done;
        }
        let Some(entity) = ground.schema.entity(record.0.as_str()).cloned() else {
            return Placed::Done;
        };
        let Some(run) = Run::take(&entity, &of_record, context.now, &self.needs, &self.needed) else {
            return Placed::Done;
        };
        let rest: Vec<Operation> = of_record
            .into_iter()
            .skip(run.operations.len())
            .cloned()
            .collect();
        if let Some(group) = run
            .group()
            .filter(|group| self.goes_as_one(ground, context, *group))
        {
            return self.plan_group(ground, context, by_record, group);
        }
        self.place(ground, context, &record, run, rest)
    }

    fn place(
        &mut self,
        ground: &mut Ground,
        context: &Context<'_>,
        record: &Key,
        mut run: Run,
        mut rest: Vec<Operation>,
    ) -> Placed {
        if !context.capabilities.contains_key(&record.0) {
            return Placed::Done;
        }
        let Some(after) = self.after(&run, context, record, None) else {
            return Placed::Waits;
        };
        if Self::facts(ground, context, record, &run).is_some_and(|facts| is_contested(&facts, &run)) {
            rest.splice(0..0, run.operations.pop());
        }
        let Some(verdict) = Self::verdict(ground, context, record, &run) else {
            return Placed::Done;
        };
        if let Verdict::Send { change, .. } = &verdict
            && temporary::is_told(&ground.schema, &self.temporary, change)
        {
            // What it names has no id yet that the server knows (law L35).
            return Placed::Waits;
        }
        self.carry(ground, context, record, (run, &rest), (after, None), verdict);
        Placed::Done
    }

    /// Returns what a decision about a run rests on; `None` if not enough is known of its record.
    fn facts<'a>(ground: &'a Ground, context: &'a Context<'_>, record: &Key, run: &Run) -> Option<Facts<'a>> {
        Some(Facts {
            entity: ground.schema.entity(record.0.as_str())?,
            image: ground.images.get(record)?,
            capabilities: context.capabilities.get(&record.0)?,
            judging: context.judging,
            own_rule: run.operations.first().and_then(|first| first.handling.conflict),
            settings: &ground.settings,
            fresh: context.fresh.is_none_or(|fresh| fresh.contains(record)),
            clocks: Clocks {
                sample: ground.clock,
                contacts: &ground.contacts,
                now: context.server_now,
                grain: context.capabilities.get(&record.0)?.stamp_error,
            },
        })
    }

    /// Decides what becomes of a run; `None` if not enough is known of its record.
    pub(super) fn verdict(
        ground: &Ground,
        context: &Context<'_>,
        record: &Key,
        run: &Run,
    ) -> Option<Verdict> {
        let facts = Self::facts(ground, context, record, run)?;
        let objection = context.objections.get(record);
        Some(match objection.filter(|objection| objection.is_about(run)) {
            Some(objection) => decide_objection(&facts, run.clone(), objection),
            None => decide(&facts, run.clone()),
        })
    }

    /// Carries a verdict out; `together` is the name of the change set that the run is a part of.
    pub(super) fn carry(
        &mut self,
        ground: &mut Ground,
        context: &Context<'_>,
        record: &Key,
        (run, rest): (Run, &[Operation]),
        (after, together): (Vec<RequestId>, Option<RequestId>),
        verdict: Verdict,
    ) {
        let (Some(entity), Some(image)) = (
            ground.schema.entity(record.0.as_str()).cloned(),
            ground.images.get(record).cloned(),
        ) else {
            return;
        };
        let title = journal::title(Some(&entity), Some(&image), record, &run.operations);
        match verdict {
            Verdict::Fetch => self.batch.fetch.push(record.clone()),
            Verdict::Ask(case) => self.batch.ask.push(*case),
            Verdict::Stuck(hindrance) => {
                self.park_stuck(ground, context, record, hindrance, run.operations);
            }
            Verdict::Refuse {
                run,
                cause,
                fields,
                reason,
            } => {
                self.batch.refused += run.operations.len();
                let reason = Reason::Objected(cause, fields, reason);
                self.park_for(ground, context, record, reason, run.operations);
            }
            Verdict::Park { mut run, mut log } => {
                if let Some(last) = run.operations.last() {
                    let joining = joining(last, rest, &log.fields);
                    bring_after(&mut log.fields, &mut log.kept, joining);
                    run.operations.extend_from_slice(joining);
                }
                let id = self.log(ground, context, record, &run, title, log);
                for operation in run.operations {
                    self.put(Operation {
                        state: OperationState::Conflict(id),
                        ..operation
                    });
                }
                self.batch.decided += 1;
            }
            Verdict::Finish { state, log } => {
                if let Some(log) = log {
                    self.log(ground, context, record, &run, title, log);
                }
                for operation in run.operations {
                    self.pending.remove(&operation.id);
                    self.put(Operation {
                        state: state.clone(),
                        ..operation
                    });
                }
                settle(&entity, image, rest, &mut self.batch.writes);
                self.batch.decided += 1;
            }
            Verdict::Send { change, run, log } => {
                let id = request::name(&run, &change, (context.new_id)());
                if let Some(log) = log {
                    self.log(ground, context, record, &run, title, log);
                    let left: Vec<_> = run.operations.iter().chain(rest).cloned().collect();
                    settle(&entity, image, &left, &mut self.batch.writes);
                }
                let first_sent = Timestamp(context.server_now.0.div_euclid(1000) * 1000);
                let sending = Sending {
                    id,
                    first_sent,
                    change: *change,
                    operations: run.ids(),
                    together,
                };
                self.batch
                    .writes
                    .push(Write::PutSending(Box::new(sending.clone())));
                self.batch.items.push(PushItem { sending, after });
                for operation in run.operations {
                    self.carried.insert(operation.id, id);
                    let attempts = operation.attempts + 1;
                    self.put(Operation {
                        state: OperationState::InFlight(id),
                        attempts,
                        ..operation
                    });
                }
            }
        }
    }

    /// Parks operations that cannot be sent, whatever the server would say.
    pub(super) fn park_stuck(
        &mut self,
        ground: &mut Ground,
        context: &Context<'_>,
        record: &Key,
        hindrance: Hindrance,
        stuck: Vec<Operation>,
    ) {
        self.park_for(ground, context, record, Reason::Obstructed(hindrance), stuck);
    }

    fn park_for(
        &mut self,
        ground: &mut Ground,
        context: &Context<'_>,
        record: &Key,
        reason: Reason,
        stuck: Vec<Operation>,
    ) {
        let entity = ground.schema.entity(record.0.as_str()).cloned();
        let title = journal::title(entity.as_deref(), ground.images.get(record), record, &stuck);
        let id = ground.take_log_id();
        let parking = Parking {
            id,
            at: context.now,
            record,
            operations: stuck.iter().map(|operation| operation.id).collect(),
            title,
            kept: journal::values(&stuck),
        };
        let entry = journal::parked(parking, reason);
        self.batch.writes.push(Write::PutLog(Box::new(entry)));
        for operation in stuck {
            self.put(Operation {
                state: OperationState::Refused(id),
                ..operation
            });
        }
        self.batch.decided += 1;
    }

    /// Returns the sendings that must succeed before the run in the same request; `None` if the run has to wait. What is
    /// in the same change set happens with it: that is no reason to wait.
    pub(super) fn after(
        &self,
        run: &Run,
        context: &Context<'_>,
        record: &Key,
        change_set: Option<&BTreeSet<OperationId>>,
    ) -> Option<Vec<RequestId>> {
        let capabilities = context.capabilities.get(&record.0)?;
        let mut after = BTreeSet::new();
        let ids = || run.operations.iter().map(|operation| operation.id);
        let needs = ids().flat_map(|id| self.needs.of(id));
        let in_order = ids().filter_map(|id| self.in_order.get(&id).copied());
        for need in needs.chain(in_order) {
            if change_set.is_some_and(|members| members.contains(&need)) {
                continue;
            }
            if !self.pending.contains(&need) || run.operations.iter().any(|operation| operation.id == need) {
                continue;
            }
            after.insert(
                *self
                    .carried
                    .get(&need)
                    .filter(|_| capabilities.batch.depends_on)?,
            );
        }
        Some(after.into_iter().collect())
    }

    fn put(&mut self, operation: Operation) {
        self.batch.writes.push(Write::PutOperation(Box::new(operation)));
    }

    fn log(
        &mut self,
        ground: &mut Ground,
        context: &Context<'_>,
        record: &Key,
        run: &Run,
        title: String,
        draft: Draft,
    ) -> driftless_record::LogId {
        let entry = journal::entry(ground.take_log_id(), context.now, record, run.ids(), title, draft);
        let id = entry.id;
        self.batch.writes.push(Write::PutLog(Box::new(entry)));
        id
    }
}
