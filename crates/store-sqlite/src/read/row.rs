//! From columns to values.

use driftless_record::sql::{self, StoredRef};
use driftless_record::{EntityName, FieldKind, Record, RecordId, Revision, Value};
use driftless_store::{Image, StoreError};
use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::catalogue::Column;
use crate::error::{Result, of_database, unreadable};
use crate::payload::decode_image;

/// Reads the value of a field whose columns begin at a place.
pub(crate) fn field_value(kind: &FieldKind, row: &Row<'_>, at: usize) -> Result<Value> {
    let width = sql::columns(kind).len();
    let mut parts = [StoredRef::Null; 3];
    let parts = parts.get_mut(..width).ok_or_else(|| unreadable("a value"))?;
    for (place, part) in parts.iter_mut().enumerate() {
        *part = match row.get_ref(at + place).map_err(of_database)? {
            ValueRef::Null => StoredRef::Null,
            ValueRef::Integer(v) => StoredRef::Int(v),
            ValueRef::Real(v) => StoredRef::Real(v),
            ValueRef::Text(v) => StoredRef::Text(std::str::from_utf8(v).map_err(|_| unreadable("a text"))?),
            ValueRef::Blob(v) => StoredRef::Blob(v),
        };
    }
    sql::decode(kind, parts).map_err(|error| StoreError::Damaged(error.to_string()))
}

/// Reads a record from a row of id, revision and the columns of fields.
pub(super) fn record<'a>(
    entity: &EntityName,
    fields: impl ExactSizeIterator<Item = &'a Column>,
    row: &Row<'_>,
) -> Result<Record> {
    let (id, revision) = identity(row)?;
    let mut at = 2;
    let mut values = Vec::with_capacity(fields.len());
    for field in fields {
        values.push((field.name.clone(), field_value(&field.kind, row, at)?));
        at += sql::columns(&field.kind).len();
    }
    Ok(Record {
        entity: entity.clone(),
        id,
        revision,
        fields: values.into_iter().collect(),
    })
}

/// Reads the image of a record from its payload.
pub(super) fn image(entity: &EntityName, id: &RecordId, payload: &[u8]) -> Result<Image> {
    let (server, gone) = decode_image(entity, id, payload).map_err(|_| unreadable("an image"))?;
    Ok(Image {
        entity: entity.clone(),
        id: id.clone(),
        server,
        gone,
    })
}

/// Reads the id and the revision at the beginning of a row.
pub(super) fn identity(row: &Row<'_>) -> Result<(RecordId, Option<Revision>)> {
    let wrong = |_| unreadable("an id or a revision");
    let id = row.get_ref(0).map_err(of_database)?.as_str().map_err(wrong)?;
    let revision = row
        .get_ref(1)
        .map_err(of_database)?
        .as_str_or_null()
        .map_err(wrong)?;
    Ok((
        RecordId::from_canonical(id),
        revision.map(|text| Revision(text.to_owned())),
    ))
}
