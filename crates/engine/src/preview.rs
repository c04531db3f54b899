//! What a push would do now, told without doing it.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{EntityName, Operation, OperationId, OperationState};
use driftless_store::{RecordStore, StoreError, Write};
use driftless_transport::{Batch, Capabilities, ChangeDetection, CompareAndSet, Deletions, Idempotency};

use crate::circle::opened;
use crate::depend::Graph;
use crate::ground::Ground;
use crate::host::Host;
use crate::judge::Policy;
use crate::plan::{Answers, Case, Context, Judging, next_batch};

/// What a push would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// Operations that would be sent, in the order of sending.
    pub sends: Vec<OperationId>,
    /// Operations that would wait for a person, because the server's data contradict them or they cannot be sent.
    pub conflicts: Vec<OperationId>,
    /// Operations that would end without a sending.
    pub ends: Vec<OperationId>,
    /// Operations whose outcome would be asked for first.
    pub probes: Vec<OperationId>,
    /// Operations that contradict the server's data, about which the app's own policy would be asked: it is not asked for
    /// a preview.
    pub asks: Vec<OperationId>,
    /// Operations that would go later in the same synchronization: once what they need is on the server.
    pub later: Vec<OperationId>,
    /// Operations that would go on waiting.
    pub waits: Vec<OperationId>,
}

/// Plans a push on a copy of what the device knows.
pub(crate) fn preview(store: &dyn RecordStore, host: &Host, policy: &Policy) -> Result<Preview, StoreError> {
    let mut ground = Ground::read(store)?;
    let all: Vec<OperationId> = ground.pending.iter().map(|operation| operation.id).collect();
    let mut preview = Preview::default();
    let writes = opened(&mut ground, host.clock.now(), &|| OperationId(host.uuid()));
    ground.absorb(writes.clone());
    for operation in &ground.pending {
        if matches!(
            operation.state,
            OperationState::Unknown(_) | OperationState::InFlight(_)
        ) {
            preview.probes.push(operation.id);
        }
    }
    let capabilities: BTreeMap<EntityName, Capabilities> = ground
        .schema
        .entities
        .keys()
        .map(|name| (name.clone(), assumed()))
        .collect();
    let now = host.clock.now();
    let context = Context {
        capabilities: &capabilities,
        judging: Judging {
            policy,
            answers: &Answers::default(),
        },
        now,
        server_now: now,
        new_id: &|| host.uuid(),
        fresh: None,
        held: &BTreeSet::new(),
        objections: &BTreeMap::new(),
        limit: usize::MAX,
    };
    let batch = next_batch(&mut ground, &context);
    preview.sends = batch
        .items
        .iter()
        .flat_map(|item| item.sending.operations.clone())
        .collect();
    for operation in &ground.pending {
        let asked = |case: &Case| case.record == operation.record && case.entity.name == operation.entity;
        if batch.ask.iter().any(asked) && operation.state.is_to_be_sent() {
            preview.asks.push(operation.id);
        }
    }
    for write in writes.iter().chain(&batch.writes) {
        let Write::PutOperation(operation) = write else {
            continue;
        };
        if operation.state.is_final() {
            preview.ends.push(operation.id);
        } else if operation.state.parked().is_some() {
            preview.conflicts.push(operation.id);
        }
    }
    if !writes.is_empty() {
        // What would be made on the way is not in the outbox yet.
        preview.sends.retain(|id| all.contains(id));
    }
    let told = |id: &OperationId| {
        [
            &preview.sends,
            &preview.conflicts,
            &preview.ends,
            &preview.probes,
            &preview.asks,
        ]
        .iter()
        .any(|list| list.contains(id))
    };
    ground.absorb(batch.writes);
    let blocked = Graph::new(&ground.pending).blocked_by();
    let stands = |known: &&Operation| {
        matches!(known.state, OperationState::Waiting(_)) || known.state.parked().is_some()
    };
    let standing: BTreeSet<OperationId> = ground
        .pending
        .iter()
        .filter(stands)
        .map(|known| known.id)
        .collect();
    let rest: Vec<OperationId> = all.into_iter().filter(|id| !told(id)).collect();
    let waits = |id: &OperationId| {
        blocked
            .get(id)
            .is_some_and(|by| by.iter().any(|other| !preview.sends.contains(other)))
            || standing.contains(id)
    };
    (preview.waits, preview.later) = rest.into_iter().partition(waits);
    Ok(preview)
}

/// What planning assumes of a back end that is not asked: that it takes everything in one batch.
fn assumed() -> Capabilities {
    Capabilities {
        changes: ChangeDetection::Delta,
        deletions: Deletions::Reported,
        compare_and_set: CompareAndSet::None,
        idempotency: Idempotency::Repeatable,
        batch: Batch {
            limit: usize::MAX,
            depends_on: true,
            groups: true,
        },
        stamps: true,
        stamp_error: 0,
        page_rows: 1,
    }
}
