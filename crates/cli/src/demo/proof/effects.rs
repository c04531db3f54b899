//! Checking that the server's data changed by exactly what was done offline, and by nothing else.

use std::collections::{BTreeMap, BTreeSet};

use driftless_engine::Outcome;
use driftless_odata::payload::Layout;
use driftless_record::{EntityName, EntitySchema, Fields, Record, RecordId, Schema};
use serde_json::Value as Json;

use super::agree::json;
use crate::demo::device::Device;
use crate::demo::made::{Deed, Fate, Made};
use crate::demo::plain::{self, Everything, Records, Row};
use crate::error::CliError;

/// What checking the effects came to.
#[derive(Debug, Clone, Default)]
pub(in crate::demo) struct Effects {
    /// Operations checked.
    pub(in crate::demo) operations: usize,
    /// Records that were created, changed or deleted on the server.
    pub(in crate::demo) changed: usize,
    /// Records of the server that were compared with what they were before.
    pub(in crate::demo) untouched: usize,
    /// What is not as it should be, in sentences.
    pub(in crate::demo) failures: Vec<String>,
}

/// What should have happened to a record: the fields that were set, or its deletion.
#[derive(Debug, Clone, Default)]
pub(super) struct Expected {
    pub(super) fields: Fields,
    pub(super) created: bool,
    pub(super) deleted: bool,
}

/// Checks every operation of the devices against the server before and after.
pub(in crate::demo) fn check(
    devices: &[Device],
    before: &Everything,
    after: &Everything,
) -> Result<Effects, CliError> {
    let mut effects = Effects::default();
    let mut expected: BTreeMap<(EntityName, RecordId), Expected> = BTreeMap::new();
    for device in devices {
        outcomes(device, &mut effects)?;
        for made in device.made.iter().filter(|made| made.fate == Fate::Applied) {
            let record = expected
                .entry((made.entity.clone(), made.record.clone()))
                .or_default();
            match &made.deed {
                Deed::Create(fields) => {
                    record.created = true;
                    record.fields.extend(fields.clone());
                }
                Deed::Update(fields) => record.fields.extend(fields.clone()),
                Deed::Delete => record.deleted = true,
            }
        }
    }
    let Some(device) = devices.first() else {
        return Ok(effects);
    };
    let schema = device.engine.schema()?;
    records(&schema, before, after, &expected, &mut effects)?;
    Ok(effects)
}

/// Compares what became of each operation with what should have, as the device tells and as the wire has seen.
fn outcomes(device: &Device, effects: &mut Effects) -> Result<(), CliError> {
    let seen = device.wire.seen();
    let none = BTreeSet::new();
    for (number, made) in device.made.iter().enumerate() {
        effects.operations += 1;
        let outcome = device.engine.outcome(made.operation)?;
        let confirmed = seen.confirmed.get(&made.operation).unwrap_or(&none).len();
        if !fits(made, outcome) || confirmed != usize::from(made.fate == Fate::Applied) {
            effects.failures.push(format!(
                "operation {} of {} ({}) should be {:?}, is {outcome:?} and was confirmed {confirmed} times",
                number + 1,
                device.person.name,
                made.entity,
                made.fate,
            ));
        }
    }
    Ok(())
}

fn fits(made: &Made, outcome: Outcome) -> bool {
    match made.fate {
        Fate::Applied => matches!(outcome, Outcome::Applied(_)),
        Fate::GivesWay => outcome == Outcome::Superseded,
        Fate::Waits => matches!(outcome, Outcome::Parked(_)),
        Fate::Stays => matches!(outcome, Outcome::Superseded | Outcome::Reverted),
    }
}

/// Compares every record of the server before and after.
fn records(
    schema: &Schema,
    before: &Everything,
    after: &Everything,
    expected: &BTreeMap<(EntityName, RecordId), Expected>,
    effects: &mut Effects,
) -> Result<(), CliError> {
    let none = Records::new();
    for entity in schema.entities.values().filter(|entity| !entity.is_abstract) {
        let layout = Layout::new(schema, entity, &[], None);
        let was = before.get(&entity.set).unwrap_or(&none);
        let is = after.get(&entity.set).unwrap_or(&none);
        let ids: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        for id in ids {
            let (old, new) = (was.get(id), is.get(id));
            let key = (entity.name.clone(), RecordId::from_canonical(id));
            match expected.get(&key) {
                None if old.map(|row| row.get()) == new.map(|row| row.get()) => effects.untouched += 1,
                None => effects
                    .failures
                    .push(format!("{} {id} was changed by nobody's operation", entity.name)),
                Some(expected) => {
                    effects.changed += 1;
                    let old = old.map(|text| plain::row(text)).transpose()?;
                    let new = new.map(|text| plain::row(text)).transpose()?;
                    if let Err(why) = effect(entity, &layout, expected, old.as_ref(), new.as_ref()) {
                        effects.failures.push(format!("{} {id}: {why}", entity.name));
                    }
                }
            }
        }
    }
    let found = effects.changed;
    if found != expected.len() {
        let told = expected.len();
        effects.failures.push(format!(
            "{told} records should have changed on the server, {found} were found"
        ));
    }
    Ok(())
}

/// Checks that a record became what it should: every field that was set, and no other but the server's own.
pub(super) fn effect(
    entity: &EntitySchema,
    layout: &Layout,
    expected: &Expected,
    old: Option<&Row>,
    new: Option<&Row>,
) -> Result<(), String> {
    let Some(new) = new else {
        return if expected.deleted {
            Ok(())
        } else {
            Err("it is not on the server".to_owned())
        };
    };
    if expected.deleted {
        return Err("it is still on the server".to_owned());
    }
    if expected.created == old.is_some() {
        return Err("it was there before it was made, or was made where it should be changed".to_owned());
    }
    let wanted = Record {
        entity: entity.name.clone(),
        id: RecordId::from_canonical(""),
        revision: None,
        fields: expected.fields.clone(),
    };
    for field in &entity.fields {
        let name = field.name.as_str();
        let is = new.get(name).unwrap_or(&Json::Null);
        if let Some(wanted) = json(layout, &wanted, name) {
            if !equal(&wanted, is) {
                return Err(format!("{name} is not what was set"));
            }
        } else if !field.server_made && !entity.is_key(&field.name) {
            let was = old.and_then(|row| row.get(name)).unwrap_or(&Json::Null);
            if was != is {
                return Err(format!("{name} was changed by nobody"));
            }
        }
    }
    Ok(())
}

/// Compares values as JSON; decimals, which are written as texts, by their digits without trailing zeros.
pub(super) fn equal(left: &Json, right: &Json) -> bool {
    let digits = |value: &Json| {
        let text = value.as_str()?;
        let is_number = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-');
        (is_number && text.matches('.').count() == 1)
            .then(|| text.trim_end_matches('0').trim_end_matches('.').to_owned())
    };
    let plain = |value: &Json| digits(value).map_or_else(|| value.clone(), Json::String);
    plain(left) == plain(right)
}
