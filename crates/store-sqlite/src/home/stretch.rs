//! Stretches: queued operations of one record, and the one sending that stands for all that the original of a copied
//! home may have sent of them.
//!
//! It may have sent each alone or several together, merged. Only their last values tell them apart from what was never
//! sent: looked for one by one, an earlier value that a later one has replaced would pass for not sent, and be sent over
//! the later one.

use std::collections::BTreeMap;

use driftless_record::{
    Change, ChangeAction, Condition, EntityName, FieldEdit, FieldName, Fields, Operation, OperationKind,
    RecordId, RequestId, Schema, Sending, Timestamp,
};

/// Operations of one record, in sequence; at least one.
pub(super) type Stretch = Vec<Operation>;

/// Parts the pending operations, given in sequence, into stretches of queued ones.
pub(super) fn stretches(pending: Vec<Operation>, schema: &Schema) -> Vec<Stretch> {
    let mut of_records: BTreeMap<(EntityName, RecordId), Vec<Stretch>> = BTreeMap::new();
    for operation in pending {
        let key = (operation.entity.clone(), operation.record.clone());
        let stretches = of_records.entry(key).or_default();
        if !operation.state.is_to_be_sent() || matches!(operation.kind, OperationKind::Awaited { .. }) {
            // What comes behind it is a stretch of its own.
            stretches.push(Vec::new());
            continue;
        }
        match stretches.last_mut().filter(|last| joins(last, &operation)) {
            Some(last) => last.push(operation),
            None => stretches.push(vec![operation]),
        }
    }
    of_records
        .into_values()
        .flatten()
        .flat_map(|stretch| known_by_its_key(stretch, schema))
        .filter(|stretch| !stretch.is_empty())
        .collect()
}

fn joins(stretch: &[Operation], next: &Operation) -> bool {
    let ended = stretch
        .last()
        .is_some_and(|last| matches!(last.kind, OperationKind::Delete { .. }) || last.kind.is_command());
    let begins = matches!(next.kind, OperationKind::Create(_)) || next.kind.is_command();
    !ended && (stretch.is_empty() || !begins)
}

/// Parts a create from the edits behind it where its key proves it, as that says nothing about them.
fn known_by_its_key(mut stretch: Stretch, schema: &Schema) -> Vec<Stretch> {
    let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else {
        return Vec::new();
    };
    let by_key = schema
        .entity(first.entity.as_str())
        .is_some_and(|entity| entity.guid_key().is_some());
    let is_create = matches!(first.kind, OperationKind::Create(_));
    let is_deleted = matches!(last.kind, OperationKind::Delete { .. });
    if !(by_key && is_create) || is_deleted {
        return vec![stretch];
    }
    let edits = stretch.split_off(1);
    vec![stretch, edits]
}

/// Makes the sending that stands for a stretch. It was sent so long ago that no back end answers for it any more: the
/// record is read.
pub(super) fn sending(stretch: &[Operation], id: RequestId) -> Option<Sending> {
    let first = stretch.first()?;
    let mut values = Fields::new();
    let mut is_create = false;
    let mut is_delete = false;
    let mut command = None;
    for operation in stretch {
        match &operation.kind {
            OperationKind::Create(edits) => {
                is_create = true;
                values.extend(last_values(edits));
            }
            OperationKind::Update(edits) => values.extend(last_values(edits)),
            OperationKind::Delete { .. } => is_delete = true,
            OperationKind::Command { call, .. } => command = Some((**call).clone()),
            OperationKind::Awaited { .. } => {}
        }
    }
    let action = match (command, is_delete, is_create) {
        (Some(call), ..) => ChangeAction::Command(call),
        (None, true, _) => ChangeAction::Delete,
        (None, false, true) => ChangeAction::Create(values),
        (None, false, false) => ChangeAction::Update(values),
    };
    let condition = match &first.base_revision {
        _ if is_create && !is_delete => Condition::Absent,
        Some(revision) if !revision.is_untold() => Condition::Revision(revision.clone()),
        Some(_) | None => Condition::Exists,
    };
    Some(Sending {
        id,
        first_sent: Timestamp(0),
        change: Change {
            entity: first.entity.clone(),
            record: first.record.clone(),
            action,
            condition,
            stamps: BTreeMap::new(),
        },
        operations: stretch.iter().map(|operation| operation.id).collect(),
        together: None,
    })
}

fn last_values(
    edits: &BTreeMap<FieldName, FieldEdit>,
) -> impl Iterator<Item = (FieldName, driftless_record::Value)> {
    edits.iter().map(|(name, edit)| (name.clone(), edit.new.clone()))
}
