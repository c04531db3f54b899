//! From values to stored values and back.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::day::{date_of, day_number, ticks_of, time_of};
use super::decimal::{DecimalForm, SortableDecimal, scaled};
use super::stored::{Stored, StoredRef, columns};
use crate::id::RecordId;
use crate::name::EntityName;
use crate::schema::FieldKind;
use crate::time::{DateTime, Duration};
use crate::value::{FileValue, Lookup, Value};

/// What stands between the codes of a choices value.
pub(crate) const SEPARATOR: char = '\u{1F}';
const NAN: &str = "NaN";

/// Says why a value cannot be stored in a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The value is of another kind than the field.
    #[error("expected {expected}")]
    Kind {
        /// What the field holds.
        expected: &'static str,
    },
    /// A decimal has more digits after the point than the field's scale, or is too large for 18 digits.
    #[error("the number has more digits than the field keeps (scale {scale})")]
    Digits {
        /// The field's digits after the point.
        scale: u8,
    },
    /// A text has the character U+0000, or a choice code has U+001F, which databases cannot keep in text.
    #[error("the text has a control character that cannot be stored")]
    Control,
    /// A lookup points to an entity that the field does not name.
    #[error("a lookup to `{entity}` is not among the field's targets")]
    Target {
        /// The entity.
        entity: EntityName,
    },
}

/// Says why stored values are no value of a field: the store is damaged, or was written with another schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored columns hold no {expected}")]
pub struct DecodeError {
    /// What the field holds.
    pub expected: &'static str,
}

/// The stored form of a file value.
#[derive(Serialize, Deserialize)]
struct StoredFile<'a> {
    #[serde(borrow)]
    content: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    media_type: Cow<'a, str>,
    size: u64,
}

/// Returns what a kind is called in messages.
pub(crate) fn kind_name(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Bool => "bool",
        FieldKind::Int { .. } => "whole number",
        FieldKind::Decimal { .. } => "decimal",
        FieldKind::Money { .. } => "amount of money",
        FieldKind::Double => "double",
        FieldKind::Text { .. } => "text",
        FieldKind::Date => "date",
        FieldKind::Time => "time of day",
        FieldKind::DateTime => "date-time",
        FieldKind::Duration => "duration",
        FieldKind::Guid => "guid",
        FieldKind::Binary { .. } => "bytes",
        FieldKind::Choice { .. } => "choice",
        FieldKind::Choices { .. } => "list of choices",
        FieldKind::Lookup { .. } => "lookup",
        FieldKind::File => "file",
    }
}

fn text(value: &str) -> Result<Stored<'_>, EncodeError> {
    if value.as_bytes().contains(&0) {
        return Err(EncodeError::Control);
    }
    Ok(Stored::Text(Cow::Borrowed(value)))
}

