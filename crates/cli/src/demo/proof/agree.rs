//! Comparing all records and all fields of a device with the server.

use driftless_engine::Engine;
use driftless_odata::payload::{Layout, Numbers, write_value};
use driftless_record::{EntityName, EntitySchema, Query, Record, RecordId};
use serde_json::Value as Json;

use crate::demo::plain::{self, Everything, Records, Row};
use crate::error::CliError;

/// What comparing a device with the server came to.
#[derive(Debug, Clone, Default)]
pub(in crate::demo) struct Agreement {
    /// Entities compared.
    pub(in crate::demo) entities: usize,
    /// Records compared.
    pub(in crate::demo) records: usize,
    /// Values compared.
    pub(in crate::demo) values: usize,
    /// Records that were not compared because they wait for the user.
    pub(in crate::demo) waiting: usize,
    /// What differs, in sentences.
    pub(in crate::demo) differences: Vec<String>,
}

/// Compares everything on a device with everything on the server, except the records that wait for the user.
pub(in crate::demo) fn compare(
    engine: &Engine,
    server: &Everything,
    waiting: &[(EntityName, RecordId)],
) -> Result<Agreement, CliError> {
    let schema = engine.schema()?;
    let mut agreement = Agreement::default();
    let status = engine.status()?;
    if status.in_sync != waiting.is_empty() {
        agreement.differences.push(format!(
            "the device says that it is {}in sync, with {} records waiting",
            if status.in_sync { "" } else { "not " },
            waiting.len()
        ));
    }
    for name in server.keys() {
        if schema.find(name).is_none() {
            agreement
                .differences
                .push(format!("the device does not know {name}"));
        }
    }
    for entity in schema.entities.values().filter(|entity| !entity.is_abstract) {
        let layout = Layout::new(&schema, entity, &[], None);
        let none = Records::new();
        let rows = server.get(&entity.set).unwrap_or(&none);
        agreement.entities += 1;
        let records = engine.query(&Query::all(entity.name.clone()))?;
        let mut seen = 0;
        for record in &records {
            let key = (entity.name.clone(), record.id.clone());
            let row = rows.get(record.id.as_str());
            seen += usize::from(row.is_some());
            if waiting.contains(&key) {
                agreement.waiting += 1;
                continue;
            }
            match row {
                Some(text) => same(entity, &layout, record, &plain::row(text)?, &mut agreement),
                None => agreement
                    .differences
                    .push(format!("{} {} is only on the device", key.0, key.1)),
            }
        }
        if seen < rows.len() {
            let missing = rows.len() - seen;
            agreement
                .differences
                .push(format!("{missing} of {} are only on the server", entity.set));
        }
    }
    Ok(agreement)
}

/// Compares one record field by field, both ways.
pub(super) fn same(
    entity: &EntitySchema,
    layout: &Layout,
    record: &Record,
    row: &Row,
    agreement: &mut Agreement,
) {
    agreement.records += 1;
    let at = |what: &str| format!("{} {}: {what}", entity.name, record.id);
    for name in row.keys().filter(|name| !name.contains('@')) {
        if entity.field(name).is_none() {
            agreement
                .differences
                .push(at(&format!("the device does not know the field {name}")));
        }
    }
    for field in &entity.fields {
        agreement.values += 1;
        let mine = json(layout, record, field.name.as_str());
        let theirs = row.get(field.name.as_str()).unwrap_or(&Json::Null);
        if mine.as_ref() != Some(theirs) {
            agreement.differences.push(at(&format!("{} differs", field.name)));
        }
    }
    if record.revision.as_ref().map(|revision| revision.0.as_str())
        != row.get("@odata.etag").and_then(Json::as_str)
    {
        agreement.differences.push(at("the revision differs"));
    }
}

/// Returns a device's value as the server would write it.
pub(super) fn json(layout: &Layout, record: &Record, name: &str) -> Option<Json> {
    let (field, value) = record.fields.get_key_value(name)?;
    let mut text = Vec::new();
    write_value(&mut text, layout, field, value, Numbers::Strings);
    serde_json::from_slice(&text).ok()
}
