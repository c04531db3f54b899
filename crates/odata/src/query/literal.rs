//! Literals, typed by the field they are compared with.

use driftless_record::value::Double;
use driftless_record::{ChoiceOption, DateTime, FieldKind, FieldName, Lookup, RecordId, Value};
use jiff::civil::{Date, Time};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::error::QueryTextError;
use crate::payload::exact_decimal;
use crate::suggest::nearest;
use crate::syntax::{self, Literal};

/// Types a literal by what it looks like.
pub(super) fn alone(literal: &Literal) -> Result<Value, QueryTextError> {
    let value = match literal {
        Literal::Null => Some(Value::Null),
        Literal::Bool(value) => Some(Value::Bool(*value)),
        Literal::Number(text) => number(text),
        Literal::Guid(id) => Some(Value::Guid(*id)),
        Literal::Date(text) => text.parse().ok().map(Value::Date),
        Literal::Time(text) => text.parse().ok().map(Value::Time),
        Literal::DateTime(text) => date_time(text).map(Value::DateTime),
        Literal::Duration(text) => text.parse().ok().map(Value::Duration),
        Literal::Text(text) => Some(Value::Text(text.clone())),
        Literal::Binary(bytes) => Some(Value::Binary(bytes.clone())),
        Literal::Enum { members, .. } => match members.as_slice() {
            [one] => Some(Value::Choice(one.clone())),
            many => Some(choices(many.iter().map(String::as_str))),
        },
    };
    value.ok_or(QueryTextError::Unsupported(
        "a number, date or time outside the range of its type",
    ))
}

fn number(text: &str) -> Option<Value> {
    if let Ok(number) = text.parse() {
        return Some(Value::Int(number));
    }
    if let Some(value) = exact_decimal(text) {
        return Some(value);
    }
    double(text).map(Value::double)
}

fn double(text: &str) -> Option<f64> {
    match text {
        "INF" => Some(f64::INFINITY),
        "-INF" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        text => text.parse().ok(),
    }
}

fn date_time(text: &str) -> Option<DateTime> {
    text.parse().ok().or_else(|| {
        let (minute, offset) = text.split_at_checked(16)?;
        format!("{minute}:00{offset}").parse().ok()
    })
}

/// Types a literal for a field.
pub(super) fn for_field(
    literal: &Literal,
    field: &FieldName,
    kind: &FieldKind,
) -> Result<Value, QueryTextError> {
    if *literal == Literal::Null {
        return Ok(Value::Null);
    }
    let (value, expected) = match kind {
        FieldKind::Choice { options } => return choice(literal, field, options),
        FieldKind::Choices { options } => return several(literal, field, options),
        FieldKind::Bool => (boolean(literal), "true or false"),
        FieldKind::Int { .. } => (whole(literal), "a number such as 42"),
        FieldKind::Decimal { .. } | FieldKind::Money { .. } => (decimal(literal), "a number such as 12.50"),
        FieldKind::Double => (floating(literal), "a number such as 1.5"),
        FieldKind::Text { .. } => (text(literal), "text in single quotes such as 'abc'"),
        FieldKind::Date => (date(literal), "a date such as 2026-11-22"),
        FieldKind::Time => (
            parsed::<Time>(literal).map(Value::Time),
            "a time such as 08:30:00",
        ),
        FieldKind::DateTime => (instant(literal), "a date-time such as 2026-11-22T08:30:00Z"),
        FieldKind::Duration => (
            parsed(literal).map(Value::Duration),
            "a duration such as duration'P1DT2H'",
        ),
        FieldKind::Guid => (parsed::<Uuid>(literal).map(Value::Guid), "a guid"),
        FieldKind::Binary { .. } => (binary(literal), "bytes such as binary'Zm9v'"),
        FieldKind::Lookup { targets } => {
            let id = parsed_id(literal);
            let value = id.zip(targets.first()).map(|(id, target)| {
                Value::Lookup(Lookup {
                    entity: target.clone(),
                    id,
                    name: None,
                })
            });
            (value, "the key of a record")
        }
        FieldKind::File => (None, "null: files can only be compared with null"),
    };
    value.ok_or_else(|| QueryTextError::Literal {
        field: field.to_string(),
        expected,
    })
}

/// Parses a literal's own text, quoted or not: people quote guids and dates.
fn parsed<T: std::str::FromStr>(literal: &Literal) -> Option<T> {
    match literal {
        Literal::Date(text)
        | Literal::Time(text)
        | Literal::DateTime(text)
        | Literal::Duration(text)
        | Literal::Text(text) => text.parse().ok(),
        Literal::Guid(id) => id.to_string().parse().ok(),
        _ => None,
    }
}

fn boolean(literal: &Literal) -> Option<Value> {
    match literal {
        Literal::Bool(value) => Some(Value::Bool(*value)),
        _ => None,
    }
}

fn whole(literal: &Literal) -> Option<Value> {
    match literal {
        Literal::Number(text) => number(text),
        _ => None,
    }
}

fn decimal(literal: &Literal) -> Option<Value> {
    match literal {
        Literal::Number(text) => exact_decimal(text).or_else(|| double(text).map(Value::double)),
        _ => None,
    }
}

fn floating(literal: &Literal) -> Option<Value> {
    match literal {
        Literal::Number(text) => double(text).map(|number| Value::Double(Double(number))),
        _ => None,
    }
}