/// Appends the stored values of a field, one for each of its [`columns`]. Scalars are not allocated.
///
/// A whole number is taken for a decimal or double, and text for a choice and the other way round; everything else
/// must be of the field's kind.
///
/// # Errors
/// [`EncodeError`] if the field cannot keep the value as it is; nothing was appended then.
pub fn encode<'a>(kind: &FieldKind, value: &'a Value, out: &mut Vec<Stored<'a>>) -> Result<(), EncodeError> {
    let first = match (kind, value) {
        (_, Value::Null) => {
            out.extend(columns(kind).iter().map(|_| Stored::Null));
            return Ok(());
        }
        (FieldKind::Bool, Value::Bool(v)) => Stored::Int(i64::from(*v)),
        (FieldKind::Int { .. }, Value::Int(v)) => Stored::Int(*v),
        (FieldKind::Decimal { .. } | FieldKind::Money { .. }, Value::Decimal(v)) => decimal(kind, *v)?,
        (FieldKind::Decimal { .. } | FieldKind::Money { .. }, Value::Int(v)) => {
            decimal(kind, Decimal::from(*v))?
        }
        (FieldKind::Double, Value::Double(v)) if v.0.is_nan() => Stored::Text(Cow::Borrowed(NAN)),
        (FieldKind::Double, Value::Double(v)) => Stored::Real(v.0),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a double field keeps what a double can keep"
        )]
        (FieldKind::Double, Value::Int(v)) => Stored::Real(*v as f64),
        (FieldKind::Text { .. } | FieldKind::Choice { .. }, Value::Text(v) | Value::Choice(v)) => text(v)?,
        (FieldKind::Date, Value::Date(v)) => Stored::Int(day_number(*v)),
        (FieldKind::Time, Value::Time(v)) => Stored::Int(ticks_of(*v)),
        (FieldKind::DateTime, Value::DateTime(v)) => {
            out.extend([Stored::Int(v.ticks), Stored::Int(i64::from(v.offset_minutes))]);
            return Ok(());
        }
        (FieldKind::Duration, Value::Duration(v)) => Stored::Int(v.ticks),
        (FieldKind::Guid, Value::Guid(v)) => Stored::Blob(Cow::Borrowed(v.as_bytes())),
        (FieldKind::Binary { .. }, Value::Binary(v)) => Stored::Blob(Cow::Borrowed(v)),
        (FieldKind::Choices { .. }, Value::Choices(v)) => Stored::Text(Cow::Owned(joined(v)?)),
        (FieldKind::Lookup { targets }, Value::Lookup(v)) => return lookup(targets, v, out),
        (FieldKind::File, Value::File(v)) => Stored::Text(Cow::Owned(file(v)?)),
        _ => {
            return Err(EncodeError::Kind {
                expected: kind_name(kind),
            });
        }
    };
    out.push(first);
    Ok(())
}

fn decimal(kind: &FieldKind, value: Decimal) -> Result<Stored<'static>, EncodeError> {
    match DecimalForm::of(kind) {
        Some(DecimalForm::Scaled(scale)) => match scaled(value, scale) {
            Some(whole) => Ok(Stored::Int(whole)),
            None => Err(EncodeError::Digits { scale }),
        },
        _ => Ok(Stored::Decimal(SortableDecimal::encode(value))),
    }
}

/// Writes codes in order and once each, between separators.
pub(crate) fn joined(codes: &[String]) -> Result<String, EncodeError> {
    if codes.iter().any(|code| code.contains(['\0', SEPARATOR])) {
        return Err(EncodeError::Control);
    }
    let mut sorted: Vec<&str> = codes.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut text = String::with_capacity(sorted.iter().map(|code| code.len() + 1).sum::<usize>() + 1);
    text.push(SEPARATOR);
    for code in sorted {
        text.push_str(code);
        text.push(SEPARATOR);
    }
    Ok(text)
}

fn lookup<'a>(
    targets: &[EntityName],
    value: &'a Lookup,
    out: &mut Vec<Stored<'a>>,
) -> Result<(), EncodeError> {
    if !targets.contains(&value.entity) {
        return Err(EncodeError::Target {
            entity: value.entity.clone(),
        });
    }
    let id = text(value.id.as_str())?;
    let name = value.name.as_deref().map_or(Ok(Stored::Null), text)?;
    out.push(id);
    if targets.len() != 1 {
        out.push(Stored::Text(Cow::Borrowed(value.entity.as_str())));
    }
    out.push(name);
    Ok(())
}

fn file(value: &FileValue) -> Result<String, EncodeError> {
    let stored = StoredFile {
        content: Cow::Borrowed(&value.content),
        name: Cow::Borrowed(&value.name),
        media_type: Cow::Borrowed(&value.media_type),
        size: value.size,
    };
    serde_json::to_string(&stored).map_err(|_| EncodeError::Kind { expected: "file" })
}

