//! What really happened on the server, kept beside it to judge the devices by.

use std::collections::BTreeMap;

use driftless_record::{EntityName, Fields, OperationId, RecordId, RequestId};
use driftless_transport::Idempotency;

use super::run::Violation;
use crate::backend::{Backend, Effect};

pub(super) type Key = (EntityName, RecordId);

/// Where an operation comes from.
#[derive(Debug)]
pub(super) struct Origin {
    /// The device.
    pub(super) device: usize,
    /// Its place in that device's order.
    pub(super) sequence: u64,
    /// The operations that it needs and that had not ended on the device.
    pub(super) needs: Vec<OperationId>,
}

/// The history of the server.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    /// Every state that each record has had, in order; `None` where it was deleted.
    states: BTreeMap<Key, Vec<Option<Fields>>>,
    /// Per operation, how many states its record had right after each of its effects.
    effects_of: BTreeMap<OperationId, Vec<usize>>,
    requests: BTreeMap<RequestId, u64>,
    /// Per device and record, the last place in the device's order that had an effect.
    last: BTreeMap<(usize, Key), u64>,
    effects: usize,
}

impl Oracle {
    /// Returns the effects that are new.
    pub(super) fn new_effects(&mut self, server: &Backend) -> Vec<Effect> {
        let new = server.effects()[self.effects..].to_vec();
        self.effects += new.len();
        new
    }

    /// Notes the state of a record after a change.
    pub(super) fn note(&mut self, server: &Backend, key: &Key) {
        let state = server.record(&key.0, &key.1).map(|found| found.record.fields);
        self.states.entry(key.clone()).or_default().push(state);
    }

    /// Notes an effect and judges it: at most one for a sending and an operation (I2), in the order of the record (I3)
    /// and of what needs what (L5).
    pub(super) fn judge(
        &mut self,
        server: &Backend,
        effect: &Effect,
        origins: &BTreeMap<OperationId, Origin>,
    ) -> Result<(), Violation> {
        let key = (effect.change.entity.clone(), effect.change.record.clone());
        self.note(server, &key);
        let count = self.states.get(&key).map_or(0, Vec::len);
        let of_request = self.requests.entry(effect.request).or_default();
        *of_request += 1;
        if *of_request > 1 {
            return Err(Violation::new(
                "I2",
                format!("sending {} had two effects", effect.request),
            ));
        }
        let repeatable = server.capabilities().idempotency == Idempotency::Repeatable;
        let mut repeated = false;
        for operation in &effect.operations {
            let before = self.effects_of.entry(*operation).or_default();
            // Reading back proves nothing once somebody else has changed the record: it may be done once more then.
            let alone = before.last().is_some_and(|last| last + 1 == count);
            repeated |= !before.is_empty();
            if !before.is_empty() && (repeatable || alone) {
                return Err(Violation::new(
                    "I2",
                    format!("operation {operation} had two effects"),
                ));
            }
            before.push(count);
        }
        if repeated {
            return Ok(());
        }
        for operation in &effect.operations {
            let Some(origin) = origins.get(operation) else {
                let text = format!("the server did operation {operation}, which no device has");
                return Err(Violation::new("I1", text));
            };
            let first = |needed: &&OperationId| !self.effects_of.contains_key(needed);
            if let Some(needed) = origin.needs.iter().find(first) {
                let text = format!("operation {operation} had its effect before {needed}, which it needs");
                return Err(Violation::new("L5", text));
            }
            let last = self.last.entry((origin.device, key.clone())).or_default();
            if *last >= origin.sequence {
                let text = format!("operation {operation} had its effect after a later one of its record");
                return Err(Violation::new("I3", text));
            }
            *last = origin.sequence;
        }
        Ok(())
    }

    /// Returns whether an operation had an effect.
    pub(super) fn had_effect(&self, operation: OperationId) -> bool {
        self.effects_of.contains_key(&operation)
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
