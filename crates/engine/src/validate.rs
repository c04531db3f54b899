//! Checks the fields of an edit against the schema, before anything is saved.

use driftless_record::{CommandSchema, EntitySchema, FieldKind, FieldSchema, Fields, Value};

use crate::FieldProblem;
use crate::names::closest;

/// What the fields are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Create,
    Update,
}

/// Returns everything that is wrong with the fields of an edit.
pub(crate) fn problems(entity: &EntitySchema, fields: &Fields, purpose: Purpose) -> Vec<FieldProblem> {
    let mut found = Vec::new();
    for (name, value) in fields {
        let text = || name.to_string();
        let Some(field) = entity.field(name) else {
            let close = closest(name.as_str(), entity.fields.iter().map(|f| f.name.as_str()));
            found.push(FieldProblem::Unknown { field: text(), close });
            continue;
        };
        let is_key = entity.is_key(name);
        if is_key && purpose == Purpose::Update {
            found.push(FieldProblem::Key { field: text() });
            continue;
        }
        if field.read_only || field.server_made {
            found.push(FieldProblem::ReadOnly { field: text() });
        } else if (value.is_null() && (!field.nullable || field.required))
            || (is_key && *value == Value::text(""))
        {
            found.push(FieldProblem::NotNullable { field: text() });
        } else if let Some(expected) = misfit(&field.kind, value) {
            found.push(FieldProblem::Value {
                field: text(),
                expected,
            });
        }
    }
    if purpose == Purpose::Create {
        found.extend(missing(entity, fields).map(|field| FieldProblem::Required {
            field: field.name.to_string(),
        }));
    }
    found
}

/// Returns everything that is wrong with what a command is given.
pub(crate) fn parameter_problems(command: &CommandSchema, parameters: &Fields) -> Vec<FieldProblem> {
    let mut found = Vec::new();
    for (name, value) in parameters {
        let text = || name.to_string();
        let Some(parameter) = command.parameter(name.as_str()) else {
            let known = command.parameters.iter().map(|p| p.name.as_str());
            found.push(FieldProblem::Unknown {
                field: text(),
                close: closest(name.as_str(), known),
            });
            continue;
        };
        if value.is_null() && (parameter.required || !parameter.nullable) {
            found.push(FieldProblem::NotNullable { field: text() });
        } else if let Some(expected) = misfit(&parameter.kind, value) {
            found.push(FieldProblem::Value {
                field: text(),
                expected,
            });
        }
    }
    let missing = command
        .parameters
        .iter()
        .filter(|p| p.required && !parameters.contains_key(&p.name));
    found.extend(missing.map(|parameter| FieldProblem::Required {
        field: parameter.name.to_string(),
    }));
    found
}

fn missing<'a>(entity: &'a EntitySchema, fields: &'a Fields) -> impl Iterator<Item = &'a FieldSchema> {
    entity.fields.iter().filter(move |field| {
        let needed = field.required || (entity.is_key(&field.name) && entity.guid_key() != Some(&field.name));
        needed && !field.server_made && !fields.contains_key(&field.name)
    })
}

/// Returns what a value of the kind must be, if the value is not one.
pub(crate) fn misfit(kind: &FieldKind, value: &Value) -> Option<String> {
    let (fits, expected) = match (kind, value) {
        (_, Value::Null) => return None,
        (FieldKind::Bool, value) => (matches!(value, Value::Bool(_)), "true or false".to_owned()),
        (FieldKind::Int { bits }, value) => {
            let bits = (*bits).clamp(8, 64);
            let (min, max) = (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits));
            (
                matches!(value, Value::Int(v) if (min..=max).contains(v)),
                format!("a whole number from {min} to {max}"),
            )
        }
        (FieldKind::Decimal { precision, scale }, value) => (
            decimal_fits(value, *precision, *scale),
            decimal_words(*precision, *scale),
        ),
        (FieldKind::Money { scale, .. }, value) => (
            decimal_fits(value, None, Some(*scale)),
            decimal_words(None, Some(*scale)),
        ),
        (FieldKind::Double, value) => (matches!(value, Value::Double(_)), "a number".to_owned()),
        (FieldKind::Text { max_chars: Some(max) }, Value::Text(text)) => (
            text.chars().count() <= *max as usize,
            format!("text of at most {max} characters"),
        ),
        (FieldKind::Text { .. }, value) => (matches!(value, Value::Text(_)), "text".to_owned()),
        (FieldKind::Date, value) => (matches!(value, Value::Date(_)), "a date (2026-11-22)".to_owned()),
        (FieldKind::Time, value) => (
            matches!(value, Value::Time(_)),
            "a time of day (08:30:00)".to_owned(),
        ),
        (FieldKind::DateTime, value) => (
            matches!(value, Value::DateTime(_)),
            "a date-time with offset (2026-11-22T08:30:00Z)".to_owned(),
        ),
        (FieldKind::Duration, value) => (
            matches!(value, Value::Duration(_)),
            "a duration (PT1H30M)".to_owned(),
        ),
        (FieldKind::Guid, value) => (matches!(value, Value::Guid(_)), "a guid".to_owned()),
        (FieldKind::Binary { max_bytes }, value) => {
            let limit = max_bytes.map_or(usize::MAX, |max| max as usize);
            (
                matches!(value, Value::Binary(bytes) if bytes.len() <= limit),
                format!("at most {limit} bytes"),
            )
        }
        (FieldKind::Choice { options }, value) => {
            let known = matches!(value, Value::Choice(code) if options.iter().any(|o| o.code == *code));
            (known, format!("one of {}", codes(options)))
        }
        (FieldKind::Choices { options }, value) => {
            let known = matches!(value, Value::Choices(codes)
                if codes.iter().all(|code| options.iter().any(|o| o.code == *code)));
            (known, format!("some of {}", codes(options)))
        }
        (FieldKind::Lookup { targets }, value) => {
            let names: Vec<_> = targets.iter().map(ToString::to_string).collect();
            (
                matches!(value, Value::Lookup(to) if targets.contains(&to.entity)),
                format!("the id of a record of {}", names.join(" or ")),
            )
        }
        (FieldKind::File, value) => (matches!(value, Value::File(_)), "a file".to_owned()),
    };
    (!fits).then_some(expected)
}

fn decimal_fits(value: &Value, precision: Option<u8>, scale: Option<u8>) -> bool {
    let Value::Decimal(number) = value else {
        return false;
    };
    let number = number.normalize();
    let digits = number
        .mantissa()
        .unsigned_abs()
        .checked_ilog10()
        .map_or(1, |log| log + 1);
    let whole_digits = digits.saturating_sub(number.scale());
    scale.is_none_or(|scale| number.scale() <= u32::from(scale))
        && precision.is_none_or(|all| whole_digits <= u32::from(all.saturating_sub(scale.unwrap_or(0))))
}

fn decimal_words(precision: Option<u8>, scale: Option<u8>) -> String {
    match (precision, scale) {
        (Some(p), Some(s)) => format!("a decimal number of at most {p} digits, {s} of them after the point"),
        (None, Some(s)) => format!("a decimal number with at most {s} digits after the point"),
        (Some(p), None) => format!("a decimal number of at most {p} digits"),
        (None, None) => "a decimal number".to_owned(),
    }
}

fn codes(options: &[driftless_record::ChoiceOption]) -> String {
    options
        .iter()
        .map(|option| option.code.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