/// Reads a value from the stored values of its field's [`columns`].
///
/// Decimals of a scaled form come back with the field's scale; other decimals without trailing zeros.
///
/// # Errors
/// [`DecodeError`] if the parts are not what [`encode`] writes for the kind.
pub fn decode(kind: &FieldKind, parts: &[StoredRef<'_>]) -> Result<Value, DecodeError> {
    if parts.len() != columns(kind).len() {
        return Err(DecodeError {
            expected: kind_name(kind),
        });
    }
    if let Some(StoredRef::Null) = parts.first() {
        return Ok(Value::Null);
    }
    read(kind, parts).ok_or(DecodeError {
        expected: kind_name(kind),
    })
}

fn read(kind: &FieldKind, parts: &[StoredRef<'_>]) -> Option<Value> {
    use StoredRef::{Blob, Int, Real, Text};
    Some(match (kind, parts) {
        (FieldKind::Bool, [Int(v @ 0..=1)]) => Value::Bool(*v == 1),
        (FieldKind::Int { .. }, [Int(v)]) => Value::Int(*v),
        (FieldKind::Decimal { .. } | FieldKind::Money { .. }, [part]) => {
            match (DecimalForm::of(kind)?, part) {
                (DecimalForm::Scaled(scale), Int(v)) => Value::Decimal(Decimal::new(*v, u32::from(scale))),
                (DecimalForm::Sortable, Blob(v)) => Value::Decimal(SortableDecimal::decode(v)?),
                _ => return None,
            }
        }
        (FieldKind::Double, [Real(v)]) => Value::double(*v),
        (FieldKind::Double, [Text(NAN)]) => Value::double(f64::NAN),
        (FieldKind::Text { .. }, [Text(v)]) => Value::Text((*v).to_owned()),
        (FieldKind::Choice { .. }, [Text(v)]) => Value::Choice((*v).to_owned()),
        (FieldKind::Date, [Int(v)]) => Value::Date(date_of(*v)?),
        (FieldKind::Time, [Int(v)]) => Value::Time(time_of(*v)?),
        (FieldKind::DateTime, [Int(ticks), Int(offset)]) => Value::DateTime(DateTime {
            ticks: *ticks,
            offset_minutes: i16::try_from(*offset).ok()?,
        }),
        (FieldKind::Duration, [Int(ticks)]) => Value::Duration(Duration { ticks: *ticks }),
        (FieldKind::Guid, [Blob(v)]) => Value::Guid(Uuid::from_slice(v).ok()?),
        (FieldKind::Binary { .. }, [Blob(v)]) => Value::Binary(v.to_vec()),
        (FieldKind::Choices { .. }, [Text(v)]) => {
            let codes = v.strip_prefix(SEPARATOR)?;
            Value::Choices(codes.split_terminator(SEPARATOR).map(str::to_owned).collect())
        }
        (FieldKind::Lookup { targets }, [Text(id), name]) => {
            Value::Lookup(read_lookup(targets.first()?.clone(), id, *name)?)
        }
        (FieldKind::Lookup { targets }, [Text(id), Text(entity), name]) => {
            let entity = targets.iter().find(|target| target.as_str() == *entity);
            Value::Lookup(read_lookup(entity?.clone(), id, *name)?)
        }
        (FieldKind::File, [Text(v)]) => {
            let file: StoredFile<'_> = serde_json::from_str(v).ok()?;
            Value::File(FileValue {
                content: file.content.into_owned(),
                name: file.name.into_owned(),
                media_type: file.media_type.into_owned(),
                size: file.size,
            })
        }
        _ => return None,
    })
}

fn read_lookup(entity: EntityName, id: &str, name: StoredRef<'_>) -> Option<Lookup> {
    let name = match name {
        StoredRef::Null => None,
        StoredRef::Text(name) => Some(name.to_owned()),
        _ => return None,
    };
    Some(Lookup {
        entity,
        id: RecordId::from_canonical(id),
        name,
    })
}
