//! Values, records, operations and log entries as JSON: the shapes in docs/cli.md.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use driftless_record::{EntitySchema, FieldKind, FieldName, Fields, Timestamp, Value};
use serde_json::{Map, Value as Json, json};

/// Writes a value as its field is typed: numbers, booleans and texts as such, decimals as text, a lookup as the id of
/// its target (as `Entity:id` where several entities are possible).
pub(crate) fn value(kind: Option<&FieldKind>, value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(v) => json!(v),
        Value::Int(v) => json!(v),
        Value::Double(v) if v.0.is_finite() => json!(v.0),
        Value::Double(v) if v.0.is_nan() => json!("NaN"),
        Value::Double(v) => json!(if v.0 > 0.0 { "INF" } else { "-INF" }),
        Value::Binary(bytes) => json!(URL_SAFE_NO_PAD.encode(bytes)),
        Value::Choices(codes) => json!(codes),
        Value::Lookup(lookup) => match kind {
            Some(FieldKind::Lookup { targets }) if targets.len() == 1 => json!(lookup.id.as_str()),
            _ => json!(format!("{}:{}", lookup.entity, lookup.id)),
        },
        Value::File(file) => json!({ "name": file.name, "media_type": file.media_type, "size": file.size }),
        Value::Decimal(_)
        | Value::Text(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::DateTime(_)
        | Value::Duration(_)
        | Value::Guid(_)
        | Value::Choice(_) => json!(value.to_string()),
    }
}

/// Writes a field's value; `entity` is absent when the schema no longer has it.
pub(crate) fn field(entity: Option<&EntitySchema>, name: &FieldName, of: &Value) -> Json {
    let kind = entity
        .and_then(|entity| entity.field(name))
        .map(|field| &field.kind);
    value(kind, of)
}

/// Writes fields as an object.
pub(crate) fn fields(entity: Option<&EntitySchema>, fields: &Fields) -> Json {
    let pairs = fields
        .iter()
        .map(|(name, value)| (name.to_string(), field(entity, name, value)));
    Json::Object(pairs.collect::<Map<_, _>>())
}

/// Writes the display names of the targets of lookups, where they are known.
pub(crate) fn names(fields: &Fields) -> Json {
    let named = fields.iter().filter_map(|(field, value)| match value {
        Value::Lookup(lookup) => Some((field.to_string(), json!(lookup.name.as_ref()?))),
        _ => None,
    });
    Json::Object(named.collect::<Map<_, _>>())
}

/// Writes a point in time.
pub(crate) fn time(time: Timestamp) -> Json {
    json!(time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use driftless_record::value::Lookup;
    use driftless_record::{EntityName, RecordId};

    #[test]
    fn values_are_typed_and_exact() {
        let to = |targets: &[&str]| FieldKind::Lookup {
            targets: targets
                .iter()
                .map(|name| EntityName::parse(name).unwrap())
                .collect(),
        };
        let lookup = Value::Lookup(Lookup {
            entity: EntityName::parse("Account").unwrap(),
            id: RecordId::from_canonical("7"),
            name: None,
        });
        for (kind, of, want) in [
            (None, Value::Null, json!(null)),
            (None, Value::Int(i64::MAX), json!(i64::MAX)),
            (None, Value::Decimal("1.50".parse().unwrap()), json!("1.50")),
            (None, Value::double(0.5), json!(0.5)),
            (None, Value::double(f64::INFINITY), json!("INF")),
            (None, Value::Binary(vec![255, 239]), json!("_-8")),
            (None, Value::Choices(vec!["a".to_owned()]), json!(["a"])),
            (Some(to(&["Account"])), lookup.clone(), json!("7")),
            (Some(to(&["Account", "Contact"])), lookup, json!("Account:7")),
        ] {
            assert_eq!(value(kind.as_ref(), &of), want);
        }
    }
}
