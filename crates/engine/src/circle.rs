//! Circles: records made here that refer to each other. They are created first and linked afterwards (law L6). Pure.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{
    EntitySchema, FieldEdit, FieldName, Operation, OperationId, OperationKind, OperationState, Schema,
    Timestamp, Value,
};
use driftless_store::Write;

use crate::depend::{self, Graph};
use crate::ground::{Ground, key};
use crate::journal::{self, Parking, Reason};
use crate::obstacle::Obstacle;

/// References of a create to another one, all of which can be made afterwards.
struct Links {
    create: OperationId,
    to: OperationId,
    fields: Vec<FieldName>,
}

/// An operation that, through others, waits for itself.
struct Circle {
    operation: OperationId,
    /// The references that open the circle when they are made afterwards; none if every one is required.
    links: Option<Links>,
}

/// Returns the operations that wait for themselves, where no reference can be made afterwards.
pub(crate) fn held(schema: &Schema, pending: &[Operation]) -> BTreeSet<OperationId> {
    let circles = circles(schema, pending);
    let held = circles.iter().filter(|circle| circle.links.is_none());
    held.map(|circle| circle.operation).collect()
}

/// Opens every circle: a create goes without a reference that is not required, and an update behind it makes that. A
/// circle of nothing but required references is told to a person.
pub(crate) fn opened(ground: &mut Ground, now: Timestamp, new_id: &dyn Fn() -> OperationId) -> Vec<Write> {
    let mut pending = ground.pending.clone();
    let mut writes = Vec::new();
    let mut told = BTreeSet::new();
    // Each turn takes a reference out of a create or tells of a circle, so this comes to an end.
    loop {
        let circles = circles(&ground.schema, &pending);
        let next = circles
            .into_iter()
            .find(|circle| !told.contains(&circle.operation));
        let Some(circle) = next else {
            return writes;
        };
        told.extend(circle.links.is_none().then_some(circle.operation));
        let changed = match circle.links {
            None => park(ground, &pending, circle.operation, now, &mut writes),
            Some(links) => afterwards(ground, &pending, &links, new_id),
        };
        for operation in changed {
            match pending.iter_mut().find(|known| known.id == operation.id) {
                Some(known) => *known = operation.clone(),
                None => pending.push(operation.clone()),
            }
            writes.push(Write::PutOperation(Box::new(operation)));
        }
    }
}

fn circles(schema: &Schema, pending: &[Operation]) -> Vec<Circle> {
    let graph = Graph::new(pending);
    let mut found = Vec::new();
    for operation in pending {
        let Some(around) = graph.circle(operation.id) else {
            // A new record that refers to itself is the smallest one. A server may take it where nothing can wait.
            let links = links(schema, operation, operation);
            found.extend(links.map(|links| Circle {
                operation: operation.id,
                links: Some(links),
            }));
            continue;
        };
        // The reference to what came later is the first to be made afterwards, then the one next to it.
        let pairs = around.iter().zip(around.iter().cycle().skip(1));
        found.push(Circle {
            operation: operation.id,
            links: pairs.filter_map(|(from, to)| links(schema, from, to)).next(),
        });
    }
    found
}

/// Returns the references through which a create needs another one, if all of them can be left for later.
fn links(schema: &Schema, from: &Operation, to: &Operation) -> Option<Links> {
    let OperationKind::Create(edits) = &from.kind else {
        return None;
    };
    let entity = schema.entity(from.entity.as_str())?;
    let names = |edit: &FieldEdit| matches!(&edit.new, Value::Lookup(named) if named.entity == to.entity && named.id == to.record);
    let fields: Vec<_> = edits
        .iter()
        .filter(|(_, edit)| names(edit))
        .map(|(name, _)| name.clone())
        .collect();
    let by_key = depend::key_targets(schema, &key(from)).contains(&key(to));
    let can_all_wait = !by_key && fields.iter().all(|field| can_wait(entity, field));
    (from.state.is_to_be_sent() && can_all_wait && !fields.is_empty()).then_some(Links {
        create: from.id,
        to: to.id,
        fields,
    })
}

