//! Ids of records whose keys the server makes: temporary until it has, and never sent (law L35).

use std::collections::BTreeSet;

use driftless_record::{
    Change, ChangeAction, EntitySchema, FieldKind, FieldName, Fields, Operation, OperationKind, RecordId,
    Schema, Value,
};
use driftless_store::{RecordStore, StoreError};
use uuid::Uuid;

use crate::depend::{key_targets, lookup};
use crate::ground::{Key, key};
use crate::host::Host;
use crate::{EngineError, alias};

/// How many ids are drawn before it is given up that one is free.
const MAX_DRAWS: usize = 1000;

/// Returns the id of a new record: of the key that its fields hold, or a temporary one where the server makes the key.
pub(crate) fn new_id(
    store: &dyn RecordStore,
    entity: &EntitySchema,
    fields: &Fields,
    host: &Host,
) -> Result<RecordId, EngineError> {
    for _ in 0..MAX_DRAWS {
        let drawn = host.uuid();
        let part = |name: &FieldName| match entity.field(name).filter(|field| field.server_made) {
            Some(field) => value(&field.kind, drawn),
            None => fields.get(name).cloned().unwrap_or_default(),
        };
        let key: Vec<Value> = entity.key.iter().map(part).collect();
        let id = RecordId::from_key(entity, &key)?;
        if !entity.server_makes_key() || is_free(store, entity, &id)? {
            return Ok(id);
        }
    }
    Err(StoreError::Busy.into())
}

fn is_free(store: &dyn RecordStore, entity: &EntitySchema, id: &RecordId) -> Result<bool, StoreError> {
    let (view, image) = store.record_and_image(&entity.name, id)?;
    Ok(view.is_none() && image.is_none() && alias::now(store, &entity.name, id)?.is_none())
}

/// Returns a value for a key field until the server makes one; of its kind, and none that a server would give.
fn value(kind: &FieldKind, drawn: Uuid) -> Value {
    match kind {
        FieldKind::Int { bits } => {
            let (_, low) = drawn.as_u64_pair();
            let spread = low.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (65 - u32::from((*bits).clamp(8, 64)));
            Value::Int(-1 - i64::try_from(spread).unwrap_or_default())
        }
        FieldKind::Text { max_chars } => {
            let most = max_chars.and_then(|most| usize::try_from(most).ok());
            // The end of the id is random, its beginning is the time.
            let text = drawn.simple().to_string().chars().rev().collect::<String>();
            Value::text(
                format!("~{text}")
                    .chars()
                    .take(most.unwrap_or(usize::MAX))
                    .collect::<String>(),
            )
        }
        _ => Value::Guid(drawn),
    }
}

/// Returns the records that have no id yet but a temporary one.
pub(crate) fn of_all(schema: &Schema, pending: &[Operation]) -> BTreeSet<Key> {
    pending
        .iter()
        .filter(|operation| match operation.kind {
            OperationKind::Create(_) => schema
                .entity(operation.entity.as_str())
                .is_some_and(|entity| entity.server_makes_key()),
            OperationKind::Awaited { .. } => true,
            OperationKind::Update(_) | OperationKind::Delete { .. } | OperationKind::Command { .. } => false,
        })
        .map(key)
        .collect()
}

/// Returns whether what would leave the device with a change is a temporary id. The own one of a create is not: the
/// server is not told it.
pub(crate) fn is_told(schema: &Schema, temporary: &BTreeSet<Key>, change: &Change) -> bool {
    if temporary.is_empty() {
        return false;
    }
    let place = (change.entity.clone(), change.record.clone());
    let (values, is_create) = match &change.action {
        ChangeAction::Create(fields) => (Some(fields), true),
        ChangeAction::Update(fields) => (Some(fields), false),
        ChangeAction::Command(call) => (Some(&call.parameters), false),
        ChangeAction::Delete => (None, false),
    };
    let mut named = values
        .into_iter()
        .flat_map(|fields| fields.values())
        .filter_map(lookup);
    (!is_create && temporary.contains(&place))
        || named.any(|(entity, id)| temporary.contains(&(entity.clone(), id.clone())))
        || key_targets(schema, &place)
            .iter()
            .any(|target| temporary.contains(target))
}

/// Returns whether a value names the very record that it belongs to. The create of a record cannot carry it: the server
/// looks for a record that is not there yet.
pub(crate) fn names_itself(place: &Key, value: &Value) -> bool {
    lookup(value) == Some((&place.0, &place.1))
}
