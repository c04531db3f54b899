//! Ids that records had before: they stay valid for ever (law L35).

use driftless_record::{EntityName, EntitySchema, Fields, Lookup, RecordId, Schema, Value};
use driftless_store::{RecordStore, StoreError};

use crate::notes::{self, Note};

/// How many ids in a row a record may have had. A temporary one is followed by the server's, rarely by another.
const MAX_CHAIN: usize = 16;

/// Returns the id that a record has instead of this one; `None` if it never had another.
pub(crate) fn now(
    store: &dyn RecordStore,
    entity: &EntityName,
    id: &RecordId,
) -> Result<Option<RecordId>, StoreError> {
    let mut found: Option<RecordId> = None;
    for _ in 0..MAX_CHAIN {
        let known = found.clone().unwrap_or_else(|| id.clone());
        match notes::read(store, &Note::Alias(entity.clone(), known))? {
            Some(next) => found = Some(next),
            None => break,
        }
    }
    Ok(found)
}

/// Makes the values of an edit name records by the ids that they have now.
pub(crate) fn bring_up_to_date(
    store: &dyn RecordStore,
    schema: &Schema,
    entity: &EntitySchema,
    fields: &mut Fields,
) -> Result<(), StoreError> {
    for (field, value) in fields {
        if let Value::Lookup(to) = value {
            if let Some(id) = now(store, &to.entity, &to.id)? {
                *value = Value::Lookup(Lookup { id, ..to.clone() });
            }
            continue;
        }
        let targets = entity.key_targets.get(field).into_iter().flatten();
        for target in targets.filter_map(|name| schema.entity(name.as_str())) {
            let Ok(id) = RecordId::from_key(target, std::slice::from_ref(value)) else {
                continue;
            };
            let values = now(store, &target.name, &id)?.and_then(|id| id.key_values(target).ok());
            if let Some(key) = values.and_then(|mut values| values.pop()) {
                *value = key;
            }
        }
    }
    Ok(())
}
