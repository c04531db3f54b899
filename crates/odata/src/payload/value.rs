//! One value: from JSON to its kind, without anything in between.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use driftless_record::value::Double;
use driftless_record::{Lookup, RecordId, Value};
use rust_decimal::Decimal;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::error::{PayloadError, Reason, fail};
use super::layout::{Slot, SlotKind, Target, TargetKey};
use super::time;

/// Reads the value of one column.
pub(super) struct ValueSeed<'a> {
    pub(super) slot: &'a Slot,
    pub(super) reason: &'a Reason,
}

impl ValueSeed<'_> {
    fn wrong<E: de::Error>(&self) -> E {
        let expected = match self.slot.kind {
            SlotKind::Bool => "true or false",
            SlotKind::Int { .. } => "a whole number that fits",
            SlotKind::Decimal => "a decimal number of at most 28 digits",
            SlotKind::Double => "a number",
            SlotKind::Text => "text",
            SlotKind::Date => "a date (2026-11-22)",
            SlotKind::Time => "a time (08:30:00)",
            SlotKind::DateTime => "a date-time (2026-11-22T08:30:00Z)",
            SlotKind::Duration => "a duration (P1DT2H30M)",
            SlotKind::Guid => "a guid",
            SlotKind::Binary => "bytes in base64url",
            SlotKind::Choice { .. } => "the code of an option",
            SlotKind::Choices { .. } => "codes of options",
            SlotKind::Lookup { .. } => "the key of a record",
            SlotKind::File => "a file",
        };
        fail(
            self.reason,
            PayloadError::WrongType {
                field: self.slot.name.to_string(),
                expected,
            },
        )
    }

    fn integer<E: de::Error>(&self, number: i64) -> Result<Value, E> {
        match &self.slot.kind {
            SlotKind::Int { least, most } if (*least..=*most).contains(&number) => Ok(Value::Int(number)),
            SlotKind::Choice { numbers } => match numbers.iter().find(|(known, _)| *known == number) {
                Some((_, code)) => Ok(Value::Choice(code.clone())),
                None => Ok(Value::Choice(number.to_string())),
            },
            SlotKind::Lookup { targets } => {
                match targets.iter().find(|target| target.key == TargetKey::Int) {
                    Some(target) => Ok(lookup(target, &number.to_string())),
                    None => Err(self.wrong()),
                }
            }
            _ => Err(self.wrong()),
        }
    }

    fn text<E: de::Error>(&self, text: &str) -> Result<Value, E> {
        let value = match &self.slot.kind {
            SlotKind::Text => Some(Value::Text(text.to_owned())),
            SlotKind::Guid => Uuid::try_parse(text).ok().map(Value::Guid),
            SlotKind::DateTime => time::date_time(text).map(Value::DateTime),
            SlotKind::Date => time::date(text).map(Value::Date),
            SlotKind::Time => text.parse().ok().map(Value::Time),
            SlotKind::Duration => text.parse().ok().map(Value::Duration),
            SlotKind::Choice { .. } => Some(Value::Choice(text.to_owned())),
            SlotKind::Choices { .. } => {
                let codes = text.split(',').map(str::trim).filter(|code| !code.is_empty());
                Some(Value::Choices(sorted(codes.map(str::to_owned).collect())))
            }
            SlotKind::Lookup { targets } => targets.first().map(|target| lookup(target, text)),
            SlotKind::Int { .. } => {
                return text
                    .parse()
                    .map_or_else(|_| Err(self.wrong()), |n| self.integer(n));
            }
            SlotKind::Double => double(text),
            SlotKind::Binary => binary(text).map(Value::Binary),
            SlotKind::Decimal => decimal(text),
            SlotKind::Bool | SlotKind::File => None,
        };
        value.ok_or_else(|| self.wrong())
    }
}

fn double(text: &str) -> Option<Value> {
    Some(Value::Double(Double(match text {
        "INF" => f64::INFINITY,
        "-INF" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        text if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => text.parse().ok()?,
        _ => return None,
    })))
}

/// Reads a decimal exactly, or not at all.
pub(crate) fn decimal(text: &str) -> Option<Value> {
    let exact = Decimal::from_str_exact(text).ok();
    exact
        .or_else(|| {
            text.contains(['e', 'E'])
                .then(|| Decimal::from_scientific(text).ok())?
        })
        .map(Value::Decimal)
}

/// Reads base64url as OData asks for, or plain base64 as some services write.
fn binary(text: &str) -> Option<Vec<u8>> {
    let strict = crate::syntax::base64url(text);
    strict.or_else(|| STANDARD.decode(text).ok())
}

fn sorted(mut codes: Vec<String>) -> Vec<String> {
    codes.sort();
    codes.dedup();
    codes
}

/// Makes a lookup of a key as it stands in a body.
pub(super) fn lookup(target: &Target, text: &str) -> Value {
    let id = match Uuid::try_parse(text) {
        Ok(id) if target.key == TargetKey::Guid => RecordId::guid(id),
        _ => RecordId::from_canonical(text),
    };
    Value::Lookup(Lookup {
        entity: target.entity.clone(),
        id,
        name: None,
    })
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if !matches!(self.slot.kind, SlotKind::Decimal | SlotKind::Double) {
            return deserializer.deserialize_any(self);
        }
        // The text of the number, before the JSON reader makes something inexact of it.
        let raw = <&RawValue as de::Deserialize>::deserialize(deserializer)?.get();
        if raw == "null" {
            return Ok(Value::Null);
        }
        let text = raw
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(raw);
        self.text(text)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        if matches!(self.slot.kind, SlotKind::Bool) {
            Ok(Value::Bool(value))
        } else {
            Err(self.wrong())
        }
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.integer(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value).map_or_else(|_| Err(self.wrong()), |value| self.integer(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        match self.slot.kind {
            // 5.0 and 5e0 are whole numbers, as long as a double holds them exactly.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "checked to be whole and small enough"
            )]
            SlotKind::Int { .. } if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 => {
                self.integer(value as i64)
            }
            _ => Err(self.wrong()),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        if !matches!(self.slot.kind, SlotKind::Choices { .. }) {
            return Err(self.wrong());
        }
        let mut codes = Vec::new();
        while let Some(code) = items.next_element::<String>()? {
            if codes.len() >= 10_000 {
                return Err(fail(self.reason, PayloadError::Limit("options")));
            }
            codes.push(code);
        }
        Ok(Value::Choices(sorted(codes)))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        Err(self.wrong())
    }
}
