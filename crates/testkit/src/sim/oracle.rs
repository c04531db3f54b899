//! What really happened on the server, kept beside it to judge the devices by.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{
    ChangeAction, EntityName, FieldName, Fields, Operation, OperationId, OperationKind, RecordId, RequestId,
};
use driftless_transport::Idempotency;

use super::run::Violation;
use super::schema::{meant, says_the_same};
use crate::backend::{Backend, Effect};

pub(super) type Key = (EntityName, RecordId);

/// Where an operation comes from.
#[derive(Debug)]
pub(super) struct Origin {
    /// The device.
    pub(super) device: usize,
    /// The operation as its device has it.
    pub(super) operation: Operation,
    /// The operations that it needs and that had not ended on the device.
    pub(super) needs: Vec<OperationId>,
    /// Whether a person has decided on it.
    pub(super) decided: bool,
    /// How often a person has let it be done once more, as nothing proves that it was done.
    pub(super) once_more: usize,
    /// What it said when it was sent, or before a person mended it.
    pub(super) said: Vec<OperationKind>,
}

/// For how long a device may trust that a server knows an idempotency key again, in milliseconds: 20 hours, for a day is
/// what many document, less the time that a request may be on its way.
const KEY_IS_KNOWN: i64 = 20 * 3_600_000 - 600_000;

/// The history of the server.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    /// Every state that each record has had, in order; `None` where it was deleted.
    states: BTreeMap<Key, Vec<Option<Fields>>>,
    /// Per operation, how many states its record had right after each of its effects.
    effects_of: BTreeMap<OperationId, Vec<usize>>,
    /// Operations of which a copy of a request had its effect after the server had refused the request: a person who lets
    /// them go again cannot know.
    late: BTreeSet<OperationId>,
    /// Records that were out of the user's sight once: they cannot be told from deleted ones.
    unseen: BTreeSet<Key>,
    /// Per operation, when it had its first effect.
    first_at: BTreeMap<OperationId, i64>,
    requests: BTreeMap<RequestId, u64>,
    /// Per device and record, the last place in the device's order that had an effect.
    last: BTreeMap<(usize, Key), u64>,
    effects: usize,
    changes: usize,
    /// Whether reading a record back proves nothing, as the server writes something else than it is sent.
    rewrites: bool,
}

impl Oracle {
    /// Begins to watch a server that writes what it is sent, or something else.
    pub(super) fn new(rewrites: bool) -> Self {
        Self {
            rewrites,
            ..Self::default()
        }
    }

    /// Returns the effects that are new.
    pub(super) fn new_effects(&mut self, server: &Backend) -> Vec<Effect> {
        let new = server.effects()[self.effects..].to_vec();
        self.effects += new.len();
        new
    }

    /// Notes the states that records have had since, up to a place in the server's history.
    pub(super) fn note(&mut self, server: &Backend, until: usize) {
        let new = server.history().get(self.changes..until).unwrap_or_default();
        self.changes += new.len();
        self.unseen.extend(server.unseen().iter().cloned());
        for (key, state) in new {
            self.states.entry(key.clone()).or_default().push(state.clone());
        }
    }

