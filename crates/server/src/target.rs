//! Paths: which entity set or record a request is about.

use std::sync::Arc;

use driftless_record::{EntitySchema, FieldKind, RecordId};
use percent_encoding::percent_decode_str;

use crate::db::table::Table;
use crate::reply::Refusal;
use crate::service::Service;

/// What a path names.
pub(crate) enum Target {
    /// An entity set.
    Set(Arc<Table>),
    /// The number of its records.
    Count(Arc<Table>),
    /// A record.
    Record(Arc<Table>, RecordId),
    /// Something of a record, by its name.
    Member(Arc<Table>, RecordId, String),
}

/// Finds out what a path names.
pub(crate) fn target(service: &Service, path: &str) -> Result<Target, Refusal> {
    let decoded = percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| Refusal::bad("InvalidPath", "the path is not UTF-8"))?;
    let unknown = || Refusal::not_found("there is no such resource");
    let split = decoded.find(['(', '/']).unwrap_or(decoded.len());
    let (set, rest) = decoded.split_at(split);
    let Some(table) = service.tables.by_set(set).cloned() else {
        let is_base = service
            .schema
            .entities
            .values()
            .any(|entity| entity.is_abstract && entity.set == set);
        return Err(if is_base {
            Refusal::not_implemented("this is the base of several sets: read those")
        } else {
            unknown()
        });
    };
    match rest {
        "" => return Ok(Target::Set(table)),
        "/$count" => return Ok(Target::Count(table)),
        _ => {}
    }
    let key = rest.strip_prefix('(').ok_or_else(unknown)?;
    let close = key.rfind(')').ok_or_else(unknown)?;
    let id = record_id(&table.entity, &key[..close])?;
    match &key[close + 1..] {
        "" => Ok(Target::Record(table, id)),
        member => match member.strip_prefix('/') {
            Some(name) => Ok(Target::Member(table, id, name.to_owned())),
            None => Err(unknown()),
        },
    }
}

/// Reads a key as it stands in a path.
fn record_id(entity: &EntitySchema, key: &str) -> Result<RecordId, Refusal> {
    let invalid = |error: driftless_record::id::InvalidId| Refusal::bad("InvalidKey", error.to_string());
    let [name] = entity.key.as_slice() else {
        return RecordId::parse(entity, key).map_err(invalid);
    };
    let named = key
        .strip_prefix(name.as_str())
        .and_then(|rest| rest.strip_prefix('='));
    let key = named.unwrap_or(key);
    let is_text = entity
        .field(name)
        .is_some_and(|field| !matches!(field.kind, FieldKind::Guid | FieldKind::Int { .. }));
    let quoted = key.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    match quoted {
        Some(text) => RecordId::parse(entity, &text.replace("''", "'")),
        None if is_text && named.is_none() && key.contains('\'') => RecordId::parse(entity, ""),
        None => RecordId::parse(entity, key),
    }
    .map_err(invalid)
}
