//! Whether values fit their fields.

use driftless_record::{EntitySchema, FieldKind, FieldSchema, Fields, Value};
use rust_decimal::Decimal;

use crate::reply::Refusal;

/// Checks what a client wants to create, with what the server has added.
pub(crate) fn create(entity: &EntitySchema, fields: &Fields) -> Result<(), Refusal> {
    let mut faults = faults(entity, fields);
    for field in &entity.fields {
        let must = field.required || entity.is_key(&field.name) || (!field.nullable && !field.server_made);
        if must && fields.get(&field.name).is_none_or(Value::is_null) {
            faults.push(required(field));
        }
    }
    Refusal::of_faults(faults).map_or(Ok(()), Err)
}

/// Checks what a client wants to change.
pub(crate) fn update(entity: &EntitySchema, fields: &Fields) -> Result<(), Refusal> {
    let mut faults = faults(entity, fields);
    for field in &entity.fields {
        if (field.required || !field.nullable) && fields.get(&field.name).is_some_and(Value::is_null) {
            faults.push(required(field));
        }
    }
    Refusal::of_faults(faults).map_or(Ok(()), Err)
}

fn required(field: &FieldSchema) -> Refusal {
    Refusal::bad("Required", format!("`{}` needs a value", field.name)).target(field.name.to_string())
}

fn faults(entity: &EntitySchema, fields: &Fields) -> Vec<Refusal> {
    let mut faults = Vec::new();
    for (name, value) in fields {
        let Some(field) = entity.field(name) else {
            continue;
        };
        if let Some((code, message)) = fault(field, value) {
            faults.push(Refusal::bad(code, message).target(name.to_string()));
        }
    }
    faults
}

/// Returns what is wrong with a value, if it is of its field's kind at all.
fn fault(field: &FieldSchema, value: &Value) -> Option<(&'static str, String)> {
    let name = &field.name;
    match (&field.kind, value) {
        (FieldKind::Text { max_chars }, Value::Text(text)) => {
            if text.contains('\0') {
                return Some((
                    "InvalidValue",
                    format!("`{name}` has a character that cannot be kept (U+0000)"),
                ));
            }
            let most = (*max_chars)?;
            let count = text.chars().count();
            (count > most as usize).then(|| {
                (
                    "TooLong",
                    format!("`{name}` has {count} characters, at most {most} are allowed"),
                )
            })
        }
        (
            FieldKind::Binary {
                max_bytes: Some(most),
            },
            Value::Binary(bytes),
        ) => (bytes.len() > *most as usize).then(|| {
            (
                "TooLong",
                format!("`{name}` has {} bytes, at most {most} are allowed", bytes.len()),
            )
        }),
        (FieldKind::Int { bits }, Value::Int(number)) => {
            let bound = 1i128 << (u32::from(*bits).clamp(1, 64) - 1);
            let number = i128::from(*number);
            (number < -bound || number >= bound).then(|| {
                (
                    "OutOfRange",
                    format!("`{name}` is not a whole number of {bits} bits"),
                )
            })
        }
        (FieldKind::Decimal { precision, scale }, Value::Decimal(number)) => {
            digits_fault(*number, *precision, *scale).map(|most| ("OutOfRange", format!("`{name}` {most}")))
        }
        (FieldKind::Money { scale, .. }, Value::Decimal(number)) => {
            digits_fault(*number, Some(18), Some(*scale))
                .map(|most| ("OutOfRange", format!("`{name}` {most}")))
        }
        (FieldKind::Choice { options }, Value::Choice(code)) => (!options.is_empty()
            && options.iter().all(|option| option.code != *code))
        .then(|| ("InvalidChoice", format!("`{name}` has no such option"))),
        (FieldKind::Choices { options }, Value::Choices(codes)) => {
            let known = |code: &String| options.iter().any(|option| option.code == *code);
            (!options.is_empty() && !codes.iter().all(known))
                .then(|| ("InvalidChoice", format!("`{name}` has no such option")))
        }
        _ => None,
    }
}

fn digits_fault(number: Decimal, precision: Option<u8>, scale: Option<u8>) -> Option<String> {
    let number = number.normalize();
    if let Some(scale) = scale
        && number.scale() > u32::from(scale)
    {
        return Some(format!("has more than {scale} digits after the point"));
    }
    let precision = precision?;
    let whole = precision.saturating_sub(scale.unwrap_or(0));
    let digits = number.trunc().abs().to_string();
    let used = if digits == "0" { 0 } else { digits.len() };
    (used > usize::from(whole)).then(|| format!("has more than {whole} digits before the point"))
}

/// Returns what a field holds at first where null is no value of it and the client gave none.
pub(crate) fn default_value(kind: &FieldKind) -> Option<Value> {
    Some(match kind {
        FieldKind::Bool => Value::Bool(false),
        FieldKind::Int { .. } => Value::Int(0),
        FieldKind::Decimal { .. } | FieldKind::Money { .. } => Value::Decimal(Decimal::ZERO),
        FieldKind::Double => Value::double(0.0),
        FieldKind::Text { .. } => Value::Text(String::new()),
        FieldKind::Choice { options } => Value::Choice(options.first()?.code.clone()),
        FieldKind::Choices { .. } => Value::Choices(Vec::new()),
        _ => return None,
    })
}
