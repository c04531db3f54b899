//! What the schema has against the values of a run.

use driftless_conflict::MergedEdits;
use driftless_record::{EntitySchema, FieldCase, FieldEdit, FieldName, FieldSchema, Operation, Value};
use driftless_store::Image;

use super::run::{Effect, Run};
use crate::obstacle::{Hindrance, Obstacle};
use crate::validate::{misfit, parameter_problems};

/// Returns what an entity has against the values that operations of one record, sent together, would give it.
pub(crate) fn misfits(
    entity: &EntitySchema,
    image: Option<&Image>,
    operations: &[&Operation],
) -> Option<Hindrance> {
    let operations = operations.iter().map(|operation| (*operation).clone()).collect();
    of_effect(entity, image, &Run { operations }.effect())
}

/// Returns what an entity has against the values of an effect.
pub(super) fn of_effect(entity: &EntitySchema, image: Option<&Image>, effect: &Effect) -> Option<Hindrance> {
    let there = image.and_then(Image::present);
    match effect {
        Effect::Create(edits) => {
            // Where the record is there already, it is changed, and lacks nothing.
            let missing = missing(entity, edits).filter(|_| there.is_none());
            in_edits(entity, image, edits, missing.map(|field| &field.name).collect())
        }
        Effect::Update(edits) => in_edits(entity, image, edits, Vec::new()),
        Effect::Command(call, _) => {
            let command = entity.commands.get(&call.name)?;
            let fits = parameter_problems(command, &call.parameters).is_empty();
            (!fits).then(|| Obstacle::CommandChanged.into())
        }
        Effect::Delete { .. } | Effect::Nothing => None,
    }
}

fn in_edits(
    entity: &EntitySchema,
    image: Option<&Image>,
    edits: &MergedEdits,
    missing: Vec<&FieldName>,
) -> Option<Hindrance> {
    let against = |(name, edit): (&FieldName, &FieldEdit)| against(entity, name, &edit.new);
    let obstacle = edits
        .iter()
        .find_map(against)
        .or_else(|| (!missing.is_empty()).then_some(Obstacle::FieldRequired))?;
    let there = image.and_then(Image::present);
    let theirs = |name: &FieldName| there.and_then(|there| there.record.fields.get(name)).cloned();
    let given = edits
        .iter()
        .filter(|(name, edit)| against((name, edit)) == Some(obstacle));
    let given = given.map(|(name, edit)| {
        let (base, mine) = (edit.old.clone(), edit.new.clone());
        FieldCase::new(name.clone(), base, mine, theirs(name).unwrap_or_default()).at(edit.stamp, None)
    });
    let missing = missing
        .into_iter()
        .filter(|_| obstacle == Obstacle::FieldRequired);
    let missing = missing.map(|name| FieldCase::new(name.clone(), Value::Null, Value::Null, Value::Null));
    Some(Hindrance {
        obstacle,
        fields: given.chain(missing).collect(),
    })
}

/// Returns what stands against giving a field a value.
fn against(entity: &EntitySchema, name: &FieldName, value: &Value) -> Option<Obstacle> {
    let Some(field) = entity.field(name) else {
        return Some(Obstacle::FieldGone);
    };
    if entity.is_key(name) {
        return None;
    }
    if field.read_only || field.server_made {
        return Some(Obstacle::FieldClosed);
    }
    if value.is_null() && (field.required || !field.nullable) {
        return Some(Obstacle::FieldRequired);
    }
    misfit(&field.kind, value).map(|_| Obstacle::FieldRetyped)
}

/// Returns the fields that a new record needs and that edits do not give.
fn missing<'a>(entity: &'a EntitySchema, edits: &MergedEdits) -> impl Iterator<Item = &'a FieldSchema> {
    entity.fields.iter().filter(|field| {
        let is_given = edits.contains_key(&field.name);
        let is_mine = !field.server_made && !field.read_only && !entity.is_key(&field.name);
        field.required && is_mine && !is_given
    })
}
