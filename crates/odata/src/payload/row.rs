//! One JSON object as a record: values by column, control information, stamps.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use driftless_record::{FieldName, FileValue, Lookup, RecordId, Revision, Stamp, Value};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::error::{PayloadError, Reason, fail};
use super::layout::{Layout, Meaning, SlotKind, Target, TargetKey, Unknown};
use super::links;
use super::read::RemovedReason;
use super::seeds::{Skip, StampsSeed, TextSeed};
use super::value::ValueSeed;

/// The longest ETag that is kept, in bytes.
const MAX_ETAG: usize = 1024;

/// What an object says.
#[derive(Debug, Default)]
pub(super) struct Object {
    pub(super) values: Vec<Value>,
    /// Which columns were there.
    pub(super) present: Vec<bool>,
    pub(super) etag: Option<Revision>,
    pub(super) id: Option<String>,
    pub(super) context: Option<String>,
    pub(super) removed: Option<RemovedReason>,
    reason: Option<String>,
    plain_id: Option<String>,
    pub(super) stamps: BTreeMap<FieldName, Stamp>,
}

impl Object {
    /// Whether this is a removed record in the form of version 4.0, which its context tells before anything else.
    fn is_deleted(&self) -> bool {
        self.context
            .as_deref()
            .is_some_and(|context| context.ends_with("/$deletedEntity"))
    }

    /// Returns the id of the record from its key fields, or from a link if a removed one has only that.
    pub(super) fn record_id(&self, layout: &Layout) -> Option<RecordId> {
        let key: Option<Vec<Value>> = layout
            .key
            .iter()
            .map(|at| Some(self.values.get(*at)?.clone()).filter(|value| !value.is_null()))
            .collect();
        match key.as_deref() {
            Some([Value::Guid(id)]) => Some(RecordId::guid(*id)),
            Some(values) => RecordId::from_key(&layout.entity, values).ok(),
            None => links::link_id(&layout.entity, self.id.as_deref()?),
        }
    }
}

/// Control information, without its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    ETag,
    Id,
    Context,
    Removed,
    Stamps,
    Other,
}

enum Key {
    Known(Meaning),
    Control(Control),
    /// `id` and `reason`, which matter only in removed records of version 4.0.
    Plain(&'static str),
    Unknown,
}

struct KeySeed<'a> {
    layout: &'a Layout,
    guess: usize,
    /// Whether the object is a removed record in the form of version 4.0.
    deleted: bool,
    reason: &'a Reason,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Key, E> {
        match name {
            "id" if self.deleted => return Ok(Key::Plain("id")),
            "reason" if self.deleted => return Ok(Key::Plain("reason")),
            _ => {}
        }
        if let Some(control) = name.strip_prefix('@') {
            return Ok(Key::Control(
                match control.strip_prefix("odata.").unwrap_or(control) {
                    "etag" => Control::ETag,
                    "id" => Control::Id,
                    "context" => Control::Context,
                    "removed" => Control::Removed,
                    "driftless.stamps" => Control::Stamps,
                    _ => Control::Other,
                },
            ));
        }
        if let Some(meaning) = self.layout.meaning(name, self.guess) {
            return Ok(Key::Known(meaning));
        }
        if self.layout.unknown == Unknown::Refuse && !is_annotation_of_known(self.layout, name) {
            let fields = self.layout.entity.fields.iter().map(|field| field.name.as_str());
            let error = PayloadError::Unknown {
                name: name.chars().take(64).collect(),
                suggestion: crate::suggest::nearest(name, fields).map(str::to_owned),
            };
            return Err(fail(self.reason, error));
        }
        Ok(Key::Unknown)
    }
}

/// Annotations that this crate does not know are passed over, but only on fields that exist.
fn is_annotation_of_known(layout: &Layout, name: &str) -> bool {
    name.split_once('@')
        .is_some_and(|(field, term)| !term.ends_with("bind") && layout.entity.field(field).is_some())
}

/// Reads an object as a record.
pub(super) struct ObjectSeed<'a> {
    pub(super) layout: &'a Layout,
    pub(super) reason: &'a Reason,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Object;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Object, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let count = self.layout.slots.len();
        let mut object = Object {
            values: vec![Value::Null; count],
            present: vec![false; count],
            ..Object::default()
        };
        let mut later = Vec::new();
        let (mut guess, mut names) = (0, 0);
        loop {
            let seed = KeySeed {
                layout: self.layout,
                guess,
                deleted: object.is_deleted(),
                reason: self.reason,
            };
            let Some(key) = map.next_key_seed(seed)? else {
                break;
            };
            names += 1;
            if names > self.layout.limits.names {
                return Err(fail(self.reason, PayloadError::Limit("names in one object")));
            }
            match key {
                Key::Known(Meaning::Value(at)) => {
                    guess = at + 1;
                    self.once(&object, at)?;
                    let seed = ValueSeed {
                        slot: &self.layout.slots[at],
                        reason: self.reason,
                    };
                    object.values[at] = map.next_value_seed(seed)?;
                    object.present[at] = true;
                }
                Key::Known(meaning) => self.annotation(&mut object, &mut later, meaning, &mut map)?,
                Key::Control(control) => self.control(&mut object, control, &mut map)?,
                Key::Plain(name) => {
                    let text = map.next_value_seed(TextSeed {
                        depth: self.layout.limits.depth,
                        reason: self.reason,
                    })?;
                    let place = if name == "id" {
                        &mut object.plain_id
                    } else {
                        &mut object.reason
                    };
                    *place = text.map(Cow::into_owned);
                }
                Key::Unknown => map.next_value_seed(Skip {
                    depth: self.layout.limits.depth,
                    reason: self.reason,
                })?,
            }
        }
        for annotation in later {
            annotation.apply(self.layout, &mut object);
        }
        if object.is_deleted() {
            object.id = object.plain_id.take().or(object.id.take());
            object.removed = Some(RemovedReason::of(object.reason.as_deref()));
        }
        Ok(object)
    }
}

