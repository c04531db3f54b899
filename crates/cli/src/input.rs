//! What a person types as `name=value`, read by the schema.

mod rule;
mod seconds;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use driftless_engine::{EngineError, FieldProblem, closest};
use driftless_record::value::Lookup;
use driftless_record::{
    ChoiceOption, CommandSchema, EntityName, EntitySchema, FieldKind, FieldName, FieldSchema, Fields,
    RecordId, Schema, Side, Value,
};
use rust_decimal::Decimal;

use crate::error::CliError;

pub(crate) use rule::{rule, rule_name};
pub(crate) use seconds::seconds;

/// Reads pairs of `name=value` as fields of an entity. Whether the values may be set is the engine's to say.
///
/// # Errors
/// Wrong usage if a pair is none; otherwise everything that is wrong with the names and values, at once.
pub(crate) fn fields(schema: &Schema, entity: &EntitySchema, pairs: &[String]) -> Result<Fields, CliError> {
    let (fields, problems) = read(schema, entity, pairs)?;
    if problems.is_empty() {
        return Ok(fields);
    }
    let entity = entity.name.to_string();
    Err(EngineError::Invalid { entity, problems }.into())
}

/// Reads pairs of `name=value` as parameters of a command.
///
/// # Errors
/// As those of [`fields`].
pub(crate) fn parameters(
    schema: &Schema,
    entity: &EntitySchema,
    command: &CommandSchema,
    pairs: &[String],
) -> Result<Fields, CliError> {
    let mut given = EntitySchema::new(entity.name.clone());
    for parameter in &command.parameters {
        given.add(parameter.clone());
    }
    let (fields, problems) = read(schema, &given, pairs)?;
    if problems.is_empty() {
        return Ok(fields);
    }
    let command = command.name.to_string();
    Err(EngineError::Parameters { command, problems }.into())
}

fn read(
    schema: &Schema,
    entity: &EntitySchema,
    pairs: &[String],
) -> Result<(Fields, Vec<FieldProblem>), CliError> {
    let mut fields = Fields::new();
    let mut problems = Vec::new();
    for pair in pairs {
        let Some((name, text)) = pair.split_once('=') else {
            return Err(CliError::usage(format!("`{pair}` is not of the form name=value"))
                .hint("for example: name='Northern Lights Ltd' city=Oslo; quote values that hold spaces"));
        };
        let Some(field) = find(entity, name) else {
            problems.push(unknown(entity, name));
            continue;
        };
        match value(schema, field, text) {
            Ok(value) => {
                if fields.insert(field.name.clone(), value).is_some() {
                    return Err(CliError::usage(format!("`{}` is given twice", field.name)));
                }
            }
            Err(expected) => problems.push(FieldProblem::Value {
                field: field.name.to_string(),
                expected,
            }),
        }
    }
    Ok((fields, problems))
}

/// Finds a field of an entity by what a person calls it.
///
/// # Errors
/// That there is none.
pub(crate) fn field_name(entity: &EntitySchema, name: &str) -> Result<FieldName, CliError> {
    let found = find(entity, name).map(|field| field.name.clone());
    found.ok_or_else(|| {
        let problems = vec![unknown(entity, name)];
        let entity = entity.name.to_string();
        EngineError::Invalid { entity, problems }.into()
    })
}

/// Reads pairs of `name=mine` and `name=theirs`.
///
/// # Errors
/// Wrong usage if a pair is none, or that there is no such field.
pub(crate) fn sides(entity: &EntitySchema, pairs: &[String]) -> Result<BTreeMap<FieldName, Side>, CliError> {
    let side = |pair: &String| {
        let (name, side) = match pair.split_once('=') {
            Some((name, "mine")) => (name, Side::Mine),
            Some((name, "theirs")) => (name, Side::Theirs),
            Some(_) | None => {
                return Err(CliError::usage(format!("`{pair}` is not of the form name=side"))
                    .hint("a side is `mine` or `theirs`, for example: city=mine phone=theirs"));
            }
        };
        Ok((field_name(entity, name)?, side))
    };
    let mut sides = BTreeMap::new();
    for pair in pairs {
        let (name, side) = side(pair)?;
        if sides.insert(name.clone(), side).is_some() {
            return Err(CliError::usage(format!("`{name}` is given twice")));
        }
    }
    Ok(sides)
}

/// Finds a field by its name, ignoring ASCII case if nothing matches exactly. A lookup is also found without the `_id`
/// at its end.
fn find<'a>(entity: &'a EntitySchema, name: &str) -> Option<&'a FieldSchema> {
    let only = |same: &dyn Fn(&FieldSchema) -> bool| {
        let mut found = entity.fields.iter().filter(|field| same(field));
        found.next().filter(|_| found.next().is_none())
    };
    let lookup = format!("{name}_id");
    entity
        .field(name)
        .or_else(|| only(&|field| field.name.as_str().eq_ignore_ascii_case(name)))
        .or_else(|| {
            only(&|field| {
                matches!(field.kind, FieldKind::Lookup { .. })
                    && field.name.as_str().eq_ignore_ascii_case(&lookup)
            })
        })
}

