//! Records, for programs and for people.

use std::collections::{BTreeMap, BTreeSet};

use driftless_engine::OutboxItem;
use driftless_record::{EntityName, EntitySchema, FieldKind, FieldSchema, Record, RecordId, Value};
use serde_json::{Value as Json, json};

use super::{json, text};
use crate::context::Desk;
use crate::error::CliError;

/// How many fields a list shows beside the id and the display name.
const COLUMNS: usize = 5;
/// The longest texts that are worth a column of a list.
const SHORT_TEXT: u32 = 120;

/// The records that have changes which are not on the server yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending(BTreeSet<(EntityName, RecordId)>);

impl Pending {
    pub(crate) fn of(outbox: &[OutboxItem]) -> Self {
        let key = |item: &OutboxItem| (item.operation.entity.clone(), item.operation.record.clone());
        Self(outbox.iter().map(key).collect())
    }

    pub(crate) fn has(&self, record: &Record) -> bool {
        self.0.contains(&(record.entity.clone(), record.id.clone()))
    }
}

/// Returns the display name of a record: what the schema names as such, or its id.
pub(crate) fn title(entity: &EntitySchema, record: &Record) -> String {
    let named = entity.display_field.as_ref().map(|field| record.value(field));
    match named {
        Some(value) if !value.is_null() => value.to_string(),
        _ => record.id.to_string(),
    }
}

/// Fills in the names of the targets of lookups that are on the device, so that people see whom a record is about.
pub(crate) fn name_targets(desk: &Desk, records: &mut [Record]) -> Result<(), CliError> {
    let schema = desk.schema()?;
    let mut known: BTreeMap<(EntityName, RecordId), Option<String>> = BTreeMap::new();
    for value in records.iter_mut().flat_map(|record| record.fields.values_mut()) {
        let Value::Lookup(lookup) = value else { continue };
        let Some(entity) = schema.entity(lookup.entity.as_str()) else {
            continue;
        };
        let found = known
            .entry((lookup.entity.clone(), lookup.id.clone()))
            .or_insert_with(|| {
                let target = desk.engine.get(entity.name.as_str(), lookup.id.as_str());
                target.ok().map(|target| title(entity, &target))
            });
        if let Some(name) = found {
            lookup.name = Some(name.clone());
        }
    }
    Ok(())
}

/// Writes a record for programs.
pub(crate) fn json(entity: &EntitySchema, record: &Record, pending: bool) -> Json {
    json!({
        "entity": record.entity.as_str(),
        "id": record.id.as_str(),
        "title": title(entity, record),
        "fields": json::fields(Some(entity), &record.fields),
        "names": json::names(&record.fields),
        "pending": pending,
        // Not every service has revisions; what is not pending came from there or got there.
        "on_server": record.revision.is_some() || !pending,
    })
}

/// Writes a whole record for people: every field with its label.
pub(crate) fn full(entity: &EntitySchema, record: &Record, pending: bool) -> String {
    let mut lines = format!("{} {}\n", entity.label, text::clip(&title(entity, record)));
    if pending {
        lines.push_str("saved to outbox: not on the server yet\n");
    }
    lines.push('\n');
    let known = entity
        .fields
        .iter()
        .filter(|field| record.fields.contains_key(&field.name));
    let rows = known.map(|field| {
        let value = shown(record.value(&field.name));
        [field.name.to_string(), field.label.clone(), value]
    });
    lines + &text::table(["field", "label", "value"], rows)
}

/// Writes a value for people; a lookup shows the name of its target where that is known, and its id.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Lookup(lookup) => match &lookup.name {
            Some(name) => format!("{name} ({}:{})", lookup.entity, lookup.id),
            None => format!("{}:{}", lookup.entity, lookup.id),
        },
        Value::Choices(codes) => codes.join(", "),
        other => other.to_string(),
    }
}

/// Writes records as a table: id, display name and the fields that say most.
pub(crate) fn list(entity: &EntitySchema, records: &[Record], pending: &Pending) -> String {
    let columns = columns(entity);
    let mut header = vec!["id".to_owned()];
    header.extend(columns.iter().map(|field| field.name.to_string()));
    header.push(String::new());
    let rows = records.iter().map(|record| {
        let mut row = vec![record.id.to_string()];
        row.extend(columns.iter().map(|field| record.value(&field.name).to_string()));
        row.push(if pending.has(record) { "outbox" } else { "" }.to_owned());
        row
    });
    text::render(header, rows)
}

fn columns(entity: &EntitySchema) -> Vec<&FieldSchema> {
    let display = entity.display_field.as_ref().and_then(|name| entity.field(name));
    let others = entity
        .fields
        .iter()
        .filter(|field| Some(&field.name) != entity.display_field.as_ref() && says_much(entity, field));
    display.into_iter().chain(others).take(COLUMNS + 1).collect()
}

fn says_much(entity: &EntitySchema, field: &FieldSchema) -> bool {
    let is_short = match &field.kind {
        FieldKind::Text { max_chars } => max_chars.is_none_or(|max| max <= SHORT_TEXT),
        FieldKind::Binary { .. } | FieldKind::File | FieldKind::Guid => false,
        FieldKind::Bool
        | FieldKind::Int { .. }
        | FieldKind::Decimal { .. }
        | FieldKind::Money { .. }
        | FieldKind::Double
        | FieldKind::Date
        | FieldKind::Time
        | FieldKind::DateTime
        | FieldKind::Duration
        | FieldKind::Choice { .. }
        | FieldKind::Choices { .. }
        | FieldKind::Lookup { .. } => true,
    };
    let is_stamp = Some(&field.name) == entity.modified_field.as_ref();
    is_short && !entity.is_key(&field.name) && !is_stamp
}
