//! Writes pages, deltas, records and changes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use driftless_record::{FieldName, Fields, RecordId, Revision, Row, Stamp, Value};

use super::layout::{Layout, Slot, SlotKind, Target, TargetKey};
use super::links::record_link;
use super::read::Removed;
use super::row::WireFile;

/// How whole numbers of 64 bits and decimals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// As strings, which no reader rounds: `IEEE754Compatible=true`.
    #[default]
    Strings,
    /// As numbers.
    Numbers,
}

/// How removed records are written in a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeltaForm {
    /// `$deletedEntity` objects, as OData 4.0 has them.
    V40,
    /// `@removed`, as OData 4.01 has them.
    #[default]
    V401,
}

/// How lookups are written in a create or update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LookupForm {
    /// As the value of the key property.
    #[default]
    Value,
    /// As a link, by `@odata.bind` on the navigation property.
    Bind,
}

/// How a create or update is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BodyOptions {
    /// How numbers are written.
    pub numbers: Numbers,
    /// How lookups are written.
    pub lookups: LookupForm,
    /// Whether the service is one of ours, which understands our annotations.
    pub own: Own,
}

/// Whether our own annotations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Own {
    /// They are not.
    #[default]
    Without,
    /// They are: targets and names of lookups, files, stamps.
    With,
}

/// Writes a JSON string.
fn text(out: &mut Vec<u8>, text: &str) {
    // Writing into memory cannot fail.
    let _ = serde_json::to_writer(&mut *out, text);
}

fn display(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    let _ = write!(out, "{value}");
}

fn quoted(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    let _ = write!(out, "\"{value}\"");
}

/// Separates members of an object or items of an array.
fn comma(out: &mut Vec<u8>) {
    if !matches!(out.last(), None | Some(b'{' | b'[')) {
        out.push(b',');
    }
}

fn member(out: &mut Vec<u8>, name: &str) {
    comma(out);
    text(out, name);
    out.push(b':');
}

/// Writes a value of a column as JSON.
///
/// A lookup is its key, a file is null: what more is known of them is in annotations.
pub fn write_value(out: &mut Vec<u8>, layout: &Layout, column: &FieldName, value: &Value, numbers: Numbers) {
    if let Some(slot) = layout.slots.iter().find(|slot| slot.name == *column) {
        plain(out, slot, value, numbers);
    }
}

fn plain(out: &mut Vec<u8>, slot: &Slot, value: &Value, numbers: Numbers) {
    match value {
        Value::Null | Value::File(_) => out.extend_from_slice(b"null"),
        Value::Bool(value) => display(out, value),
        Value::Int(number) => {
            let wide = matches!(slot.kind, SlotKind::Int { most: i64::MAX, .. });
            if wide && numbers == Numbers::Strings {
                quoted(out, number)
            } else {
                display(out, number)
            }
        }
        Value::Decimal(number) if numbers == Numbers::Strings => quoted(out, number),
        Value::Decimal(number) => display(out, number),
        Value::Double(number) => match number.0 {
            number if number.is_finite() => {
                let _ = serde_json::to_writer(&mut *out, &number);
            }
            number if number.is_nan() => out.extend_from_slice(b"\"NaN\""),
            number => out.extend_from_slice(if number > 0.0 { b"\"INF\"" } else { b"\"-INF\"" }),
        },
        Value::Text(value) | Value::Choice(value) => text(out, value),
        Value::Date(value) => quoted(out, value),
        Value::Time(value) => quoted(out, value),
        Value::DateTime(value) => quoted(out, value),
        Value::Duration(value) => quoted(out, value),
        Value::Guid(value) => quoted(out, value),
        Value::Binary(bytes) => quoted(out, URL_SAFE.encode(bytes)),
        Value::Choices(codes) if matches!(slot.kind, SlotKind::Choices { joined: true }) => {
            text(out, &codes.join(","))
        }
        Value::Choices(codes) => {
            out.push(b'[');
            for code in codes {
                comma(out);
                text(out, code);
            }
            out.push(b']');
        }
        Value::Lookup(lookup) => match target(slot, value).map(|target| target.key) {
            Some(TargetKey::Int) if lookup.id.as_str().parse::<i64>().is_ok() => {
                display(out, lookup.id.as_str())
            }
            _ => text(out, lookup.id.as_str()),
        },
    }
}

