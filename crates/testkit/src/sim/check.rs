//! The views of a device: they are what the server's data and the pending operations make of each other (I4), and no
//! checkpoint is ahead of its rows (I6).

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{
    EntityName, EntitySchema, Fields, Operation, OperationKind, Record, RecordId, Revision, Settings, Value,
};
use driftless_store::{Image, OperationSelection};
use driftless_transport::Deletions;

use super::device::Device;
use super::run::Violation;
use super::schema::{ENTITIES, entity, shown_in};
use crate::backend::{Backend, Revisions};

/// Returns the fields that have a value.
pub(super) fn filled(fields: &Fields) -> Fields {
    let with_value = fields.iter().filter(|(_, value)| !value.is_null());
    with_value
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect()
}

/// Returns the fields with a value that somebody has given them. Not the key: one that the server makes is shown before an
/// operation says it.
fn given(fields: &Fields, of: &EntitySchema) -> Fields {
    let mut given = filled(fields);
    given.retain(|name, _| of.field(name).is_some() && !of.key.contains(name));
    given
}

/// Checks that each unsettled record looks as its image and its pending operations say.
pub(super) fn views(device: &Device) -> Result<(), Violation> {
    let schema = device.store.schema()?;
    for name in ENTITIES.map(entity) {
        let Some(of) = schema.entity(name.as_str()) else {
            continue;
        };
        let mut unsettled = device.store.unsettled(&name)?;
        let pending = device
            .store
            .operations(&OperationSelection::Pending(usize::MAX))?;
        let of_entity = pending.iter().filter(|operation| operation.entity == name);
        unsettled.extend(of_entity.map(|operation| operation.record.clone()));
        unsettled.sort_unstable();
        unsettled.dedup();
        for id in unsettled {
            let Some(image) = device.store.image(&name, &id)? else {
                let text = format!(
                    "device {}: {name} {id} has operations and no image",
                    device.number
                );
                return Err(Violation::new("I4", text));
            };
            let of_record = pending.iter().filter(|o| o.entity == name && o.record == id);
            let expected = fold(of, &image, of_record).map(|fields| given(&fields, of));
            let found = device.store.get(&name, &id)?;
            let found = found.map(|record| given(&record.fields, of));
            if found != expected {
                let text = format!(
                    "device {}: {name} {id} is shown as {found:?}, its operations make it {expected:?}",
                    device.number
                );
                return Err(Violation::new("I4", text));
            }
        }
    }
    Ok(())
}

/// What a person should see: written again here, so that the engine's own reckoning is not its judge.
fn fold<'a>(
    of: &EntitySchema,
    image: &Image,
    pending: impl Iterator<Item = &'a Operation>,
) -> Option<Fields> {
    let server = image.server.as_ref();
    let there = server.map(|server| {
        // A reply may name fields that the device does not know yet: they are shown once it does.
        let fields = server.record.fields.iter();
        fields
            .filter(|(field, _)| of.field(field.as_str()).is_some())
            .filter_map(|(field, value)| shown_in(of, field, value))
            .collect::<Fields>()
    });
    let mut seen = there.clone().filter(|_| !image.gone);
    // What is left of a record that the server has lost, should somebody have changed it here.
    let rest = there.unwrap_or_default();
    for operation in pending {
        seen = match &operation.kind {
            OperationKind::Delete { .. } => None,
            OperationKind::Create(edits)
            | OperationKind::Update(edits)
            | OperationKind::Command { edits, .. }
            | OperationKind::Awaited { edits, .. } => {
                let is_create = operation.kind.begins_record();
                let mut fields = match seen {
                    Some(fields) => fields,
                    None if is_create => Fields::new(),
                    None => rest.clone(),
                };
                // What a field cannot show is kept all the same.
                fields.extend(
                    edits
                        .iter()
                        .filter_map(|(field, edit)| shown_in(of, field, &edit.new)),
                );
                Some(fields)
            }
        };
    }
    seen
}

/// Checks that everything up to a device's checkpoint is on it.
pub(super) fn checkpoints(device: &Device, server: &Backend) -> Result<(), Violation> {
    if server.revisions() == Revisions::Hidden {
        return Ok(());
    }
    for name in ENTITIES.map(entity) {
        let (Some(position), Some(of)) = (position(device, &name)?, server.schema().entity(name.as_str()))
        else {
            continue;
        };
        let covered: BTreeSet<RecordId> = server.in_scope(of, None).into_iter().map(|(id, _)| id).collect();
        for (id, at) in server.changes(&name) {
            // What is out of sight is not sent.
            let told = covered.contains(&id) || server.record(&name, &id).is_none();
            if at <= position && told {
                is_known(device, server, (&name, &id), at)?;
            }
        }
    }
    Ok(())
}

