//! Links to records inside bodies: `Accounts(…)`, `@odata.id`, `@odata.bind`.

use driftless_record::{DateTime, EntitySchema, FieldKind, Lookup, RecordId, Value};

use crate::syntax::{self, Form, KeyPredicate, KeyValue, Literal};

/// Writes the path of a record relative to the service root, such as `Accounts(0b5c…)`.
///
/// Returns `None` if the id is not one of the entity.
#[must_use]
pub fn record_link(entity: &EntitySchema, id: &RecordId) -> Option<String> {
    let values = id.key_values(entity).ok()?;
    let literals = values.iter().map(key_literal);
    let key = match entity.key.as_slice() {
        [_] => KeyPredicate::Single(literals.into_iter().next()??),
        names => {
            let parts: Option<Vec<_>> = names
                .iter()
                .zip(literals)
                .map(|(name, literal)| Some((name.to_string(), literal?)))
                .collect();
            KeyPredicate::Named(parts?)
        }
    };
    Some(format!("{}{}", entity.set, syntax::to_segment(&key)))
}

fn key_literal(value: &Value) -> Option<KeyValue> {
    Some(KeyValue::Literal(match value {
        Value::Guid(id) => Literal::Guid(*id),
        Value::Int(number) => Literal::Number(number.to_string()),
        Value::Decimal(number) => Literal::Number(number.to_string()),
        Value::Bool(value) => Literal::Bool(*value),
        Value::Date(date) => Literal::Date(date.to_string()),
        Value::Time(time) => Literal::Time(time.to_string()),
        Value::DateTime(time) => Literal::DateTime(time.to_string()),
        Value::Text(text) | Value::Choice(text) => Literal::Text(text.clone()),
        Value::Lookup(lookup) => lookup_literal(lookup),
        _ => return None,
    }))
}

/// The key of a lookup as it would be written for its target: guids and numbers without quotes.
fn lookup_literal(lookup: &Lookup) -> Literal {
    let text = lookup.id.as_str();
    match (text.parse(), text.parse::<i64>()) {
        (Ok(id), _) => Literal::Guid(id),
        (_, Ok(number)) => Literal::Number(number.to_string()),
        _ => Literal::Text(text.to_owned()),
    }
}

/// Reads the id of a record from a link to it: absolute, relative or only `Set(key)`.
///
/// The entity is not held against the link: links may begin with another set that has the same records.
#[must_use]
pub fn link_id(entity: &EntitySchema, link: &str) -> Option<RecordId> {
    let path = link.split(['?', '#']).next()?;
    let last = path.rsplit('/').next()?;
    // A key as a segment of its own: Accounts/42.
    let Some(open) = last.find('(').or_else(|| last.find("%28")) else {
        let text = percent_encoding::percent_decode_str(last).decode_utf8().ok()?;
        return RecordId::parse(entity, &text).ok();
    };
    let key = syntax::parse_key(last.get(open..)?, Form::Path).ok()?;
    key_id(entity, &key)
}

/// Makes the id of a record from a key predicate; `None` if it is not a key of the entity.
#[must_use]
pub fn key_id(entity: &EntitySchema, key: &KeyPredicate) -> Option<RecordId> {
    let value = |name: &driftless_record::FieldName, value: &KeyValue| match value {
        KeyValue::Literal(literal) => key_part(&entity.field(name)?.kind, literal),
        KeyValue::Alias(_) => None,
    };
    let values: Option<Vec<Value>> = match key {
        KeyPredicate::Single(part) => match entity.key.as_slice() {
            [one] => Some(vec![value(one, part)?]),
            _ => None,
        },
        KeyPredicate::Named(parts) if parts.len() == entity.key.len() => entity
            .key
            .iter()
            .map(|name| value(name, &parts.iter().find(|(part, _)| part == name.as_str())?.1))
            .collect(),
        KeyPredicate::Segments(parts) => match (entity.key.as_slice(), parts.as_slice()) {
            ([_], [part]) => return RecordId::parse(entity, part).ok(),
            _ => None,
        },
        KeyPredicate::Named(_) => None,
    };
    RecordId::from_key(entity, &values?).ok()
}

fn key_part(kind: &FieldKind, literal: &Literal) -> Option<Value> {
    Some(match (kind, literal) {
        (FieldKind::Guid, Literal::Guid(id)) => Value::Guid(*id),
        (FieldKind::Guid, Literal::Text(text)) => Value::Guid(text.parse().ok()?),
        (FieldKind::Int { .. }, Literal::Number(text)) => Value::Int(text.parse().ok()?),
        (FieldKind::Decimal { .. } | FieldKind::Money { .. }, Literal::Number(text)) => {
            Value::Decimal(text.parse().ok()?)
        }
        (FieldKind::Bool, Literal::Bool(value)) => Value::Bool(*value),
        (FieldKind::Date, Literal::Date(text)) => Value::Date(text.parse().ok()?),
        (FieldKind::Time, Literal::Time(text)) => Value::Time(text.parse().ok()?),
        (FieldKind::DateTime, Literal::DateTime(text)) => Value::DateTime(text.parse::<DateTime>().ok()?),
        (FieldKind::Text { .. }, Literal::Text(text)) => Value::Text(text.clone()),
        (FieldKind::Choice { .. }, Literal::Text(text)) => Value::Choice(text.clone()),
        (FieldKind::Choice { .. }, Literal::Enum { members, .. }) => Value::Choice(members.first()?.clone()),
        (FieldKind::Lookup { targets }, literal) => {
            let text = match literal {
                Literal::Guid(id) => id.to_string(),
                Literal::Number(text) | Literal::Text(text) => text.clone(),
                _ => return None,
            };
            Value::Lookup(Lookup {
                entity: targets.first()?.clone(),
                id: RecordId::from_canonical(&text),
                name: None,
            })
        }
        _ => return None,
    })
}
