//! What fits a schema: checks and conversions that every store carries out alike.

use driftless_record::sql::{self, Stored, StoredRef};
use driftless_record::{EntitySchema, FieldKind, FieldName, FieldSchema, Schema, Value};

use crate::StoreError;

/// Checks that a schema can be stored: every entity under its own name, with a key of fields that it has, and no two
/// fields of one name.
///
/// # Errors
/// [`StoreError::Unfit`] with the entity.
pub fn check_schema(schema: &Schema) -> Result<(), StoreError> {
    for (name, entity) in &schema.entities {
        let unfit = |why: &str| StoreError::Unfit(format!("entity {name} {why}"));
        if *name != entity.name {
            return Err(unfit("is listed under another name"));
        }
        if entity.key.is_empty() || entity.key.iter().any(|field| entity.field(field).is_none()) {
            return Err(unfit("has no key among its fields"));
        }
        let mut names: Vec<_> = entity.fields.iter().map(|field| &field.name).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(unfit("has two fields of one name"));
        }
    }
    Ok(())
}

/// Returns the name under which a field's values are in a table so far: its own, or the latest former name that is there
/// and that no other field goes by now. `is_there` tells whether the table has a field of a name.
pub fn former_name<'a>(
    entity: &EntitySchema,
    field: &'a FieldSchema,
    is_there: impl Fn(&FieldName) -> bool,
) -> &'a FieldName {
    let former = field.former_names.iter();
    let free = |name: &&FieldName| is_there(name) && entity.field(name).is_none();
    match is_there(&field.name) {
        true => &field.name,
        false => former.into_iter().find(free).unwrap_or(&field.name),
    }
}

/// Returns a value as a field of a kind keeps it: what every store gives back for it.
///
/// # Errors
/// [`StoreError::Unfit`] if the field cannot keep it. The value is not in the text.
pub fn fit(kind: &FieldKind, value: &Value) -> Result<Value, StoreError> {
    kept(kind, value).map_err(StoreError::Unfit)
}

fn kept(kind: &FieldKind, value: &Value) -> Result<Value, String> {
    let mut parts = Vec::new();
    sql::encode(kind, value, &mut parts).map_err(|error| error.to_string())?;
    let parts: Vec<StoredRef<'_>> = parts.iter().map(Stored::as_ref).collect();
    sql::decode(kind, &parts).map_err(|error| error.to_string())
}

/// Returns what becomes of a value when its field takes another kind; `None` if the new kind has no such value.
#[must_use]
pub fn convert(value: &Value, kind: &FieldKind) -> Option<Value> {
    if let Ok(value) = kept(kind, value) {
        return Some(value);
    }
    let text = match value {
        Value::Null | Value::Binary(_) | Value::File(_) | Value::Lookup(_) | Value::Choices(_) => {
            return None;
        }
        other => other.to_string(),
    };
    let value = match kind {
        FieldKind::Text { .. } => Value::Text(text),
        FieldKind::Choice { .. } => Value::Choice(text),
        FieldKind::Choices { .. } => Value::Choices(vec![text]),
        FieldKind::Bool => Value::Bool(text.parse().ok()?),
        FieldKind::Int { .. } => Value::Int(text.parse().ok()?),
        FieldKind::Decimal { .. } | FieldKind::Money { .. } => Value::Decimal(text.parse().ok()?),
        FieldKind::Double => Value::double(text.parse().ok()?),
        FieldKind::Date => Value::Date(text.parse().ok()?),
        FieldKind::Time => Value::Time(text.parse().ok()?),
        FieldKind::DateTime => Value::DateTime(text.parse().ok()?),
        FieldKind::Duration => Value::Duration(text.parse().ok()?),
        FieldKind::Guid => Value::Guid(text.parse().ok()?),
        FieldKind::Binary { .. } | FieldKind::Lookup { .. } | FieldKind::File => return None,
    };
    kept(kind, &value).ok()
}
