//! What becomes of the records that a command was expected to make, once it has been run. Pure.

use std::collections::BTreeMap;

use driftless_record::{
    Applied, Cause, CauseClass, Effect, EntityName, FieldName, LogKind, Operation, OperationId,
    OperationKind, OperationState, Record, RecordId, ServerRecord, Timestamp,
};
use driftless_store::Write;

use crate::confirm::Confirmed;
use crate::depend::Graph;
use crate::fold::{key_fields, settle_in};
use crate::ground::{Ground, Key, key};
use crate::journal::{self, Parking, Reason};
use crate::plan::Draft;
use crate::remap::Renamed;

/// Ends what waits for the results of commands that were run: records whose ids the server told go by them from here
/// on (law L35), the others were not made. Returns the records that were made.
pub(crate) fn settle_results(
    ground: &mut Ground,
    now: Timestamp,
    (commands, made): (&[OperationId], &BTreeMap<FieldName, RecordId>),
    into: &mut Confirmed,
) -> Vec<Key> {
    let awaited = ground
        .pending
        .iter()
        .filter_map(|operation| match &operation.kind {
            OperationKind::Awaited { by, slot, .. } if commands.contains(by) => {
                Some((operation.clone(), made.get(slot).cloned()))
            }
            _ => None,
        });
    let awaited: Vec<_> = awaited.collect();
    let expected = |slot: &FieldName| awaited.iter().any(|(operation, _)| is_for(operation, slot));
    let unexpected: Vec<_> = made.iter().filter(|(slot, _)| !expected(slot)).collect();
    into.made_in.extend(made_besides(ground, commands, &unexpected));
    let mut there = Vec::new();
    for (operation, told) in awaited {
        match told {
            Some(id) => {
                there.push((operation.entity.clone(), id.clone()));
                is_made(ground, operation, id, into);
            }
            None => is_not_made(ground, now, &operation, into),
        }
    }
    there
}

fn is_for(operation: &Operation, of: &FieldName) -> bool {
    matches!(&operation.kind, OperationKind::Awaited { slot, .. } if slot == of)
}

/// Returns the entities of the records that commands have made and nobody has expected: they came to make more since
/// they were run.
fn made_besides(
    ground: &Ground,
    commands: &[OperationId],
    made: &[(&FieldName, &RecordId)],
) -> Vec<EntityName> {
    let run = ground
        .pending
        .iter()
        .filter(|operation| commands.contains(&operation.id));
    let effects = run.filter_map(|operation| match &operation.kind {
        OperationKind::Command { call, .. } => {
            let entity = ground.schema.entity(operation.entity.as_str())?;
            Some(&entity.commands.get(&call.name)?.effects)
        }
        _ => None,
    });
    let of_slot = effects.flatten().filter_map(|effect| match effect {
        Effect::Make { slot, entity, .. } => Some((slot, entity)),
        Effect::Set { .. } => None,
    });
    of_slot
        .filter(|(slot, _)| made.iter().any(|(told, _)| told == slot))
        .map(|(_, entity)| entity.clone())
        .collect()
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
fn is_not_made(ground: &mut Ground, now: Timestamp, operation: &Operation, into: &mut Confirmed) {
    let place = key(operation);
    let dependants: Vec<Operation> = Graph::new(&ground.pending)
        .up_set(operation.id)
        .into_iter()
        .filter(|other| other.id != operation.id && other.state.is_to_be_sent())
        .cloned()
        .collect();
    into.writes.push(Write::PutOperation(Box::new(Operation {
        state: OperationState::Superseded,
        ..operation.clone()
    })));
    let mut by_record: BTreeMap<Key, Vec<Operation>> = BTreeMap::new();
    for dependant in dependants {
        by_record.entry(key(&dependant)).or_default().push(dependant);
    }
    let mut rest = ground.pending_of(&place);
    rest.retain(|other| other.id != operation.id);
    for (record, operations) in by_record {
        park(ground, now, &record, operations, into);
    }
    if rest.is_empty() {
        into.writes.push(not_made(ground, now, &place, operation));
    }
    if let Some(image) = ground.images.get(&place) {
        settle_in(&ground.schema, image.clone(), &rest, &mut into.writes);
    }
}

/// Tells of a record that vanishes from the view, with what it was expected to be.
fn not_made(ground: &mut Ground, now: Timestamp, place: &Key, awaited: &Operation) -> Write {
    let entity = ground.schema.entity(place.0.as_str()).cloned();
    let operations = std::slice::from_ref(awaited);
    let title = journal::title(entity.as_deref(), ground.images.get(place), place, operations);
    let edits = awaited.kind.edits().into_iter().flatten();
    let draft = Draft {
        kind: LogKind::Overwritten,
        fields: Vec::new(),
        reason: "the command was run, and did not make this record".to_owned(),
        kept: edits
            .map(|(field, edit)| (field.clone(), edit.new.clone()))
            .collect(),
    };
    let entry = journal::entry(ground.take_log_id(), now, place, vec![awaited.id], title, draft);
    Write::PutLog(Box::new(entry))
}

fn park(ground: &mut Ground, now: Timestamp, record: &Key, operations: Vec<Operation>, into: &mut Confirmed) {
    let entity = ground.schema.entity(record.0.as_str()).cloned();
    let parking = Parking {
        id: ground.take_log_id(),
        at: now,
        record,
        operations: operations.iter().map(|operation| operation.id).collect(),
        title: journal::title(entity.as_deref(), ground.images.get(record), record, &operations),
        kept: journal::values(&operations),
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
