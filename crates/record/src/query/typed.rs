//! Queries checked against a schema: what the interpreter and the SQL compiler share.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::error::QueryError;
use super::{Arithmetic, Comparison, Function};
use crate::name::{EntityName, FieldName};
use crate::schema::{EntitySchema, FieldKind};
use crate::sql::DecimalForm;
use crate::value::Value;

/// What an expression yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Bool,
    Int,
    Decimal(DecimalForm),
    Double,
    Text,
    Choice,
    Choices,
    Date,
    Time,
    DateTime,
    Duration,
    Guid,
    Binary,
    Lookup,
    File,
}

impl Type {
    pub(crate) fn of_kind(kind: &FieldKind) -> Self {
        match kind {
            FieldKind::Bool => Self::Bool,
            FieldKind::Int { .. } => Self::Int,
            FieldKind::Decimal { .. } | FieldKind::Money { .. } => {
                Self::Decimal(DecimalForm::of(kind).unwrap_or(DecimalForm::Sortable))
            }
            FieldKind::Double => Self::Double,
            FieldKind::Text { .. } => Self::Text,
            FieldKind::Date => Self::Date,
            FieldKind::Time => Self::Time,
            FieldKind::DateTime => Self::DateTime,
            FieldKind::Duration => Self::Duration,
            FieldKind::Guid => Self::Guid,
            FieldKind::Binary { .. } => Self::Binary,
            FieldKind::Choice { .. } => Self::Choice,
            FieldKind::Choices { .. } => Self::Choices,
            FieldKind::Lookup { .. } => Self::Lookup,
            FieldKind::File => Self::File,
        }
    }

    pub(crate) fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Int(_) => Self::Int,
            Value::Decimal(v) => Self::Decimal(form_of(*v)),
            Value::Double(_) => Self::Double,
            Value::Text(_) => Self::Text,
            Value::Date(_) => Self::Date,
            Value::Time(_) => Self::Time,
            Value::DateTime(_) => Self::DateTime,
            Value::Duration(_) => Self::Duration,
            Value::Guid(_) => Self::Guid,
            Value::Binary(_) => Self::Binary,
            Value::Choice(_) => Self::Choice,
            Value::Choices(_) => Self::Choices,
            Value::Lookup(_) => Self::Lookup,
            Value::File(_) => Self::File,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "whole number",
            Self::Decimal(_) => "decimal",
            Self::Double => "double",
            Self::Text => "text",
            Self::Choice => "choice",
            Self::Choices => "choices",
            Self::Date => "date",
            Self::Time => "time of day",
            Self::DateTime => "date-time",
            Self::Duration => "duration",
            Self::Guid => "guid",
            Self::Binary => "bytes",
            Self::Lookup => "lookup",
            Self::File => "file",
        }
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Decimal(_) | Self::Double)
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Choice)
    }
}

/// The form in which a decimal constant takes part in arithmetic.
fn form_of(value: Decimal) -> DecimalForm {
    let value = value.normalize();
    match (i64::try_from(value.mantissa()), u8::try_from(value.scale())) {
        (Ok(_), Ok(scale @ 0..=18)) => DecimalForm::Scaled(scale),
        _ => DecimalForm::Sortable,
    }
}

/// A checked expression with its type.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub(crate) node: Node,
    pub(crate) ty: Type,
}

impl Typed {
    pub(crate) fn constant(value: Value) -> Self {
        Self {
            ty: Type::of_value(&value),
            node: Node::Const(value),
        }
    }

    pub(crate) fn as_const(&self) -> Option<&Value> {
        match &self.node {
            Node::Const(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.as_const().is_some_and(Value::is_null)
    }
}

/// A checked expression. Whatever does not depend on a record is a constant already.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Const(Value),
    Field(Box<FieldRef>),
    /// The key of a lookup's target, which is known without the target.
    Key(Box<KeyRef>),
    Not(Box<Typed>),
    And(Vec<Typed>),
    Or(Vec<Typed>),
    Compare(Comparison, Box<Typed>, Box<Typed>),
    In(Box<Typed>, Vec<Typed>),
    Arithmetic(Arithmetic, Box<Typed>, Box<Typed>),
    Negate(Box<Typed>),
    Call(Function, Vec<Typed>),
    Any(Box<Children>),
    All(Box<Children>),
}

/// A lookup field that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The lookup field.
    pub(crate) field: FieldName,
    /// The entity that it points to.
    pub(crate) target: EntityName,
}

