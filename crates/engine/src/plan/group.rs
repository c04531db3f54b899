//! Groups: operations that a person wants to happen together or not at all.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{GroupId, Operation, OperationId, OperationKind, RequestId};

use super::batch::{Context, Placed, Planner, stuck};
use super::decide::Verdict;
use super::run::Run;
use crate::depend::Needs;
use crate::ground::{Ground, Key, key};

/// A record's part of a group.
struct Member {
    record: Key,
    run: Run,
    rest: Vec<Operation>,
}

/// What stands before every operation of a group, by operation: the one of the group that was made before it. What that
/// one needs on this record goes first after all, or both would wait for ever.
pub(crate) fn in_order_of_groups(pending: &[Operation], needs: &Needs) -> BTreeMap<OperationId, OperationId> {
    let is_needed = |operation: &Operation, by: OperationId| {
        let needed: BTreeSet<OperationId> = needs.of(by).collect();
        let of_record = |other: &&Operation| key(other) == key(operation);
        pending
            .iter()
            .filter(of_record)
            .any(|other| needed.contains(&other.id))
    };
    let mut last: BTreeMap<GroupId, OperationId> = BTreeMap::new();
    let mut before = BTreeMap::new();
    for operation in pending.iter().filter(|operation| is_sent(operation)) {
        if let Some(group) = operation.handling.group
            && let Some(previous) = last.insert(group, operation.id)
            && !is_needed(operation, previous)
        {
            before.insert(operation.id, previous);
        }
    }
    before
}

/// Whether an operation goes to the server: what a command is expected to make ends with that command.
pub(super) fn is_sent(operation: &Operation) -> bool {
    !matches!(operation.kind, OperationKind::Awaited { .. })
}

impl Planner {
    /// Plans a group as one change set, which goes with this batch whole or not at all. Where the back end has none, or
    /// takes none so large, its operations go in their order, each once the one before it is on the server or travels
    /// in front of it.
    pub(super) fn plan_group(
        &mut self,
        ground: &mut Ground,
        context: &Context<'_>,
        by_record: &BTreeMap<Key, Vec<usize>>,
        group: GroupId,
    ) -> Placed {
        if self.groups.contains(&group) {
            return Placed::Done;
        }
        let of_group: Vec<&Operation> = ground
            .pending
            .iter()
            .filter(|operation| operation.handling.group == Some(group) && is_sent(operation))
            .collect();
        let mut records: Vec<Key> = Vec::new();
        for operation in &of_group {
            let record = key(operation);
            if !records.contains(&record) {
                records.push(record);
            }
        }
        let count = of_group.len();
        let mut members = Vec::new();
        for record in records {
            let of_record: Vec<&Operation> = by_record
                .get(&record)
                .into_iter()
                .flatten()
                .map(|index| &ground.pending[*index])
                .collect();
            if let Some((obstacle, stuck)) = stuck(ground, &of_record) {
                self.groups.insert(group);
                self.park_stuck(ground, context, &record, obstacle.into(), stuck);
                return Placed::Done;
            }
            let entity = ground.schema.entity(record.0.as_str());
            let run = entity.and_then(|entity| {
                Run::take(
                    entity,
                    &of_record,
                    context.now,
                    &self.needs,
                    &self.needed_beyond_groups,
                )
            });
            let Some(run) = run.filter(|run| run.group() == Some(group) && !context.held.contains(&record))
            else {
                return Placed::Waits;
            };
            let rest = of_record
                .into_iter()
                .skip(run.operations.len())
                .cloned()
                .collect();
            members.push(Member { record, run, rest });
        }
        let planned: usize = members.iter().map(|member| member.run.operations.len()).sum();
        if planned != count {
            return Placed::Waits;
        }
        self.place_together(ground, context, members, group)
    }

    fn place_together(
        &mut self,
        ground: &mut Ground,
        context: &Context<'_>,
        members: Vec<Member>,
        group: GroupId,
    ) -> Placed {
        let ids: BTreeSet<OperationId> = members.iter().flat_map(|member| member.run.ids()).collect();
        let mut decided = Vec::with_capacity(members.len());
        for member in members {
            let Some(after) = self.after(&member.run, context, &member.record, Some(&ids)) else {
                return Placed::Waits;
            };
            let Some(verdict) = Self::verdict(ground, context, &member.record, &member.run) else {
                return Placed::Waits;
            };
            decided.push((member, after, verdict));
        }
        let goes = |verdict: &Verdict| matches!(verdict, Verdict::Send { .. });
        let all = decided.iter().all(|(.., verdict)| goes(verdict));
        let full = self.batch.items.len() + decided.len() > context.limit;
        self.groups.insert(group);
        if all && full && !self.batch.items.is_empty() {
            return Placed::Done;
        }
        let together = all.then(|| RequestId((context.new_id)()));
        for (member, after, verdict) in decided {
            // What has to be said of some of them is said; the others go with them or not at all.
            if all || !goes(&verdict) {
                self.carry(
                    ground,
                    context,
                    &member.record,
                    (member.run, &member.rest),
                    (after, together),
                    verdict,
                );
            }
        }
        Placed::Done
    }
}