fn unknown(entity: &EntitySchema, name: &str) -> FieldProblem {
    FieldProblem::Unknown {
        field: name.to_owned(),
        close: closest(name, entity.fields.iter().map(|f| f.name.as_str())),
    }
}

/// Reads a value of a field; the error is what was expected, in words.
fn value(schema: &Schema, field: &FieldSchema, text: &str) -> Result<Value, String> {
    let is_text = matches!(field.kind, FieldKind::Text { .. });
    if text == "null" || (text.is_empty() && !is_text) {
        return Ok(Value::Null);
    }
    let expected = |what: &str| what.to_owned();
    match &field.kind {
        FieldKind::Text { .. } => Ok(Value::text(text)),
        FieldKind::Bool => text
            .to_ascii_lowercase()
            .parse()
            .map(Value::Bool)
            .map_err(|_| expected("true or false")),
        FieldKind::Int { .. } => text
            .parse()
            .map(Value::Int)
            .map_err(|_| expected("a whole number such as 12")),
        FieldKind::Decimal { .. } | FieldKind::Money { .. } => Decimal::from_str_exact(text)
            .map(Value::Decimal)
            .map_err(|_| expected("a decimal number such as 1234.50")),
        FieldKind::Double => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::double(number)),
            _ => Err(expected("a finite number such as 0.5")),
        },
        FieldKind::Date => text
            .parse()
            .map(Value::Date)
            .map_err(|_| expected("a date such as 2026-11-22")),
        FieldKind::Time => text
            .parse()
            .map(Value::Time)
            .map_err(|_| expected("a time of day such as 08:30:00")),
        FieldKind::DateTime => text
            .parse()
            .map(Value::DateTime)
            .map_err(|_| expected("a date-time with offset such as 2026-11-22T08:30:00Z")),
        FieldKind::Duration => text
            .parse()
            .map(Value::Duration)
            .map_err(|_| expected("a duration such as PT1H30M")),
        FieldKind::Guid => text
            .parse()
            .map(Value::Guid)
            .map_err(|_| expected("a guid such as 0b9d3c1e-0000-4000-8000-000000000001")),
        FieldKind::Binary { .. } => bytes(text)
            .map(Value::Binary)
            .ok_or_else(|| expected("bytes in base64")),
        FieldKind::Choice { options } => choice(options, text).map(Value::Choice),
        FieldKind::Choices { options } => choices(options, text).map(Value::Choices),
        FieldKind::Lookup { targets } => lookup(schema, targets, text).map(Value::Lookup),
        FieldKind::File => Err(expected(
            "a file, which this version cannot attach on the command line",
        )),
    }
}

/// Reads base64 in either alphabet, padded or not.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = text.replace('-', "+").replace('_', "/");
    GeneralPurpose::new(&STANDARD, config).decode(text).ok()
}

fn choice(options: &[ChoiceOption], text: &str) -> Result<String, String> {
    let by = |same: &dyn Fn(&ChoiceOption) -> bool| options.iter().find(|option| same(option));
    by(&|option| option.code == text)
        .or_else(|| by(&|option| option.code.eq_ignore_ascii_case(text)))
        .or_else(|| by(&|option| option.label.eq_ignore_ascii_case(text)))
        .map(|option| option.code.clone())
        .ok_or_else(|| format!("one of {}", codes(options)))
}

fn choices(options: &[ChoiceOption], text: &str) -> Result<Vec<String>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let mut chosen = parts
        .map(|part| choice(options, part))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| format!("some of {}, separated by commas", codes(options)))?;
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

fn codes(options: &[ChoiceOption]) -> String {
    let codes: Vec<_> = options.iter().map(|option| option.code.as_str()).collect();
    codes.join(", ")
}

/// Reads the id of the record that a lookup points to: `id`, or `Entity:id` where several entities are possible.
fn lookup(schema: &Schema, targets: &[EntityName], text: &str) -> Result<Lookup, String> {
    let named = text.split_once(':').and_then(|(name, id)| {
        let entity = schema.find(name)?;
        targets.contains(&entity.name).then_some((&entity.name, id))
    });
    let (target, id) = match (named, targets) {
        (Some(named), _) => named,
        (None, [only]) => (only, text),
        (None, several) => {
            let forms: Vec<_> = several.iter().map(|target| format!("{target}:ID")).collect();
            return Err(forms.join(" or "));
        }
    };
    let id = match schema.entity(target.as_str()) {
        Some(entity) => parse_id(entity, id)?,
        None => RecordId::from_canonical(id),
    };
    Ok(Lookup {
        entity: target.clone(),
        id,
        name: None,
    })
}

fn parse_id(entity: &Arc<EntitySchema>, text: &str) -> Result<RecordId, String> {
    RecordId::parse(entity, text)
        .map_err(|error| format!("the id of a record of {} ({})", entity.name, error.expected))
}

#[cfg(test)]
mod tests;
