//! What becomes of the records that a command was expected to make, once it has been run. Pure.

use std::collections::BTreeMap;

use driftless_record::{
    Applied, Cause, CauseClass, FieldName, Operation, OperationId, OperationKind, OperationState, Record,
    RecordId, ServerRecord, Timestamp,
};
use driftless_store::Write;

use crate::confirm::Confirmed;
use crate::depend::Graph;
use crate::fold::{key_fields, settle};
use crate::ground::{Ground, Key, key};
use crate::journal::{self, Parking, Reason};
use crate::remap::Renamed;

/// Ends what waits for the results of commands that were run: records whose ids the server told go by them from here
/// on (law L35), the others were not made.
pub(crate) fn settle_results(
    ground: &mut Ground,
    now: Timestamp,
    (commands, made): (&[OperationId], &BTreeMap<FieldName, RecordId>),
    into: &mut Confirmed,
) {
    let awaited = ground
        .pending
        .iter()
        .filter_map(|operation| match &operation.kind {
            OperationKind::Awaited { by, slot, .. } if commands.contains(by) => {
                Some((operation.clone(), made.get(slot).cloned()))
            }
            _ => None,
        });
    for (operation, told) in awaited.collect::<Vec<_>>() {
        match told {
            Some(id) => is_made(ground, operation, id, into),
            None => is_not_made(ground, now, operation, into),
        }
    }
}

fn is_made(ground: &Ground, operation: Operation, id: RecordId, into: &mut Confirmed) {
    let place = key(&operation);
    let mut fields = ground
        .schema
        .entity(place.0.as_str())
        .map(|entity| key_fields(entity, &id))
        .unwrap_or_default();
    let edits = operation.kind.edits().into_iter().flatten();
    fields.extend(edits.map(|(field, edit)| (field.clone(), edit.new.clone())));
    // What was expected, until the record is read.
    let record = Record {
        entity: place.0.clone(),
        id: id.clone(),
        revision: None,
        fields,
    };
    let server = Some(ServerRecord {
        record,
        stamps: BTreeMap::new(),
    });
    // What nobody has set here may be set by the server: that is no change by somebody else.
    for mut later in ground.pending_of(&place) {
        if let OperationKind::Delete { seen, .. } = &mut later.kind {
            seen.retain(|_, value| !value.is_null());
            into.writes.push(Write::PutOperation(Box::new(later)));
        }
    }
    into.writes.push(Write::PutOperation(Box::new(Operation {
        state: OperationState::Applied(Applied::Accepted),
        ..operation
    })));
    into.refresh.insert((place.0.clone(), id.clone()));
    into.renames.insert(place, Renamed { id, server });
}

/// What was done on a record that the command did not make is shown to a person.
fn is_not_made(ground: &mut Ground, now: Timestamp, operation: Operation, into: &mut Confirmed) {
    let place = key(&operation);
    let dependants: Vec<Operation> = Graph::new(&ground.pending)
        .up_set(operation.id)
        .into_iter()
        .filter(|other| other.id != operation.id && other.state.is_to_be_sent())
        .cloned()
        .collect();
    into.writes.push(Write::PutOperation(Box::new(Operation {
        state: OperationState::Superseded,
        ..operation
    })));
    let mut by_record: BTreeMap<Key, Vec<Operation>> = BTreeMap::new();
    for dependant in dependants {
        by_record.entry(key(&dependant)).or_default().push(dependant);
    }
    let rest = by_record.get(&place).cloned().unwrap_or_default();
    for (record, operations) in by_record {
        park(ground, now, &record, operations, into);
    }
    if let (Some(entity), Some(image)) = (ground.schema.entity(place.0.as_str()), ground.images.get(&place)) {
        settle(entity, image.clone(), &rest, &mut into.writes);
    }
}

fn park(ground: &mut Ground, now: Timestamp, record: &Key, operations: Vec<Operation>, into: &mut Confirmed) {
    let entity = ground.schema.entity(record.0.as_str()).cloned();
    let parking = Parking {
        id: ground.take_log_id(),
        at: now,
        record,
        operations: operations.iter().map(|operation| operation.id).collect(),
        title: journal::title(entity.as_deref(), ground.images.get(record), record, &operations),
    };
    let cause = Cause {
        class: CauseClass::MissingReference,
        field: None,
        other: None,
        code: "device:not-made".to_owned(),
        text: "the command was run, and did not make the record that this rests on".to_owned(),
    };
    let entry = journal::parked(parking, Reason::Refused(cause));
    let state = OperationState::Refused(entry.id);
    into.refused += operations.len();
    into.writes.push(Write::PutLog(Box::new(entry)));
    into.writes.extend(operations.into_iter().map(|operation| {
        Write::PutOperation(Box::new(Operation {
            state: state.clone(),
            ..operation
        }))
    }));
}
