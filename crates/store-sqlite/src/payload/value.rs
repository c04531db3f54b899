//! Values and stamps as they are stored inside payloads.

use std::collections::BTreeMap;

use driftless_record::id::{BootId, DeviceId};
use driftless_record::{
    EntityName, FieldName, Fields, FileValue, Lookup, RawStamp, RecordId, Stamp, Timestamp, Value, time,
    value::Double,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Unreadable;

/// A value. Variants are only ever added at the end: `postcard` knows them by their place. Doubles are kept as their bits, because JSON has no `NaN`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum StoredValue {
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
    Text(String),
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
    Binary(Bytes),
    #[serde(rename = "c")]
    Choice(String),
    #[serde(rename = "cs")]
    Choices(Vec<String>),
    #[serde(rename = "l")]
    Lookup(EntityName, RecordId, Option<String>),
    #[serde(rename = "f")]
    File {
        content: String,
        name: String,
        media_type: String,
        size: u64,
    },
}

impl From<&Value> for StoredValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(v) => Self::Bool(*v),
            Value::Int(v) => Self::Int(*v),
            Value::Decimal(v) => Self::Decimal(v.to_string()),
            Value::Double(v) => Self::Double(v.0.to_bits()),
            Value::Text(v) => Self::Text(v.clone()),
            Value::Date(v) => Self::Date(v.to_string()),
            Value::Time(v) => Self::Time(v.to_string()),
            Value::DateTime(v) => Self::DateTime(v.ticks, v.offset_minutes),
            Value::Duration(v) => Self::Duration(v.ticks),
            Value::Guid(v) => Self::Guid(*v),
            Value::Binary(v) => Self::Binary(Bytes(v.clone())),
            Value::Choice(v) => Self::Choice(v.clone()),
            Value::Choices(v) => Self::Choices(v.clone()),
            Value::Lookup(v) => Self::Lookup(v.entity.clone(), v.id.clone(), v.name.clone()),
            Value::File(v) => Self::File {
                content: v.content.clone(),
                name: v.name.clone(),
                media_type: v.media_type.clone(),
                size: v.size,
            },
        }
    }
}

impl TryFrom<StoredValue> for Value {
    type Error = Unreadable;

    fn try_from(stored: StoredValue) -> Result<Self, Unreadable> {
        Ok(match stored {
            StoredValue::Null => Self::Null,
            StoredValue::Bool(v) => Self::Bool(v),
            StoredValue::Int(v) => Self::Int(v),
            StoredValue::Decimal(v) => Self::Decimal(v.parse().map_err(|_| Unreadable)?),
            StoredValue::Double(v) => Self::Double(Double(f64::from_bits(v))),
            StoredValue::Text(v) => Self::Text(v),
            StoredValue::Date(v) => Self::Date(v.parse().map_err(|_| Unreadable)?),
            StoredValue::Time(v) => Self::Time(v.parse().map_err(|_| Unreadable)?),
            StoredValue::DateTime(ticks, offset_minutes) => Self::DateTime(time::DateTime {
                ticks,
                offset_minutes,
            }),
            StoredValue::Duration(ticks) => Self::Duration(time::Duration { ticks }),
            StoredValue::Guid(v) => Self::Guid(v),
            StoredValue::Binary(v) => Self::Binary(v.0),
            StoredValue::Choice(v) => Self::Choice(v),
            StoredValue::Choices(v) => Self::Choices(v),
            StoredValue::Lookup(entity, id, name) => Self::Lookup(Lookup { entity, id, name }),
            StoredValue::File {
                content,
                name,
                media_type,
                size,
            } => Self::File(FileValue {
                content,
                name,
                media_type,
                size,
            }),
        })
    }
}

pub(super) type StoredFields = BTreeMap<FieldName, StoredValue>;

pub(super) fn fields(fields: &Fields) -> StoredFields {
    fields
        .iter()
        .map(|(name, value)| (name.clone(), value.into()))
        .collect()
}

pub(super) fn read_fields(stored: StoredFields) -> Result<Fields, Unreadable> {
    stored
        .into_iter()
        .map(|(name, value)| Ok((name, value.try_into()?)))
        .collect()
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
pub(super) struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&hex(&self.0))
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let bytes = unhex(&String::deserialize(deserializer)?);
            bytes
                .map(Self)
                .ok_or_else(|| serde::de::Error::custom("not hexadecimal"))
        } else {
            Vec::deserialize(deserializer).map(Self)
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