/// Reads how far a device has read an entity, from the engine's own note.
fn position(device: &Device, name: &EntityName) -> Result<Option<u64>, Violation> {
    let Some(bytes) = device.store.note(&format!("entity/{name}"))? else {
        return Ok(None);
    };
    let note: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    // With a filter, what it leaves out is not sent either.
    if note["data"]["filter"]
        .as_str()
        .is_some_and(|filter| filter != "null")
    {
        return Ok(None);
    }
    let checkpoint = note["data"]["checkpoint"].as_str();
    Ok(checkpoint.and_then(|text| text.split('/').next()?.parse().ok()))
}

fn is_known(
    device: &Device,
    server: &Backend,
    (name, id): (&EntityName, &RecordId),
    at: u64,
) -> Result<(), Violation> {
    let image = device.store.image(name, id)?;
    let row = device.store.get(name, id)?;
    let ahead = |what: &str| {
        let text = format!(
            "device {}: its checkpoint is past change {at} of {name} {id}, {what}",
            device.number
        );
        Err(Violation::new("I6", text))
    };
    match server.record(name, id) {
        Some(there) => {
            let here = match image {
                Some(image) => image.server.map(|server| server.record),
                None => row,
            };
            let known = here.as_ref().and_then(|here| here.revision.as_ref());
            // A reply without a revision, to what was read before it came, leaves the values without one until they are
            // read again.
            let has_values = known.is_none()
                && here.as_ref().is_some_and(|here| {
                    let mut values = there.record.fields.iter();
                    values.all(|(field, value)| here.value(field) == value)
                });
            if number(known) < number(there.record.revision.as_ref()).min(at) && !has_values {
                return ahead("which it has not got");
            }
        }
        // Without a reason it is asked for once the device writes to it.
        None if server.capabilities().deletions == Deletions::Reported && server.tells_reasons() => {
            let shown = match &image {
                Some(image) => image.server.is_some() && !image.gone,
                None => row.is_some(),
            };
            if shown {
                return ahead("and it still shows the deleted record");
            }
        }
        None => {}
    }
    Ok(())
}

fn number(revision: Option<&Revision>) -> u64 {
    revision
        .and_then(|revision| revision.0.parse().ok())
        .unwrap_or_default()
}

/// Returns how a device's view of everything differs from the server, if it does.
pub(super) fn difference(
    device: &Device,
    server: &Backend,
    settings: &Settings,
) -> Result<Option<String>, Violation> {
    let schema = device.store.schema()?;
    for name in ENTITIES.map(entity) {
        if schema.entity(name.as_str()).is_none() {
            if server.schema().entity(name.as_str()).is_none() {
                continue;
            }
            return Ok(Some("it has no schema".to_owned()));
        }
        let Some(of) = server
            .schema()
            .entity(name.as_str())
            .filter(|_| settings.covers(&name))
        else {
            continue;
        };
        let scope = settings.scope.as_ref().and_then(|scope| scope.get(&name));
        let filter = scope.and_then(|scope| scope.query.filter.as_ref());
        let mut here: BTreeMap<RecordId, Fields> = BTreeMap::new();
        for (id, _) in device.store.ids(&name, None, 100_000)? {
            let record: Option<Record> = device.store.get(&name, &id)?;
            here.insert(
                id,
                filled(&record.map(|record| record.fields).unwrap_or_default()),
            );
        }
        let there: BTreeMap<RecordId, Fields> = server
            .in_scope(of, filter)
            .into_iter()
            .map(|(id, fields)| (id, filled(&fields)))
            .collect();
        for id in here.keys().chain(there.keys()) {
            let (mine, theirs) = (here.get(id), there.get(id));
            if mine != theirs {
                return Ok(Some(format!(
                    "{name} {id} is {} on device {} and {} on the server",
                    shown(mine),
                    device.number,
                    shown(theirs)
                )));
            }
        }
    }
    Ok(None)
}

fn shown(fields: Option<&Fields>) -> String {
    let Some(fields) = fields else {
        return "absent".to_owned();
    };
    let each: Vec<String> = fields
        .iter()
        .filter(|(field, _)| field.as_str() != "id")
        .map(|(field, value): (_, &Value)| format!("{field} {value}"))
        .collect();
    format!("({})", each.join(", "))
}
