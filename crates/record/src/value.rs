//! Values of fields, rich enough for business systems.

use std::cmp::Ordering;
use std::fmt;

use jiff::civil::{Date, Time};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::RecordId;
use crate::name::EntityName;
use crate::time::{DateTime, Duration};

/// A double that is equal to itself, so that `NaN` is no eternal difference; ordered by IEEE 754 `totalOrder`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Double(pub f64);

impl PartialEq for Double {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.0.total_cmp(&other.0) == Ordering::Equal
    }
}

impl Eq for Double {}

/// A reference to a record of one of several entities.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lookup {
    /// The entity of the target.
    pub entity: EntityName,
    /// The id of the target.
    pub id: RecordId,
    /// The display name of the target as last seen, for screens where the target is not on the device.
    pub name: Option<String>,
}

impl PartialEq for Lookup {
    /// Compares the target; the display name is only a courtesy and makes no difference.
    fn eq(&self, other: &Self) -> bool {
        self.entity == other.entity && self.id == other.id
    }
}

impl Eq for Lookup {}

/// What a record knows of a file in one of its fields; the bytes live beside the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileValue {
    /// The content id, under which a store keeps the bytes.
    pub content: String,
    /// The name as people see it; never a path.
    pub name: String,
    /// The media type, such as `image/png`.
    pub media_type: String,
    /// The size in bytes.
    pub size: u64,
}

/// The value of a field.
///
/// Money is a [`Value::Decimal`] whose field kind names the field that holds its currency. Equality is that of the
/// stored value: decimals by number (1.0 = 1.00), date-times by instant and offset, lookups by target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number of up to 64 bits.
    Int(i64),
    /// An exact decimal number of up to 28 digits, also used for money.
    Decimal(Decimal),
    /// A binary floating point number.
    Double(Double),
    /// Text in Unicode.
    Text(String),
    /// A date without time.
    Date(Date),
    /// A time of day without date, in steps of 100 ns.
    Time(Time),
    /// A date-time with offset.
    DateTime(DateTime),
    /// A span of time.
    Duration(Duration),
    /// A globally unique id.
    Guid(Uuid),
    /// Bytes.
    Binary(Vec<u8>),
    /// The code of one option of a choice.
    Choice(String),
    /// The codes of several options, sorted and without repetition.
    Choices(Vec<String>),
    /// A reference to another record.
    Lookup(Lookup),
    /// A file.
    File(FileValue),
}

impl Value {
    /// Makes a double value.
    #[must_use]
    pub fn double(value: f64) -> Self {
        Self::Double(Double(value))
    }

    /// Makes a text value.
    pub fn text(value: impl Into<String>) -> Self {
        Self::Text(value.into())
    }

    /// Returns whether this is [`Value::Null`].
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns the text of a text or choice value.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Choice(text) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    /// Writes the value as a person reads it: `null` as nothing, lookups by their display name where known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Bool(v) => write!(f, "{v}"),
            Self::Int(v) => write!(f, "{v}"),
            Self::Decimal(v) => write!(f, "{v}"),
            Self::Double(v) => write!(f, "{}", v.0),
            Self::Text(v) | Self::Choice(v) => f.write_str(v),
            Self::Date(v) => write!(f, "{v}"),
            Self::Time(v) => write!(f, "{v}"),
            Self::DateTime(v) => write!(f, "{v}"),
            Self::Duration(v) => write!(f, "{v}"),
            Self::Guid(v) => write!(f, "{v}"),
            Self::Binary(v) => write!(f, "{} bytes", v.len()),
            Self::Choices(v) => f.write_str(&v.join(", ")),
            Self::Lookup(v) => f.write_str(v.name.as_deref().unwrap_or(v.id.as_str())),
            Self::File(v) => write!(f, "{} ({} bytes)", v.name, v.size),
        }
    }
}
