//! Linking: a record that was made here is one that the server has already (law L34). A person says so, nobody else.

use driftless_record::{Fields, OperationId, OperationKind, OperationState, RecordId, Timestamp};
use driftless_record::{LogEntry, Operation};
use driftless_store::{RecordStore, Write};

use super::Touched;
use super::decision::with_those_behind;
use super::desk::Desk;
use crate::fold::fold;
use crate::ground::{Ground, Key, key};
use crate::remap::{self, Renamed, Renames};
use crate::{EngineError, NotPossible, alias};

/// Works out what makes the record of an entry the same as another one: its own changes end here, whatever refers to it
/// refers to the other one, and its id leads there for ever.
pub(super) fn work_out(
    store: &dyn RecordStore,
    desk: &Desk<'_>,
    other: &RecordId,
    now: Timestamp,
) -> Result<(Touched, Vec<Write>), EngineError> {
    let ground = desk.ground;
    let other = existing(store, desk, other)?;
    if !desk.parked().iter().any(|operation| operation.kind.is_create()) {
        return Err(NotPossible::NotNew(desk.entry.id).into());
    }
    let mut touched = Touched::default();
    let mut writes = Vec::new();
    for operation in ground.pending_of(&desk.record) {
        let id = operation.id;
        if operation.state.sending().is_some() {
            return Err(NotPossible::MaybeSent(id).into());
        }
        match operation.kind {
            OperationKind::Create(_) | OperationKind::Update(_) => {}
            // It was meant for the new record: nobody said that it is to happen to the other one.
            OperationKind::Delete { .. } | OperationKind::Command { .. } | OperationKind::Awaited { .. } => {
                return Err(NotPossible::InTheWay(id).into());
            }
        }
        touched.ended.push((id, desk.record.clone()));
        writes.push(Write::PutOperation(Box::new(Operation {
            state: OperationState::Superseded,
            ..operation
        })));
    }
    let renamed = Renamed {
        id: other,
        server: None,
    };
    let renames = Renames::from([(desk.record.clone(), renamed)]);
    let more = remap::behind(store, ground, &writes, &renames, now)?;
    touched.redirected = redirected(&more);
    writes.extend(more);
    Ok((with_those_behind(ground, touched), writes))
}

/// Returns the operations that other ids were put into.
fn redirected(writes: &[Write]) -> Vec<OperationId> {
    let ids = writes.iter().filter_map(|write| match write {
        Write::PutOperation(operation) => Some((operation.sequence, operation.id)),
        _ => None,
    });
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.into_iter().map(|(_, id)| id).collect()
}

/// Returns the id that the other record has now, if it is on the server as far as is known.
fn existing(store: &dyn RecordStore, desk: &Desk<'_>, other: &RecordId) -> Result<RecordId, EngineError> {
    let (entity, mine) = &desk.record;
    let id = alias::now(store, entity, other)?.unwrap_or_else(|| other.clone());
    let place: Key = (entity.clone(), id);
    let told = desk.entry.cause.as_ref().and_then(|cause| cause.other.as_ref());
    let is_there = match desk.ground.images.get(&place) {
        Some(image) => image.server.is_some() && !image.gone,
        None => told == Some(&place.1) || store.get(entity, &place.1)?.is_some(),
    };
    if place.1 == *mine || !is_there {
        return Err(NotPossible::NotThere(entity.clone(), other.clone()).into());
    }
    Ok(place.1)
}

/// Returns an entry that keeps the values of the record that was linked, as far as the other one has not the same.
pub(super) fn keeping(
    store: &dyn RecordStore,
    ground: &Ground,
    mut entry: LogEntry,
    other: &RecordId,
) -> Result<LogEntry, EngineError> {
    let parked = |operation: &&Operation| operation.state.parked() == Some(entry.id);
    let Some(place) = ground.pending.iter().find(parked).map(key) else {
        return Ok(entry);
    };
    let there = match alias::now(store, &place.0, other)? {
        Some(now) => store.get(&place.0, &now)?,
        None => store.get(&place.0, other)?,
    };
    let theirs = there.map(|record| record.fields).unwrap_or_default();
    let image = ground.images.get(&place);
    let mine = image.and_then(|image| fold(image, &ground.pending_of(&place)));
    let entity = ground.schema.entity(place.0.as_str());
    let differs = |(name, value): &(driftless_record::FieldName, driftless_record::Value)| {
        let is_key = entity.is_some_and(|entity| entity.is_key(name));
        !is_key && !value.is_null() && theirs.get(name) != Some(value)
    };
    let mine: Fields = mine.map(|record| record.fields).unwrap_or_default();
    entry.kept.extend(mine.into_iter().filter(differs));
    Ok(entry)
}
