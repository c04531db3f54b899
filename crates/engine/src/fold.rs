//! What the user sees: the server image with his pending operations on top.

use std::borrow::Cow;
use std::sync::Arc;

use driftless_record::{
    EntitySchema, FieldName, Fields, Operation, OperationKind, Record, RecordId, Row, RowSet, Schema, Value,
};
use driftless_store::{Image, Write, convert};

use crate::refit;
use crate::validate::misfit;

/// Returns the record that a user sees, given the server's data and his pending operations in sequence; `None` if for
/// him there is none.
pub(crate) fn fold(image: &Image, pending: &[Operation]) -> Option<Record> {
    let mut exists = image.server.is_some() && !image.gone;
    let mut fields = image
        .server
        .as_ref()
        .map(|s| s.record.fields.clone())
        .unwrap_or_default();
    for operation in pending {
        match &operation.kind {
            OperationKind::Create(edits)
            | OperationKind::Update(edits)
            | OperationKind::Command { edits, .. }
            | OperationKind::Awaited { edits, .. } => {
                if !exists && operation.kind.begins_record() {
                    fields.clear();
                }
                exists = true;
                fields.extend(
                    edits
                        .iter()
                        .map(|(field, edit)| (field.clone(), edit.new.clone())),
                );
            }
            OperationKind::Delete { .. } => exists = false,
        }
    }
    let revision = image.server.as_ref().and_then(|s| s.record.revision.clone());
    exists.then(|| Record {
        entity: image.entity.clone(),
        id: image.id.clone(),
        revision,
        fields,
    })
}

/// Returns the same as far as the record's fields can keep it: of an edit that a field cannot take any more, what was
/// there before it is shown.
pub(crate) fn shown(entity: &EntitySchema, image: &Image, pending: &[Operation]) -> Option<Record> {
    let each: Vec<_> = pending
        .iter()
        .map(|operation| refit::shown(entity, operation))
        .collect();
    if each.iter().all(|operation| matches!(operation, Cow::Borrowed(_))) {
        return fold(image, pending);
    }
    let each: Vec<Operation> = each.into_iter().map(Cow::into_owned).collect();
    fold(image, &each)
}

/// Adds the writes that bring a record's view and image after its server data and pending operations: both kept while
/// operations are pending, the view alone once it is settled.
pub(crate) fn settle(entity: &EntitySchema, image: Image, pending: &[Operation], writes: &mut Vec<Write>) {
    match shown(entity, &image, pending) {
        Some(mut record) => {
            if entity.key.iter().any(|name| !record.fields.contains_key(name)) {
                record.fields.extend(key_fields(entity, &record.id));
            }
            writes.push(Write::PutRows(whole_row(entity, record)));
        }
        None => writes.push(Write::RemoveRows(image.entity.clone(), vec![image.id.clone()])),
    }
    writes.push(if pending.is_empty() {
        Write::DropImage(image.entity, image.id)
    } else {
        Write::PutImage(image)
    });
}

/// Does the same for a record whose entity may be gone. Nobody sees it then; should the entity come back, what is
/// settled of it is read anew.
pub(crate) fn settle_in(schema: &Schema, image: Image, pending: &[Operation], writes: &mut Vec<Write>) {
    match schema.entity(image.entity.as_str()) {
        Some(entity) => settle(entity, image, pending, writes),
        None if pending.is_empty() => writes.push(Write::DropImage(image.entity, image.id)),
        None => writes.push(Write::PutImage(image)),
    }
}

/// Returns a row with every field of the entity, null where the record has none or one that the field cannot keep, so
/// that nothing old shines through.
pub(crate) fn whole_row(entity: &EntitySchema, mut record: Record) -> RowSet {
    let columns: Arc<[FieldName]> = entity.fields.iter().map(|field| field.name.clone()).collect();
    let values = entity
        .fields
        .iter()
        .map(|field| {
            let value = record.fields.remove(&field.name).unwrap_or_default();
            match misfit(&field.kind, &value) {
                None => value,
                Some(_) => convert(&value, &field.kind).unwrap_or_default(),
            }
        })
        .collect();
    let row = Row {
        id: record.id,
        revision: record.revision,
        values,
    };
    RowSet {
        entity: record.entity,
        columns,
        rows: vec![row],
    }
}

/// Returns the fields of a record's key, as its id tells them.
pub(crate) fn key_fields(entity: &EntitySchema, id: &RecordId) -> Fields {
    let values = id.key_values(entity).unwrap_or_default();
    entity.key.iter().cloned().zip(values).collect()
}

/// Returns a text that names a record for people: its display field, else its id.
pub(crate) fn title(entity: &EntitySchema, id: &RecordId, fields: &Fields) -> String {
    let shown = entity.display_field.as_ref().and_then(|name| fields.get(name));
    match shown {
        Some(value) if !value.is_null() && *value != Value::text("") => value.to_string(),
        _ => id.to_string(),
    }
}