/// A field of a record in scope or behind its lookups.
#[derive(Debug, Clone)]
pub(crate) struct FieldRef {
    pub(crate) scope: usize,
    pub(crate) through: Vec<Step>,
    pub(crate) field: FieldName,
    pub(crate) kind: FieldKind,
}

/// The single key field of the target of a lookup field.
#[derive(Debug, Clone)]
pub(crate) struct KeyRef {
    /// The lookup field.
    pub(crate) lookup: FieldRef,
    pub(crate) target: Arc<EntitySchema>,
}

/// A condition over child records.
#[derive(Debug, Clone)]
pub(crate) struct Children {
    pub(crate) scope: usize,
    /// Lookups to follow to the parent; the parent itself need not be on the device.
    pub(crate) through: Vec<Step>,
    pub(crate) parent: EntityName,
    pub(crate) child: Arc<EntitySchema>,
    /// The lookup field of the child.
    pub(crate) via: FieldName,
    /// Whether that lookup has several targets.
    pub(crate) via_several: bool,
    pub(crate) body: Option<Box<Typed>>,
}

/// Takes the number of a double as people write it: 0.1 is 0.1 and not its 55 binary digits.
pub(crate) fn shortest_decimal(value: f64) -> Option<Decimal> {
    Decimal::from_str_exact(&format!("{value}")).ok()
}

/// Returns the double that is nearest to a decimal.
pub(crate) fn nearest_double(value: Decimal) -> f64 {
    value.to_string().parse().unwrap_or(f64::NAN)
}

/// Fits a constant to the expression that it is compared with.
pub(crate) fn fit(constant: Value, other: &Typed) -> Result<Value, QueryError> {
    let options = match &other.node {
        Node::Field(field) => match &field.kind {
            FieldKind::Choice { options } | FieldKind::Choices { options } => options.as_slice(),
            _ => &[],
        },
        _ => &[],
    };
    Ok(match (other.ty, constant) {
        (Type::Int | Type::Decimal(_), Value::Double(v)) => {
            shortest_decimal(v.0).map_or(Value::Double(v), Value::Decimal)
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a whole number beside a double counts as a double"
        )]
        (Type::Double, Value::Int(v)) => Value::double(v as f64),
        (Type::Double, Value::Decimal(v)) => Value::double(nearest_double(v)),
        (Type::Choice, Value::Text(code)) => Value::Choice(code),
        (Type::Choices, Value::Text(code) | Value::Choice(code)) => Value::Choices(vec![code]),
        (Type::Choice, Value::Int(number)) => {
            let option = options.iter().find(|option| option.number == Some(number));
            Value::Choice(option.ok_or(QueryError::NoOption { number })?.code.clone())
        }
        (Type::Guid, Value::Text(text)) => match text.parse() {
            Ok(guid) => Value::Guid(guid),
            Err(_) => Value::Text(text),
        },
        (Type::Lookup, Value::Guid(id)) => Value::Text(id.to_string()),
        (Type::Lookup, Value::Int(id)) => Value::Text(id.to_string()),
        (_, constant) => constant,
    })
}

/// Returns whether two types can be compared by a comparison.
pub(crate) fn comparable(comparison: Comparison, a: Type, b: Type) -> bool {
    use Type::{Choice, Choices, File, Lookup, Null, Text};
    let equality = matches!(comparison, Comparison::Eq | Comparison::Ne);
    match (a, b) {
        (Null, _) | (_, Null) => true,
        _ if comparison == Comparison::Has => {
            matches!(a, Choices | Choice) && matches!(b, Choices | Choice | Text)
        }
        (File, File) => false,
        (Lookup, Lookup | Text) | (Text, Lookup) | (Choices, Choices) => equality,
        (a, b) if a.is_number() && b.is_number() => true,
        (a, b) if a.is_text() && b.is_text() => true,
        (a, b) => a == b,
    }
}
