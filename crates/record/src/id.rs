//! Ids: of records, operations, people, organisations and devices.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::schema::{EntitySchema, FieldKind};
use crate::value::Value;

/// The id of a record: its key in canonical text.
///
/// For a key of one field the text is the value itself (a guid in lower case, a whole number, or the text); for a
/// composite key it is `name=value` for each key field in the schema's order, joined by commas, text values in single
/// quotes (doubled inside), as in an OData key predicate: `order=7,line='a'`. Two ids are the same record exactly if
/// their texts are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(Arc<str>);

/// Says why a key is not the key of an entity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of {entity}: expected {expected}")]
pub struct InvalidId {
    /// The entity.
    pub entity: String,
    /// What the id should look like.
    pub expected: String,
}

impl RecordId {
    /// Takes canonical text as it was made by this type before, such as from a store.
    #[must_use]
    pub fn from_canonical(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// Makes the id of a record whose key is one guid.
    #[must_use]
    pub fn guid(id: Uuid) -> Self {
        Self(Arc::from(
            id.hyphenated().encode_lower(&mut Uuid::encode_buffer()),
        ))
    }

    /// Makes the id from key values in the order of the schema's key fields.
    ///
    /// # Errors
    /// [`InvalidId`] if the values do not fit the key fields in number or kind.
    pub fn from_key(entity: &EntitySchema, values: &[Value]) -> Result<Self, InvalidId> {
        let invalid = || invalid(entity);
        if values.len() != entity.key.len() {
            return Err(invalid());
        }
        if let [Value::Guid(id)] = values {
            return Ok(Self::guid(*id));
        }
        let mut text = String::new();
        for (name, value) in entity.key.iter().zip(values) {
            let quote = entity.key.len() > 1;
            if quote {
                if !text.is_empty() {
                    text.push(',');
                }
                text.push_str(name.as_str());
                text.push('=');
            }
            push_part(&mut text, value, quote).ok_or_else(invalid)?;
        }
        Ok(Self(Arc::from(text)))
    }

    /// Reads an id as a person types it (guids in any case, `a=1,b='x'` for composite keys) and makes it canonical.
    ///
    /// # Errors
    /// [`InvalidId`] if the text is not a key of the entity.
    pub fn parse(entity: &EntitySchema, text: &str) -> Result<Self, InvalidId> {
        let values = key_values(entity, text.trim()).ok_or_else(|| invalid(entity))?;
        Self::from_key(entity, &values)
    }

    /// Returns the values of the key fields, in the order of the schema.
    ///
    /// # Errors
    /// [`InvalidId`] if this id is not one of the entity, as after a change of its key in the schema.
    pub fn key_values(&self, entity: &EntitySchema) -> Result<Vec<Value>, InvalidId> {
        key_values(entity, &self.0).ok_or_else(|| invalid(entity))
    }

    /// Returns the canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn invalid(entity: &EntitySchema) -> InvalidId {
    let shape = |kind: Option<&FieldKind>| match kind {
        Some(FieldKind::Guid) => "a guid".to_owned(),
        Some(FieldKind::Int { .. }) => "a whole number".to_owned(),
        _ => "text".to_owned(),
    };
    let kind = |name| entity.field(name).map(|field| &field.kind);
    let expected = match entity.key.as_slice() {
        [one] => shape(kind(one)),
        many => {
            let parts: Vec<_> = many
                .iter()
                .map(|name| format!("{name}=<{}>", shape(kind(name))))
                .collect();
            parts.join(",")
        }
    };
    InvalidId {
        entity: entity.name.to_string(),
        expected,
    }
}

fn push_part(text: &mut String, value: &Value, quote: bool) -> Option<()> {
    use std::fmt::Write as _;
    match value {
        Value::Text(part) if quote => write!(text, "'{}'", part.replace('\'', "''")).ok()?,
        Value::Text(part) if !part.is_empty() => text.push_str(part),
        Value::Guid(_)
        | Value::Int(_)
        | Value::Bool(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::DateTime(_) => {
            write!(text, "{value}").ok()?;
        }
        Value::Decimal(part) => write!(text, "{}", part.normalize()).ok()?,
        Value::Choice(part) => write!(text, "'{}'", part.replace('\'', "''")).ok()?,
        Value::Lookup(part) if quote => write!(text, "'{}'", part.id.as_str().replace('\'', "''")).ok()?,
        Value::Lookup(part) => text.push_str(part.id.as_str()),
        _ => return None,
    }
    Some(())
}

fn key_values(entity: &EntitySchema, text: &str) -> Option<Vec<Value>> {
    if let [name] = entity.key.as_slice() {
        return Some(vec![part_value(&entity.field(name)?.kind, text)?]);
    }
    let mut rest = text;
    let mut values = Vec::with_capacity(entity.key.len());
    for (index, name) in entity.key.iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(',')?;
        }
        rest = rest.strip_prefix(name.as_str())?.strip_prefix('=')?;
        let (part, after) = take_part(rest)?;
        values.push(part_value(&entity.field(name)?.kind, &part)?);
        rest = after;
    }
    rest.is_empty().then_some(values)
}

/// Takes one value up to the next comma, without its quotes, and the text that follows.
fn take_part(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let end = text.find(',').unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut part = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '\'' {
            part.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == '\'') {
            chars.next();
            part.push('\'');
        } else {
            return Some((part, &quoted[at + 1..]));
        }
    }
    None
}

fn part_value(kind: &FieldKind, text: &str) -> Option<Value> {
    match kind {
        FieldKind::Guid => text.parse().ok().map(Value::Guid),
        FieldKind::Int { .. } => text.parse().ok().map(Value::Int),
        FieldKind::Bool => text.parse().ok().map(Value::Bool),
        FieldKind::Decimal { .. } | FieldKind::Money { .. } => text.parse().ok().map(Value::Decimal),
        FieldKind::Date => text.parse().ok().map(Value::Date),
        FieldKind::Time => text.parse().ok().map(Value::Time),
        FieldKind::DateTime => text.parse().ok().map(Value::DateTime),
        FieldKind::Choice { .. } => Some(Value::Choice(text.to_owned())),
        FieldKind::Text { .. } if !text.is_empty() => Some(Value::Text(text.to_owned())),
        FieldKind::Lookup { targets } if !text.is_empty() => Some(Value::Lookup(crate::value::Lookup {
            entity: targets.first()?.clone(),
            id: RecordId::from_canonical(
                &text
                    .parse::<Uuid>()
                    .map_or_else(|_| text.to_owned(), |id| id.to_string()),
            ),
            name: None,
        })),
        _ => None,
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id!(
    /// The id of an operation: a UUID version 7 made when the operation was made, its name for ever.
    OperationId
);
uuid_id!(
    /// The id of one sending: what a server sees as the request id. The same bytes keep it, other bytes take a new one.
    RequestId
);
uuid_id!(
    /// The id of a device: of one installation, made at its first start.
    DeviceId
);
uuid_id!(
    /// The id of one run of a machine from start to stop, within which monotonic time can be compared.
    BootId
);

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A signed-in user, as the back end names him.
    UserId
);
text_id!(
    /// A tenant: the service root and the organisation behind it. Data of two tenants never mix.
    TenantId
);
text_id!(
    /// The revision of a record on the server: opaque, compared for equality only, at most 1 KiB.
    Revision
);

impl Revision {
    /// The revision of a record that the server has and whose revision it has not told: equal to none that it tells.
    #[must_use]
    pub fn untold() -> Self {
        Self(String::new())
    }

    /// Returns whether it is one that the server has not told.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
