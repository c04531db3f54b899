//! Execution order reckoned again, from the true time of every edit: what the devices' clocks and the engine make of it
//! is compared with it. Nothing of the engine's own reckoning is used here.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{FieldEdit, FieldName, Fields, LogKind, Operation, OperationId, OperationKind, Value};
use driftless_store::LogSelection;

use super::clock::SimClock;
use super::device::Device;
use super::oracle::Key;
use super::run::Violation;
use crate::backend::Backend;

/// One edit of one field.
#[derive(Debug)]
struct Edit {
    /// When it was made, in the true time of the world.
    at: i64,
    value: Value,
    /// The device and the operation; `None` for the office.
    by: Option<(usize, OperationId)>,
}

/// Every edit of a world, and what is known of who made it when.
#[derive(Debug, Default)]
pub(super) struct Order {
    edits: BTreeMap<(Key, FieldName), Vec<Edit>>,
    /// The edits that were noted: their operation, their field, and the count of their device's clock.
    seen: BTreeSet<(OperationId, FieldName, i64, u32)>,
    ended: BTreeMap<OperationId, i64>,
}

impl Order {
    /// Notes what somebody in the office sets.
    pub(super) fn office(&mut self, key: &Key, fields: &Fields, now: i64) {
        for (field, value) in fields {
            let edit = Edit {
                at: now,
                value: value.clone(),
                by: None,
            };
            self.add(key, field, edit);
        }
    }

    /// Notes what is new among the operations of a device, and which of them have ended.
    pub(super) fn look(&mut self, device: usize, clock: &SimClock, operations: &[Operation], now: i64) {
        for operation in operations {
            if operation.state.is_final() {
                self.ended.entry(operation.id).or_insert(now);
            }
            let (OperationKind::Create(edits) | OperationKind::Update(edits)) = &operation.kind else {
                continue;
            };
            let key = (operation.entity.clone(), operation.record.clone());
            for (field, edit) in edits {
                // An edit can join an operation that waits.
                let (at, count) = (edit.raw.monotonic, edit.raw.counter);
                if !self.seen.insert((operation.id, field.clone(), at, count)) {
                    continue;
                }
                let edit = Edit {
                    at: true_time(clock, edit),
                    value: edit.new.clone(),
                    by: Some((device, operation.id)),
                };
                self.add(&key, field, edit);
            }
        }
    }

    fn add(&mut self, key: &Key, field: &FieldName, edit: Edit) {
        self.edits
            .entry((key.clone(), field.clone()))
            .or_default()
            .push(edit);
    }

    /// Compares every final value with the edit that was made last; returns how many were compared. Left out are those
    /// that a person decided, and those of which no clock can tell when they were made.
    pub(super) fn judge(&self, server: &Backend, devices: &[Device]) -> Result<usize, Violation> {
        let decided = decided(devices)?;
        let mut compared = 0;
        for ((key, field), edits) in &self.edits {
            let asked = decided.contains(&(key.clone(), None))
                || decided.contains(&(key.clone(), Some(field.clone())));
            if asked || !edits.iter().all(|edit| self.is_told(edit, devices)) {
                continue;
            }
            let Some(last) = edits.iter().map(|edit| edit.at).max() else {
                continue;
            };
            let found = server.record(&key.0, &key.1);
            let found = found
                .and_then(|found| found.record.fields.get(field).cloned())
                .unwrap_or_default();
            compared += 1;
            let mut latest = edits.iter().filter(|edit| edit.at == last);
            if !latest.any(|edit| edit.value == found) {
                let text = format!(
                    "{field} of {} {} is {found} in the end, of the edits {edits:?}",
                    key.0, key.1
                );
                return Err(Violation::new("L27", text));
            }
        }
        Ok(compared)
    }

    /// Returns whether the clocks can tell when an edit was made: its device was not started anew before the edit had
    /// its stamp.
    fn is_told(&self, edit: &Edit, devices: &[Device]) -> bool {
        let Some((number, operation)) = edit.by else {
            return true;
        };
        let ended = self.ended.get(&operation).copied().unwrap_or(i64::MAX);
        let (Some(device), from) = (devices.get(number), edit.at) else {
            return false;
        };
        !device.decided.contains(&operation) && !device.clock.was_started(from, ended)
    }
}

fn true_time(clock: &SimClock, edit: &FieldEdit) -> i64 {
    clock.true_time(edit.raw.boot, edit.raw.monotonic)
}

/// Returns the fields that a person was asked about; no field where it was the whole record.
fn decided(devices: &[Device]) -> Result<BTreeSet<(Key, Option<FieldName>)>, Violation> {
    let mut decided = BTreeSet::new();
    for device in devices {
        for entry in device.store.log(&LogSelection::Latest(1_000_000))? {
            let Some(key) = entry.record.filter(|_| entry.kind == LogKind::Conflict) else {
                continue;
            };
            if entry.fields.is_empty() {
                decided.insert((key.clone(), None));
            }
            decided.extend(
                entry
                    .fields
                    .into_iter()
                    .map(|case| (key.clone(), Some(case.field))),
            );
        }
    }
    Ok(decided)
}