    /// Notes an effect and judges it: at most one for a sending and an operation (I2), in the order of the record (I3)
    /// and of what needs what (L5), and of nothing but what its operations say (L26).
    pub(super) fn judge(
        &mut self,
        server: &Backend,
        effect: &Effect,
        origins: &BTreeMap<OperationId, Origin>,
    ) -> Result<(), Violation> {
        let key = (effect.change.entity.clone(), effect.change.record.clone());
        self.note(server, effect.at);
        let count = self.states.get(&key).map_or(0, Vec::len);
        let idempotency = server.capabilities().idempotency;
        let remembers = idempotency.remembers_requests();
        let now = server.now();
        let of_request = self.requests.entry(effect.request).or_default();
        *of_request += 1;
        // Where requests are not remembered, one that the network repeats makes a record again that is gone meanwhile.
        let makes = matches!(effect.change.action, ChangeAction::Create(_));
        if *of_request > 1 && (remembers || !makes) {
            return Err(Violation::new(
                "I2",
                format!("sending {} had two effects", effect.request),
            ));
        }
        let mut repeated = false;
        for operation in &effect.operations {
            let before = self.effects_of.entry(*operation).or_default();
            if !takes_part(effect, origins.get(operation), origins) {
                continue;
            }
            // Reading back proves nothing once somebody else has changed the record: it may be done once more then.
            let alone = before.last().is_some_and(|last| last + 1 == count) && !self.rewrites;
            repeated |= !before.is_empty();
            let late = usize::from(self.late.contains(operation));
            let wanted = origins.get(operation).map_or(0, |origin| origin.once_more) + late;
            // Behind the time that the server has documented, a device cannot but read what became of a request.
            let first_at = *self.first_at.entry(*operation).or_insert(now);
            let too_old = idempotency == Idempotency::Key && now - first_at >= KEY_IS_KNOWN;
            if before.len() > wanted && ((remembers && !too_old) || alone) {
                return Err(Violation::new(
                    "I2",
                    format!("operation {operation} had two effects"),
                ));
            }
            before.push(count);
            let is_parked = |origin: &Origin| origin.operation.state.parked().is_some();
            if origins.get(operation).is_some_and(is_parked) {
                self.late.insert(*operation);
            }
        }
        if repeated {
            return Ok(());
        }
        says_so(effect, origins)?;
        for operation in &effect.operations {
            let Some(origin) = origins.get(operation) else {
                let text = format!("the server did operation {operation}, which no device has");
                return Err(Violation::new("I1", text));
            };
            if !takes_part(effect, Some(origin), origins) {
                continue;
            }
            let first = |needed: &&OperationId| !self.effects_of.contains_key(needed);
            if let Some(needed) = origin.needs.iter().find(first) {
                let text = format!("operation {operation} had its effect before {needed}, which it needs");
                return Err(Violation::new("L5", text));
            }
            let last = self.last.entry((origin.device, key.clone())).or_default();
            // A record that a person wants back begins anew: what was sent of its former life is gone with it.
            let begins_anew = makes && origin.decided;
            if *last >= origin.operation.sequence && !begins_anew {
                let text = format!("operation {operation} had its effect after a later one of its record");
                return Err(Violation::new("I3", text));
            }
            *last = origin.operation.sequence;
        }
        Ok(())
    }

    /// Returns whether an operation had an effect.
    pub(super) fn had_effect(&self, operation: OperationId) -> bool {
        self.effects_of.contains_key(&operation)
    }

    /// Returns whether a record was out of the user's sight once.
    pub(super) fn was_unseen(&self, key: &Key) -> bool {
        self.unseen.contains(key)
    }

    /// Returns whether a record had a state once; the beginning, when it was not there, counts.
    pub(super) fn was(&self, key: &Key, wanted: impl Fn(Option<&Fields>) -> bool) -> bool {
        wanted(None) && self.states.get(key).is_none_or(|states| states.contains(&None))
            || self
                .states
                .get(key)
                .is_some_and(|states| states.iter().flatten().any(|state| wanted(Some(state))))
    }
}

/// Returns whether an operation that a sending carries is in its change: what an update sets need not be of all of them.
/// It is there with a value, or a later operation of the same sending has set the same field.
fn takes_part(effect: &Effect, origin: Option<&Origin>, origins: &BTreeMap<OperationId, Origin>) -> bool {
    let (ChangeAction::Update(fields), Some(origin)) = (&effect.change.action, origin) else {
        return true;
    };
    let Some(edits) = origin.operation.kind.edits() else {
        return true;
    };
    let later = |field: &FieldName| {
        let others = effect.operations.iter().filter_map(|id| origins.get(id));
        let later = others.filter(|other| other.operation.sequence > origin.operation.sequence);
        later
            .filter_map(|other| other.operation.kind.edits())
            .flatten()
            .any(|(other, _)| meant(other) == meant(field))
    };
    edits.iter().any(|(field, edit)| {
        let set = fields.iter().find(|(name, _)| meant(name) == meant(field));
        set.is_some_and(|(_, value)| says_the_same(&edit.new, value) || later(field))
    })
}

/// Checks that an update sets the fields that its operations edit, to the values that they say or said before they were
/// split or mended, and no others.
fn says_so(effect: &Effect, origins: &BTreeMap<OperationId, Origin>) -> Result<(), Violation> {
    let ChangeAction::Update(fields) = &effect.change.action else {
        return Ok(());
    };
    for (field, value) in fields {
        let said = effect
            .operations
            .iter()
            .filter_map(|id| origins.get(id))
            .flat_map(|origin| std::iter::once(&origin.operation.kind).chain(&origin.said))
            .any(|kind| {
                matches!(kind, OperationKind::Create(edits) | OperationKind::Update(edits)
                if edits.iter().any(|(name, edit)| meant(name) == meant(field) && says_the_same(&edit.new, value)))
            });
        if !said {
            let text = format!(
                "sending {} sets {field}, as no operation of it says",
                effect.request
            );
            return Err(Violation::new("L26", text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
