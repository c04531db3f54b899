//! Values and stamps as they are stored inside payloads.

use std::borrow::Cow;
use std::collections::BTreeMap;

use driftless_record::id::{BootId, DeviceId};
use driftless_record::{
    EntityName, FieldName, Fields, FileValue, Lookup, RawStamp, RecordId, Stamp, Timestamp, Value, time,
    value::Double,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Unreadable;

/// A value. Variants are only ever added at the end: `postcard` knows them by their place. Doubles are kept as their
/// bits, because JSON has no `NaN`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum StoredValue<'a> {
    #[serde(rename = "n")]
    Null,
    #[serde(rename = "b")]
    Bool(bool),
    #[serde(rename = "i")]
    Int(i64),
    #[serde(rename = "m")]
    Decimal(String),
    #[serde(rename = "d")]
    Double(u64),
    #[serde(rename = "t")]
    Text(Cow<'a, str>),
    #[serde(rename = "day")]
    Date(String),
    #[serde(rename = "time")]
    Time(String),
    #[serde(rename = "at")]
    DateTime(i64, i16),
    #[serde(rename = "span")]
    Duration(i64),
    #[serde(rename = "g")]
    Guid(uuid::Uuid),
    #[serde(rename = "x")]
    Binary(Bytes<'a>),
    #[serde(rename = "c")]
    Choice(Cow<'a, str>),
    #[serde(rename = "cs")]
    Choices(Cow<'a, [String]>),
    #[serde(rename = "l")]
    Lookup(Cow<'a, str>, Cow<'a, str>, Option<Cow<'a, str>>),
    #[serde(rename = "f")]
    File {
        content: Cow<'a, str>,
        name: Cow<'a, str>,
        media_type: Cow<'a, str>,
        size: u64,
    },
}

impl<'a> From<&'a Value> for StoredValue<'a> {
    fn from(value: &'a Value) -> Self {
        let text = |text: &'a str| Cow::Borrowed(text);
        match value {
            Value::Null => Self::Null,
            Value::Bool(v) => Self::Bool(*v),
            Value::Int(v) => Self::Int(*v),
            Value::Decimal(v) => Self::Decimal(v.to_string()),
            Value::Double(v) => Self::Double(v.0.to_bits()),
            Value::Text(v) => Self::Text(text(v)),
            Value::Date(v) => Self::Date(v.to_string()),
            Value::Time(v) => Self::Time(v.to_string()),
            Value::DateTime(v) => Self::DateTime(v.ticks, v.offset_minutes),
            Value::Duration(v) => Self::Duration(v.ticks),
            Value::Guid(v) => Self::Guid(*v),
            Value::Binary(v) => Self::Binary(Bytes(Cow::Borrowed(v))),
            Value::Choice(v) => Self::Choice(text(v)),
            Value::Choices(v) => Self::Choices(Cow::Borrowed(v)),
            Value::Lookup(v) => Self::Lookup(
                text(v.entity.as_str()),
                text(v.id.as_str()),
                v.name.as_deref().map(text),
            ),
            Value::File(v) => Self::File {
                content: text(&v.content),
                name: text(&v.name),
                media_type: text(&v.media_type),
                size: v.size,
            },
        }
    }
}

impl TryFrom<StoredValue<'_>> for Value {
    type Error = Unreadable;

    fn try_from(stored: StoredValue<'_>) -> Result<Self, Unreadable> {
        Ok(match stored {
            StoredValue::Null => Self::Null,
            StoredValue::Bool(v) => Self::Bool(v),
            StoredValue::Int(v) => Self::Int(v),
            StoredValue::Decimal(v) => Self::Decimal(v.parse().map_err(|_| Unreadable)?),
            StoredValue::Double(v) => Self::Double(Double(f64::from_bits(v))),
            StoredValue::Text(v) => Self::Text(v.into_owned()),
            StoredValue::Date(v) => Self::Date(v.parse().map_err(|_| Unreadable)?),
            StoredValue::Time(v) => Self::Time(v.parse().map_err(|_| Unreadable)?),
            StoredValue::DateTime(ticks, offset_minutes) => Self::DateTime(time::DateTime {
                ticks,
                offset_minutes,
            }),
            StoredValue::Duration(ticks) => Self::Duration(time::Duration { ticks }),
            StoredValue::Guid(v) => Self::Guid(v),
            StoredValue::Binary(v) => Self::Binary(v.0.into_owned()),
            StoredValue::Choice(v) => Self::Choice(v.into_owned()),
            StoredValue::Choices(v) => Self::Choices(v.into_owned()),
            StoredValue::Lookup(entity, id, name) => Self::Lookup(Lookup {
                entity: EntityName::parse(&entity).map_err(|_| Unreadable)?,
                id: RecordId::from_canonical(&id),
                name: name.map(Cow::into_owned),
            }),
            StoredValue::File {
                content,
                name,
                media_type,
                size,
            } => Self::File(FileValue {
                content: content.into_owned(),
                name: name.into_owned(),
                media_type: media_type.into_owned(),
                size,
            }),
        })
    }
}

/// Values by field. They are written without a copy: an edit writes a whole image.
#[derive(Debug)]
pub(super) struct StoredFields<'a>(Cow<'a, Fields>);

impl<'a> From<&'a Fields> for StoredFields<'a> {
    fn from(fields: &'a Fields) -> Self {
        Self(Cow::Borrowed(fields))
    }
}

impl From<StoredFields<'_>> for Fields {
    fn from(stored: StoredFields<'_>) -> Self {
        stored.0.into_owned()
    }
}