fn can_wait(entity: &EntitySchema, field: &FieldName) -> bool {
    let optional = |field: &driftless_record::FieldSchema| !field.required && field.nullable;
    entity.access.update
        && !entity.append_only
        && !entity.is_key(field)
        && entity.field(field).is_some_and(optional)
}

/// Takes references out of their create, into an update at the end of the queue. Where a later operation of the record
/// sets the field anyway, or deletes the record, none is needed: that one rests on the empty field then.
fn afterwards(
    ground: &mut Ground,
    pending: &[Operation],
    links: &Links,
    new_id: &dyn Fn() -> OperationId,
) -> Vec<Operation> {
    let Some(mut create) = pending.iter().find(|known| known.id == links.create).cloned() else {
        return Vec::new();
    };
    let OperationKind::Create(edits) = &mut create.kind else {
        return Vec::new();
    };
    let taken: Vec<_> = links
        .fields
        .iter()
        .filter_map(|field| edits.remove_entry(field))
        .collect();
    create.needs.remove(&links.to);
    let of_record = |operation: &&Operation| key(operation) == key(&create);
    let later: Vec<&Operation> = pending.iter().filter(of_record).collect();
    let mut changed: Vec<Operation> = Vec::new();
    let mut left = BTreeMap::new();
    for (field, edit) in taken {
        let next = later
            .iter()
            .find(|other| other.sequence > create.sequence && ends(other, &field));
        let Some(next) = next else {
            left.insert(field, edit);
            continue;
        };
        if !changed.iter().any(|known| known.id == next.id) {
            changed.push((*next).clone());
        }
        for known in changed.iter_mut().filter(|known| known.id == next.id) {
            rest_on(known, &field, &edit.old);
        }
    }
    if !left.is_empty() {
        changed.push(Operation {
            id: new_id(),
            sequence: ground.take_sequence(),
            kind: OperationKind::Update(left),
            needs: [links.to].into(),
            state: OperationState::Queued,
            attempts: 0,
            rebased: 0,
            ..create.clone()
        });
    }
    changed.push(create);
    changed
}

/// Returns whether an operation of the same record decides what becomes of a field.
fn ends(operation: &Operation, field: &FieldName) -> bool {
    match &operation.kind {
        OperationKind::Create(_) | OperationKind::Delete { .. } | OperationKind::Awaited { .. } => true,
        OperationKind::Update(edits) | OperationKind::Command { edits, .. } => edits.contains_key(field),
    }
}

fn rest_on(operation: &mut Operation, field: &FieldName, old: &Value) {
    match &mut operation.kind {
        OperationKind::Update(edits) | OperationKind::Command { edits, .. } => {
            if let Some(edit) = edits.get_mut(field) {
                edit.old = old.clone();
            }
        }
        OperationKind::Delete { seen, .. } => {
            seen.insert(field.clone(), old.clone());
        }
        OperationKind::Create(_) | OperationKind::Awaited { .. } => {}
    }
}

/// Parks an operation that cannot be made afterwards, unless it is parked or on its way already.
fn park(
    ground: &mut Ground,
    pending: &[Operation],
    operation: OperationId,
    now: Timestamp,
    writes: &mut Vec<Write>,
) -> Vec<Operation> {
    let found = pending.iter().find(|known| known.id == operation);
    let Some(operation) = found.filter(|known| known.state.is_to_be_sent()).cloned() else {
        return Vec::new();
    };
    let record = key(&operation);
    let entity = ground.schema.entity(record.0.as_str()).cloned();
    let one = std::slice::from_ref(&operation);
    let title = journal::title(entity.as_deref(), ground.images.get(&record), &record, one);
    let id = ground.take_log_id();
    let parking = Parking {
        id,
        at: now,
        record: &record,
        operations: vec![operation.id],
        title,
        kept: journal::values(one),
    };
    let entry = journal::parked(parking, Reason::Obstructed(Obstacle::Circle.into()));
    writes.push(Write::PutLog(Box::new(entry)));
    vec![Operation {
        state: OperationState::Refused(id),
        ..operation
    }]
}
