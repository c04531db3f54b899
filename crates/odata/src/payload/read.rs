//! Reads pages, deltas, records and changes.

use std::collections::BTreeMap;
use std::fmt;

use driftless_record::{FieldName, Fields, Record, RecordId, Revision, Row, RowSet, ServerRecord, Stamp};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::error::{PayloadError, Reason, explain, fail};
use super::layout::{Layout, SlotKind};
use super::row::{Object, ObjectSeed};
use super::seeds::{Skip, TextSeed};

/// A page of records: of a collection, or of what changed in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The records, with the layout's columns.
    pub rows: RowSet,
    /// Records that are gone from the collection, in the order of the page.
    pub removed: Vec<Removed>,
    /// Per place in `rows`: the columns that the service left out (their values are null). A service may send only
    /// what changed in a delta.
    pub missing: BTreeMap<usize, Vec<FieldName>>,
    /// Per place in `rows`: when each field was last edited, where the service says so.
    pub stamps: BTreeMap<usize, BTreeMap<FieldName, Stamp>>,
    /// Where the next page is.
    pub next_link: Option<String>,
    /// Where later changes are; only on the last page.
    pub delta_link: Option<String>,
    /// The number of all records, if asked for.
    pub count: Option<u64>,
    /// What the body is, as a context URL.
    pub context: Option<String>,
}

/// A record that is gone from a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The record.
    pub id: RecordId,
    /// Why.
    pub reason: RemovedReason,
}

/// Why a record is gone from a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovedReason {
    /// It was deleted.
    Deleted,
    /// It no longer belongs to what was asked for, or may no longer be seen; also where the service gives no reason.
    Changed,
}

impl RemovedReason {
    pub(super) fn of(text: Option<&str>) -> Self {
        if text == Some("deleted") {
            Self::Deleted
        } else {
            Self::Changed
        }
    }

    /// Returns the word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Changed => "changed",
        }
    }
}

/// What a create or update asks for: only the fields that were given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Body {
    /// The values.
    pub fields: Fields,
    /// Per field, when it was edited.
    pub stamps: BTreeMap<FieldName, Stamp>,
    /// The revision, if the body names one.
    pub revision: Option<Revision>,
}

/// Reads a page.
///
/// # Errors
/// [`PayloadError`]; nothing of a page with an error may be used.
pub fn read_page(bytes: &[u8], layout: &Layout) -> Result<Page, PayloadError> {
    let reason = Reason::default();
    let mut json = serde_json::Deserializer::from_str(utf8(bytes)?);
    let page = PageSeed {
        layout,
        reason: &reason,
    }
    .deserialize(&mut json)
    .and_then(|page| json.end().map(|()| page));
    page.map_err(|error| explain(&reason, &error))
}

/// Checks the encoding of the whole body at once, which is faster than doing so for each text in it.
fn utf8(bytes: &[u8]) -> Result<&str, PayloadError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        let last = before.iter().rev().take_while(|byte| **byte != b'\n').count();
        PayloadError::NotJson {
            line: lines + 1,
            column: last + 1,
        }
    })
}

fn read_object(bytes: &[u8], layout: &Layout) -> Result<Object, PayloadError> {
    let reason = Reason::default();
    let mut json = serde_json::Deserializer::from_str(utf8(bytes)?);
    let seed = ObjectSeed {
        layout,
        reason: &reason,
    };
    let object = seed
        .deserialize(&mut json)
        .and_then(|object| json.end().map(|()| object));
    object.map_err(|error| explain(&reason, &error))
}

/// Reads one record; fields that are not in the body are absent.
///
/// # Errors
/// [`PayloadError`], also if a key field is missing.
pub fn read_record(bytes: &[u8], layout: &Layout) -> Result<ServerRecord, PayloadError> {
    let mut object = read_object(bytes, layout)?;
    let id = object
        .record_id(layout)
        .ok_or_else(|| missing_key(layout, &object))?;
    let stamps = std::mem::take(&mut object.stamps);
    let body = body(object, layout);
    Ok(ServerRecord {
        record: Record {
            entity: layout.entity.name.clone(),
            id,
            revision: body.revision,
            fields: body.fields,
        },
        stamps,
    })
}

/// Reads the body of a create or update.
///
/// # Errors
/// [`PayloadError`].
pub fn read_body(bytes: &[u8], layout: &Layout) -> Result<Body, PayloadError> {
    read_object(bytes, layout).map(|object| body(object, layout))
}

fn body(object: Object, layout: &Layout) -> Body {
    let given = layout
        .columns
        .iter()
        .zip(object.values)
        .zip(object.present)
        .filter(|(_, present)| *present);
    Body {
        fields: given.map(|((name, value), _)| (name.clone(), value)).collect(),
        stamps: object.stamps,
        revision: object.etag,
    }
}

fn missing_key(layout: &Layout, object: &Object) -> PayloadError {
    let missing = layout.key.iter().find(|at| {
        object
            .values
            .get(**at)
            .is_none_or(driftless_record::Value::is_null)
    });
    let name = missing
        .and_then(|at| layout.columns.get(*at))
        .or(layout.entity.key.first());
    PayloadError::MissingKey(name.map(ToString::to_string).unwrap_or_default())
}