impl Serialize for StoredFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.iter();
        serializer.collect_map(fields.map(|(name, value)| (name.as_str(), StoredValue::from(value))))
    }
}

impl<'de> Deserialize<'de> for StoredFields<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = BTreeMap::<FieldName, StoredValue<'_>>::deserialize(deserializer)?;
        let fields: Result<Fields, Unreadable> = stored
            .into_iter()
            .map(|(name, value)| Ok((name, value.try_into()?)))
            .collect();
        fields
            .map(|fields| Self(Cow::Owned(fields)))
            .map_err(serde::de::Error::custom)
    }
}

/// A stamp: time, counter, device.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct StoredStamp(i64, u32, DeviceId);

impl From<Stamp> for StoredStamp {
    fn from(stamp: Stamp) -> Self {
        Self(stamp.time.0, stamp.counter, stamp.device)
    }
}

impl From<StoredStamp> for Stamp {
    fn from(stored: StoredStamp) -> Self {
        Self {
            time: Timestamp(stored.0),
            counter: stored.1,
            device: stored.2,
        }
    }
}

pub(super) type StoredStamps = BTreeMap<FieldName, StoredStamp>;

pub(super) fn stamps(stamps: &BTreeMap<FieldName, Stamp>) -> StoredStamps {
    stamps
        .iter()
        .map(|(name, stamp)| (name.clone(), (*stamp).into()))
        .collect()
}

pub(super) fn read_stamps(stored: StoredStamps) -> BTreeMap<FieldName, Stamp> {
    stored
        .into_iter()
        .map(|(name, stamp)| (name, stamp.into()))
        .collect()
}

/// A raw stamp: wall clock, monotonic clock, boot, counter, device.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct StoredRaw(i64, i64, BootId, u32, DeviceId);

impl From<RawStamp> for StoredRaw {
    fn from(raw: RawStamp) -> Self {
        Self(raw.wall.0, raw.monotonic, raw.boot, raw.counter, raw.device)
    }
}

impl From<StoredRaw> for RawStamp {
    fn from(stored: StoredRaw) -> Self {
        Self {
            wall: Timestamp(stored.0),
            monotonic: stored.1,
            boot: stored.2,
            counter: stored.3,
            device: stored.4,
        }
    }
}

/// Bytes: two hexadecimal digits each in JSON.
#[derive(Debug)]
pub(super) struct Bytes<'a>(Cow<'a, [u8]>);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&hex(&self.0))
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Bytes<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let bytes = unhex(&String::deserialize(deserializer)?);
            bytes
                .map(|bytes| Self(Cow::Owned(bytes)))
                .ok_or_else(|| serde::de::Error::custom("not hexadecimal"))
        } else {
            Vec::deserialize(deserializer).map(|bytes| Self(Cow::Owned(bytes)))
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}