fn target<'a>(slot: &'a Slot, value: &Value) -> Option<&'a Target> {
    match (&slot.kind, value) {
        (SlotKind::Lookup { targets }, Value::Lookup(lookup)) => {
            targets.iter().find(|target| target.entity == lookup.entity)
        }
        _ => None,
    }
}

/// Writes a column's value with its name, and what our annotations add.
fn column(out: &mut Vec<u8>, slot: &Slot, value: &Value, numbers: Numbers, own: Own) {
    if matches!(slot.kind, SlotKind::File) {
        return file(out, slot, value, own);
    }
    member(out, slot.name.as_str());
    plain(out, slot, value, numbers);
    let (Value::Lookup(lookup), Own::With) = (value, own) else {
        return;
    };
    if matches!(&slot.kind, SlotKind::Lookup { targets } if targets.len() > 1) {
        member(out, &format!("{}@driftless.target", slot.name));
        text(out, lookup.entity.as_str());
    }
    if let Some(name) = &lookup.name {
        member(out, &format!("{}@driftless.name", slot.name));
        text(out, name);
    }
}

fn file(out: &mut Vec<u8>, slot: &Slot, value: &Value, own: Own) {
    if own == Own::Without {
        return;
    }
    member(out, &format!("{}@driftless.file", slot.name));
    match value {
        Value::File(file) => {
            let wire = WireFile {
                content: file.content.clone(),
                name: file.name.clone(),
                media_type: file.media_type.clone(),
                size: file.size,
            };
            let _ = serde_json::to_writer(&mut *out, &wire);
        }
        _ => out.extend_from_slice(b"null"),
    }
}

fn etag(out: &mut Vec<u8>, revision: Option<&Revision>) {
    if let Some(revision) = revision {
        member(out, "@odata.etag");
        text(out, &revision.0);
    }
}

fn stamps_of(out: &mut Vec<u8>, stamps: &BTreeMap<FieldName, Stamp>) {
    if stamps.is_empty() {
        return;
    }
    member(out, "@driftless.stamps");
    out.push(b'{');
    for (field, stamp) in stamps {
        member(out, field.as_str());
        quoted(out, stamp);
    }
    out.push(b'}');
}

/// Writes the body of a create or update: only the given fields.
///
/// Fields that the layout does not have are left out. Stamps are written only for a service of ours.
#[must_use]
pub fn write_body(
    layout: &Layout,
    fields: &Fields,
    stamps: &BTreeMap<FieldName, Stamp>,
    options: BodyOptions,
) -> Vec<u8> {
    let mut out = vec![b'{'];
    for slot in &layout.slots {
        let Some(value) = fields.get(&slot.name) else {
            continue;
        };
        match link(slot, value).filter(|_| options.lookups == LookupForm::Bind) {
            Some((navigation, path)) => {
                member(&mut out, &format!("{navigation}@odata.bind"));
                match path {
                    Some(path) => text(&mut out, &path),
                    None => out.extend_from_slice(b"null"),
                }
            }
            None => column(&mut out, slot, value, options.numbers, options.own),
        }
    }
    if options.own == Own::With {
        stamps_of(&mut out, stamps);
    }
    out.push(b'}');
    out
}