fn text(literal: &Literal) -> Option<Value> {
    match literal {
        Literal::Text(text) => Some(Value::Text(text.clone())),
        _ => None,
    }
}

fn date(literal: &Literal) -> Option<Value> {
    parsed::<Date>(literal).map(Value::Date)
}

/// A date alone means its first moment in UTC.
fn instant(literal: &Literal) -> Option<Value> {
    match literal {
        Literal::DateTime(text) => date_time(text),
        Literal::Date(text) => format!("{text}T00:00:00Z").parse().ok(),
        Literal::Text(text) => date_time(text).or_else(|| format!("{text}T00:00:00Z").parse().ok()),
        _ => None,
    }
    .map(Value::DateTime)
}

fn binary(literal: &Literal) -> Option<Value> {
    match literal {
        Literal::Binary(bytes) => Some(Value::Binary(bytes.clone())),
        _ => None,
    }
}

fn parsed_id(literal: &Literal) -> Option<RecordId> {
    match literal {
        Literal::Guid(id) => Some(RecordId::guid(*id)),
        Literal::Number(text) => text
            .parse::<i64>()
            .ok()
            .map(|number| RecordId::from_canonical(&number.to_string())),
        Literal::Text(text) => Some(
            text.parse()
                .map_or_else(|_| RecordId::from_canonical(text), RecordId::guid),
        ),
        _ => None,
    }
}

/// Finds the code of an option by code or number.
fn code(text: &str, field: &FieldName, options: &[ChoiceOption]) -> Result<String, QueryTextError> {
    if options.is_empty() || options.iter().any(|option| option.code == text) {
        return Ok(text.to_owned());
    }
    let number: Option<i64> = text.parse().ok();
    if let Some(option) = options
        .iter()
        .find(|option| option.number.is_some() && option.number == number)
    {
        return Ok(option.code.clone());
    }
    let codes = options.iter().map(|option| option.code.as_str());
    Err(QueryTextError::UnknownOption {
        field: field.to_string(),
        suggestion: nearest(text, codes).map(str::to_owned),
    })
}

fn choice(literal: &Literal, field: &FieldName, options: &[ChoiceOption]) -> Result<Value, QueryTextError> {
    let text = match literal {
        Literal::Text(text) | Literal::Number(text) => text,
        Literal::Enum { members, .. } if members.len() == 1 => &members[0],
        _ => {
            let expected = "the code of one option such as 'open'";
            return Err(QueryTextError::Literal {
                field: field.to_string(),
                expected,
            });
        }
    };
    code(text, field, options).map(Value::Choice)
}

fn several(literal: &Literal, field: &FieldName, options: &[ChoiceOption]) -> Result<Value, QueryTextError> {
    let texts: Vec<&str> = match literal {
        Literal::Text(text) => text
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .collect(),
        Literal::Number(text) => vec![text],
        Literal::Enum { members, .. } => members.iter().map(String::as_str).collect(),
        _ => {
            let expected = "codes of options such as 'a,b'";
            return Err(QueryTextError::Literal {
                field: field.to_string(),
                expected,
            });
        }
    };
    let codes: Result<Vec<String>, _> = texts.into_iter().map(|text| code(text, field, options)).collect();
    codes.map(|codes| choices(codes.iter().map(String::as_str)))
}

pub(super) fn choices<'a>(codes: impl Iterator<Item = &'a str>) -> Value {
    let mut codes: Vec<String> = codes.map(str::to_owned).collect();
    codes.sort();
    codes.dedup();
    Value::Choices(codes)
}

/// Writes a value as a literal; `None` for files.
pub(super) fn of_value(value: &Value) -> Option<Literal> {
    Some(match value {
        Value::Null => Literal::Null,
        Value::Bool(value) => Literal::Bool(*value),
        Value::Int(number) => Literal::Number(number.to_string()),
        Value::Decimal(number) => Literal::Number(written(number)),
        Value::Double(number) => Literal::Number(match number.0 {
            number if number.is_nan() => "NaN".to_owned(),
            number if number.is_infinite() => if number > 0.0 { "INF" } else { "-INF" }.to_owned(),
            number => format!("{number:e}"),
        }),
        Value::Text(text) | Value::Choice(text) => Literal::Text(text.clone()),
        Value::Date(date) => Literal::Date(date.to_string()),
        Value::Time(time) => Literal::Time(time.to_string()),
        Value::DateTime(time) => Literal::DateTime(time.to_string()),
        Value::Duration(span) => Literal::Duration(span.to_string()),
        Value::Guid(id) => Literal::Guid(*id),
        Value::Binary(bytes) => Literal::Binary(bytes.clone()),
        Value::Choices(codes) => Literal::Text(codes.join(",")),
        Value::Lookup(lookup) => {
            let text = lookup.id.as_str();
            let found = syntax::parse_literal(text, syntax::Form::Text);
            match found {
                Ok(literal @ (Literal::Guid(_) | Literal::Number(_))) => literal,
                _ => Literal::Text(text.to_owned()),
            }
        }
        Value::File(_) => return None,
    })
}

/// A decimal that reads back as a decimal: with a point.
fn written(number: &Decimal) -> String {
    let text = number.to_string();
    if text.contains('.') {
        text
    } else {
        format!("{text}.0")
    }
}