struct PageSeed<'a> {
    layout: &'a Layout,
    reason: &'a Reason,
}

impl<'de> DeserializeSeed<'de> for PageSeed<'_> {
    type Value = Page;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Page, D::Error> {
        deserializer.deserialize_map(self)
    }
}

#[derive(serde::Deserialize)]
enum PageKey {
    #[serde(rename = "value")]
    Value,
    #[serde(rename = "@odata.nextLink", alias = "@nextLink")]
    NextLink,
    #[serde(rename = "@odata.deltaLink", alias = "@deltaLink")]
    DeltaLink,
    #[serde(rename = "@odata.count", alias = "@count")]
    Count,
    #[serde(rename = "@odata.context", alias = "@context")]
    Context,
    #[serde(rename = "error")]
    Error,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for PageSeed<'_> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page, A::Error> {
        let (layout, reason) = (self.layout, self.reason);
        let rows = RowSet {
            entity: layout.entity.name.clone(),
            columns: layout.columns.clone(),
            rows: Vec::new(),
        };
        let mut page = Page {
            rows,
            removed: Vec::new(),
            missing: BTreeMap::new(),
            stamps: BTreeMap::new(),
            next_link: None,
            delta_link: None,
            count: None,
            context: None,
        };
        let (mut seen_value, mut names) = (false, 0);
        while let Some(key) = map.next_key::<PageKey>()? {
            names += 1;
            if names > layout.limits.names {
                return Err(fail(reason, PayloadError::Limit("names in one object")));
            }
            let depth = layout.limits.depth;
            let mut text = |place: &mut Option<String>, name: &str| {
                if place.is_some() {
                    return Err(fail(reason, PayloadError::Duplicate(name.to_owned())));
                }
                *place = map
                    .next_value_seed(TextSeed { depth, reason })?
                    .map(std::borrow::Cow::into_owned);
                Ok(())
            };
            match key {
                PageKey::Value if seen_value => {
                    return Err(fail(reason, PayloadError::Duplicate("value".to_owned())));
                }
                PageKey::Value => {
                    seen_value = true;
                    map.next_value_seed(RowsSeed {
                        layout,
                        reason,
                        page: &mut page,
                    })?;
                }
                PageKey::NextLink => text(&mut page.next_link, "@odata.nextLink")?,
                PageKey::DeltaLink => text(&mut page.delta_link, "@odata.deltaLink")?,
                PageKey::Context => text(&mut page.context, "@odata.context")?,
                PageKey::Count => {
                    let mut count = None;
                    text(&mut count, "@odata.count")?;
                    page.count = count.and_then(|count| count.parse().ok());
                }
                PageKey::Error => return Err(fail(reason, PayloadError::ErrorInside)),
                PageKey::Other => map.next_value_seed(Skip { depth, reason })?,
            }
        }
        if seen_value {
            Ok(page)
        } else {
            Err(fail(reason, PayloadError::Shape("an object with `value`")))
        }
    }
}

struct RowsSeed<'a> {
    layout: &'a Layout,
    reason: &'a Reason,
    page: &'a mut Page,
}

impl<'de> DeserializeSeed<'de> for RowsSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let seed = || ObjectSeed {
            layout: self.layout,
            reason: self.reason,
        };
        let mut total = 0;
        while let Some(object) = items.next_element_seed(seed())? {
            total += 1;
            if total > self.layout.limits.rows {
                return Err(fail(self.reason, PayloadError::Limit("rows")));
            }
            add(self.page, object, self.layout).map_err(|error| fail(self.reason, error))?;
        }
        Ok(())
    }
}

fn add(page: &mut Page, mut object: Object, layout: &Layout) -> Result<(), PayloadError> {
    // Added and deleted links say nothing that the records themselves do not.
    let context = object.context.as_deref().unwrap_or_default();
    if context.ends_with("/$link") || context.ends_with("/$deletedLink") {
        return Ok(());
    }
    let id = object
        .record_id(layout)
        .ok_or_else(|| missing_key(layout, &object))?;
    if let Some(reason) = object.removed {
        page.removed.push(Removed { id, reason });
        return Ok(());
    }
    let place = page.rows.rows.len();
    if object.present.iter().any(|present| !present) {
        let absent = object
            .present
            .iter()
            .enumerate()
            .filter(|(_, present)| !**present);
        let told = absent.filter(|(at, _)| !matches!(layout.slots[*at].kind, SlotKind::File));
        let missing: Vec<FieldName> = told.map(|(at, _)| layout.columns[at].clone()).collect();
        if !missing.is_empty() {
            page.missing.insert(place, missing);
        }
    }
    if !object.stamps.is_empty() {
        page.stamps.insert(place, std::mem::take(&mut object.stamps));
    }
    page.rows.rows.push(Row {
        id,
        revision: object.etag,
        values: object.values,
    });
    Ok(())
}
