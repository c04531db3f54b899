//! Taking a new schema over: the device's tables, what is to be read anew and what waits, in one commit.

use std::collections::BTreeSet;
use std::mem::discriminant;
use std::sync::Arc;

use driftless_record::{
    Cause, CauseClass, EntityName, EntitySchema, LogEntry, LogId, LogKind, Operation, OperationState, Schema,
    Timestamp,
};
use driftless_store::{LogSelection, RecordStore, Retry, StoreError, Write};

use crate::fold::settle;
use crate::ground::{Ground, Key, key};
use crate::journal::{by_log, gone_on, settled};
use crate::notes::{self, EntityMark, Note};
use crate::obstacle::Obstacle;
use crate::plan::misfits;
use crate::{refit, staged};

/// Brings the device after a schema. Where it drops rows or values, everything is to be read anew; what waits goes by
/// the new names and kinds.
///
/// # Errors
/// The store's; nothing has happened then.
pub(crate) fn adopt(store: &dyn RecordStore, schema: &Arc<Schema>, now: Timestamp) -> Result<(), StoreError> {
    loop {
        let known = store.schema()?;
        if known == *schema {
            return Ok(());
        }
        let mut ground = Ground::read(store)?;
        let mut writes = vec![Write::PutSchema(schema.clone())];
        writes.extend(to_be_read_anew(store, &known, schema)?);
        let changed = |name: &EntityName| {
            let new = schema.entity(name.as_str());
            new.filter(|new| known.entity(name.as_str()) != Some(new))
        };
        let entries = store.log(&LogSelection::Open)?;
        ground.schema = schema.clone();
        writes.extend(refitted(&mut ground, entries, &changed, now));
        match ground.commit(store, writes) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done,
        }
    }
}

/// Returns the writes that have entities read anew whose rows are dropped, or get fields that have no values here.
fn to_be_read_anew(
    store: &dyn RecordStore,
    known: &Schema,
    schema: &Schema,
) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    for entity in known.entities.values() {
        if schema.entity(entity.name.as_str()) != Some(entity) {
            writes.push(staged::forget(&entity.name));
        }
        let note = Note::Entity(entity.name.clone());
        let Some(mark) = notes::read::<EntityMark>(store, &note)? else {
            continue;
        };
        let anew = EntityMark::anew(mark.filter.clone());
        match schema.entity(entity.name.as_str()) {
            // Its rows are dropped: should it come back, nothing of it is here.
            None => writes.push(notes::write(&note, &anew)),
            Some(new) if new.key != entity.key => writes.push(notes::write(&note, &anew)),
            // What is here stays useful meanwhile.
            Some(new) if has_new_values(entity, new) => {
                let anew = EntityMark {
                    complete: mark.complete,
                    read_at: mark.read_at,
                    ..anew
                };
                writes.push(notes::write(&note, &anew));
            }
            Some(_) => {}
        }
    }
    Ok(writes)
}

/// Returns whether an entity has fields that it did not have, or of another kind: their values are not on the device.
fn has_new_values(old: &EntitySchema, new: &EntitySchema) -> bool {
    new.fields.iter().any(|field| {
        let before = old.field(field.name.as_str());
        before.is_none_or(|before| discriminant(&before.kind) != discriminant(&field.kind))
    })
}

/// Works out the writes that bring operations, images, views and open entries after a schema that the ground has
/// already. `changed` gives an entity that is not what it was.
fn refitted<'a>(
    ground: &mut Ground,
    entries: Vec<LogEntry>,
    changed: &impl Fn(&EntityName) -> Option<&'a Arc<EntitySchema>>,
    now: Timestamp,
) -> Vec<Write> {
    let mut writes = Vec::new();
    let mut mended: BTreeSet<LogId> = BTreeSet::new();
    for operation in &mut ground.pending {
        let Some(entity) = changed(&operation.entity) else {
            continue;
        };
        let refitted = refit::operation(entity, operation);
        if refitted != *operation {
            mended.extend(operation.state.parked());
            writes.push(Write::PutOperation(Box::new(refitted.clone())));
            *operation = refitted;
        }
    }
    for (place, image) in &mut ground.images {
        if let Some(entity) = changed(&place.0) {
            *image = refit::image(entity, image);
        }
    }
    let parked = ground
        .pending
        .iter()
        .filter(|operation| operation.state.parked().is_some());
    let mut by_log = by_log(parked.cloned());
    for entry in entries {
        let Some(entity) = entry.record.as_ref().and_then(|record| changed(&record.0)) else {
            continue;
        };
        let refitted = refit::entry(entity, &entry);
        let parked = by_log.remove(&entry.id).unwrap_or_default();
        if is_outdated(ground, entity, (&entry, &parked), mended.contains(&entry.id)) {
            for operation in parked {
                let operation = Operation {
                    state: OperationState::Queued,
                    rebased: 0,
                    ..operation
                };
                writes.push(Write::PutOperation(Box::new(operation.clone())));
                ground.absorb(vec![Write::PutOperation(Box::new(operation))]);
            }
            writes.push(settled(gone_on(refitted), now, "passed"));
        } else if refitted != entry {
            writes.push(Write::PutLog(Box::new(refitted)));
        }
    }
    let records: Vec<Key> = ground.images.keys().cloned().collect();
    let each = records.iter().map(|(entity, id)| (entity, id));
    let mut pending = ground.pending_of_each(each);
    for place in records {
        if let (Some(entity), Some(image)) = (changed(&place.0), ground.images.get(&place)) {
            let pending = pending.remove(&place).unwrap_or_default();
            settle(entity, image.clone(), &pending, &mut writes);
        }
    }
    writes
}

/// Returns whether the server refused values that it was sent by an older schema: what stands against them now, if
/// anything still does, is found out anew.
fn is_outdated(
    ground: &Ground,
    entity: &EntitySchema,
    (entry, parked): (&LogEntry, &[Operation]),
    mended: bool,
) -> bool {
    let by_value =
        |cause: &Cause| cause.class == CauseClass::Validation && Obstacle::of_entry(entry).is_none();
    let server_refused = entry.kind != LogKind::Unproved && entry.cause.as_ref().is_some_and(by_value);
    let parked: Vec<&Operation> = parked.iter().collect();
    let misfits = || {
        let image = parked.first().and_then(|first| ground.images.get(&key(first)));
        misfits(entity, image, &parked).is_some()
    };
    server_refused && !parked.is_empty() && (mended || misfits())
}