/// What can be applied only when the whole object is read.
enum Later {
    Target(usize, String),
    Name(usize, String),
}

impl Later {
    fn apply(self, layout: &Layout, object: &mut Object) {
        let (at, text, is_target) = match self {
            Self::Target(at, text) => (at, text, true),
            Self::Name(at, text) => (at, text, false),
        };
        let (Some(Value::Lookup(lookup)), SlotKind::Lookup { targets }) =
            (object.values.get_mut(at), &layout.slots[at].kind)
        else {
            return;
        };
        if !is_target {
            lookup.name = Some(text);
        } else if let Some(target) = targets.iter().find(|target| target.entity.as_str() == text) {
            *lookup = retarget(lookup, target);
        }
    }
}

/// The same key as that of another target.
fn retarget(lookup: &Lookup, target: &Target) -> Lookup {
    let id = match uuid::Uuid::try_parse(lookup.id.as_str()) {
        Ok(id) if target.key == TargetKey::Guid => RecordId::guid(id),
        _ => lookup.id.clone(),
    };
    Lookup {
        entity: target.entity.clone(),
        id,
        name: lookup.name.clone(),
    }
}

impl ObjectSeed<'_> {
    fn once<E: de::Error>(&self, object: &Object, at: usize) -> Result<(), E> {
        if object.present[at] {
            return Err(fail(
                self.reason,
                PayloadError::Duplicate(self.layout.slots[at].name.to_string()),
            ));
        }
        Ok(())
    }

    fn text<'de, A: MapAccess<'de>>(&self, map: &mut A) -> Result<Option<String>, A::Error> {
        let seed = TextSeed {
            depth: self.layout.limits.depth,
            reason: self.reason,
        };
        Ok(map.next_value_seed(seed)?.map(Cow::into_owned))
    }

    fn annotation<'de, A: MapAccess<'de>>(
        &self,
        object: &mut Object,
        later: &mut Vec<Later>,
        meaning: Meaning,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match meaning {
            Meaning::Target(at) => later.extend(self.text(map)?.map(|text| Later::Target(at, text))),
            Meaning::Name(at) => later.extend(self.text(map)?.map(|text| Later::Name(at, text))),
            Meaning::File(at) => {
                self.once(object, at)?;
                let file: Option<WireFile> = map.next_value()?;
                object.values[at] = file.map_or(Value::Null, |file| Value::File(file.into()));
                object.present[at] = true;
            }
            Meaning::Bind(at, place) => {
                self.once(object, at)?;
                let text = self.text(map)?;
                object.values[at] = self.bound(at, place, text.as_deref())?;
                object.present[at] = true;
            }
            Meaning::Value(_) => map.next_value_seed(Skip {
                depth: self.layout.limits.depth,
                reason: self.reason,
            })?,
        }
        Ok(())
    }

    /// Makes the value that a link to a record sets.
    fn bound<E: de::Error>(&self, at: usize, place: usize, link: Option<&str>) -> Result<Value, E> {
        let slot = &self.layout.slots[at];
        let Some(link) = link else { return Ok(Value::Null) };
        let id = match &slot.kind {
            SlotKind::Lookup { targets } => targets.get(place).and_then(|target| {
                let id = links::link_id(target.schema.as_deref()?, link)?;
                Some(Value::Lookup(Lookup {
                    entity: target.entity.clone(),
                    id,
                    name: None,
                }))
            }),
            _ => None,
        };
        let expected = "a link to a record, such as Accounts(…)";
        id.ok_or_else(|| {
            fail(
                self.reason,
                PayloadError::WrongType {
                    field: slot.name.to_string(),
                    expected,
                },
            )
        })
    }

    fn control<'de, A: MapAccess<'de>>(
        &self,
        object: &mut Object,
        control: Control,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let twice = |name: &str| Err(fail(self.reason, PayloadError::Duplicate(name.to_owned())));
        match control {
            Control::ETag if object.etag.is_some() => twice("@odata.etag"),
            Control::ETag => {
                object.etag = self.text(map)?.filter(|tag| tag.len() <= MAX_ETAG).map(Revision);
                Ok(())
            }
            Control::Id if object.id.is_some() => twice("@odata.id"),
            Control::Id => {
                object.id = self.text(map)?;
                Ok(())
            }
            Control::Context => {
                object.context = self.text(map)?;
                Ok(())
            }
            Control::Removed => {
                let removed: Option<WireRemoved> = map.next_value()?;
                object.removed = Some(RemovedReason::of(
                    removed.and_then(|removed| removed.reason).as_deref(),
                ));
                Ok(())
            }
            Control::Stamps => {
                let seed = StampsSeed {
                    layout: self.layout,
                    reason: self.reason,
                };
                object.stamps = map.next_value_seed(seed)?;
                Ok(())
            }
            Control::Other => map.next_value_seed(Skip {
                depth: self.layout.limits.depth,
                reason: self.reason,
            }),
        }
    }
}

#[derive(serde::Deserialize)]
struct WireRemoved {
    reason: Option<String>,
}

/// A file as it is written beside a record.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireFile {
    pub(super) content: String,
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) size: u64,
}

impl From<WireFile> for FileValue {
    fn from(file: WireFile) -> Self {
        Self {
            content: file.content,
            name: file.name,
            media_type: file.media_type,
            size: file.size,
        }
    }
}