/// The navigation property of a lookup and the link to write; no link for null.
fn link<'a>(slot: &'a Slot, value: &Value) -> Option<(&'a str, Option<String>)> {
    let SlotKind::Lookup { targets } = &slot.kind else {
        return None;
    };
    let Value::Lookup(lookup) = value else {
        return value
            .is_null()
            .then(|| targets.first().map(|first| (first.navigation.as_str(), None)))?;
    };
    let target = target(slot, value)?;
    let path = record_link(target.schema.as_deref()?, &lookup.id)?;
    Some((target.navigation.as_str(), Some(path)))
}

/// Writes one record with all the layout's columns, our annotations included.
#[must_use]
pub fn write_record(
    layout: &Layout,
    row: &Row,
    context: Option<&str>,
    stamps: &BTreeMap<FieldName, Stamp>,
    numbers: Numbers,
) -> Vec<u8> {
    let mut out = vec![b'{'];
    if let Some(context) = context {
        member(&mut out, "@odata.context");
        text(&mut out, context);
    }
    columns(&mut out, layout, row, stamps, numbers);
    out.push(b'}');
    out
}

fn columns(
    out: &mut Vec<u8>,
    layout: &Layout,
    row: &Row,
    stamps: &BTreeMap<FieldName, Stamp>,
    numbers: Numbers,
) {
    etag(out, row.revision.as_ref());
    for (slot, value) in layout.slots.iter().zip(&row.values) {
        column(out, slot, value, numbers, Own::With);
    }
    stamps_of(out, stamps);
}

/// Writes a page row by row.
#[derive(Debug)]
pub struct PageWriter<'a> {
    out: &'a mut Vec<u8>,
    layout: &'a Layout,
    numbers: Numbers,
    delta: DeltaForm,
}

impl<'a> PageWriter<'a> {
    /// Begins a page: context URL and, if asked for, the number of all records.
    #[must_use]
    pub fn new(
        out: &'a mut Vec<u8>,
        layout: &'a Layout,
        context: &str,
        count: Option<u64>,
        (numbers, delta): (Numbers, DeltaForm),
    ) -> Self {
        out.push(b'{');
        member(out, "@odata.context");
        text(out, context);
        if let Some(count) = count {
            member(out, "@odata.count");
            display(out, count);
        }
        member(out, "value");
        out.push(b'[');
        Self {
            out,
            layout,
            numbers,
            delta,
        }
    }

    /// Writes a record; `row` has the layout's columns.
    pub fn row(&mut self, row: &Row, stamps: &BTreeMap<FieldName, Stamp>) {
        comma(self.out);
        self.out.push(b'{');
        columns(self.out, self.layout, row, stamps, self.numbers);
        self.out.push(b'}');
    }

    /// Writes a removed record.
    pub fn removed(&mut self, removed: &Removed) {
        let out = &mut *self.out;
        comma(out);
        out.push(b'{');
        let id = self.link(&removed.id);
        let out = &mut *self.out;
        match self.delta {
            DeltaForm::V40 => {
                member(out, "@odata.context");
                text(out, &format!("#{}/$deletedEntity", self.layout.entity.set));
                member(out, "id");
                text(out, &id);
                member(out, "reason");
                text(out, removed.reason.word());
            }
            DeltaForm::V401 => {
                member(out, "@removed");
                let _ = write!(out, r#"{{"reason":"{}"}}"#, removed.reason.word());
                member(out, "@id");
                text(out, &id);
            }
        }
        out.push(b'}');
    }

    fn link(&self, id: &RecordId) -> String {
        record_link(&self.layout.entity, id).unwrap_or_else(|| {
            let mut link = self.layout.entity.set.clone();
            let _ = write!(link, "({id})");
            link
        })
    }

    /// Ends the page with the link to the next page or to later changes.
    pub fn finish(self, next_link: Option<&str>, delta_link: Option<&str>) {
        self.out.push(b']');
        for (name, link) in [("@odata.nextLink", next_link), ("@odata.deltaLink", delta_link)] {
            if let Some(link) = link {
                member(self.out, name);
                text(self.out, link);
            }
        }
        self.out.push(b'}');
    }
}
