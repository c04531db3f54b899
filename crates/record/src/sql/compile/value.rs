//! Values: columns, parameters and what is computed from them.

use super::writer::{Writer, within_limit};
use crate::query::{Arithmetic, FieldRef, KeyRef, LAST_DAY, LEAST_DATE, Node, TICKS_PER_DAY, Type, Typed};
use crate::schema::FieldKind;
use crate::sql::codec::joined;
use crate::sql::decimal::{DecimalForm, SortableDecimal, scaled};
use crate::sql::names::CompileError;
use crate::sql::stored::Stored;
use crate::sql::{day_number, ticks_of};
use crate::value::Value;

/// A value in SQL.
pub(super) struct Operand {
    /// The first column, or what is computed.
    pub(super) sql: String,
    /// The offset of a date-time, or the entity of a lookup with several targets.
    pub(super) second: Option<String>,
}

impl Operand {
    pub(super) fn new(sql: String) -> Self {
        Self { sql, second: None }
    }
}

pub(super) fn unsupported(operation: &'static str, operands: &'static str) -> CompileError {
    CompileError::Unsupported { operation, operands }
}

impl Writer<'_> {
    /// Writes a value.
    pub(super) fn value(&mut self, typed: &Typed) -> Result<Operand, CompileError> {
        let mut operand = match &typed.node {
            Node::Const(value) => self.constant(value)?,
            Node::Field(field) => self.field(field)?,
            Node::Key(key) => self.key(key)?,
            Node::Arithmetic(operator, a, b) => self.arithmetic(*operator, typed.ty, a, b)?,
            Node::Negate(inner) => self.negative(inner)?,
            Node::Call(function, arguments) if typed.ty != Type::Bool => self.call(*function, arguments)?,
            Node::Not(_)
            | Node::And(_)
            | Node::Or(_)
            | Node::Compare(..)
            | Node::In(..)
            | Node::Call(..)
            | Node::Any(_)
            | Node::All(_) => {
                let condition = self.condition(typed, true)?;
                Operand::new(self.dialect.bool_value(&condition))
            }
        };
        operand.sql = within_limit(operand.sql)?;
        Ok(operand)
    }

    /// Writes a constant in the form that its own type has.
    fn constant(&mut self, value: &Value) -> Result<Operand, CompileError> {
        let stored = match value {
            Value::Null => return Ok(Operand::new("NULL".to_owned())),
            Value::Bool(v) => Stored::Int(i64::from(*v)),
            Value::Int(v) => Stored::Int(*v),
            Value::Decimal(v) => match Type::of_value(value) {
                Type::Decimal(DecimalForm::Scaled(scale)) => {
                    Stored::Int(scaled(*v, scale).ok_or(CompileError::TooLarge)?)
                }
                _ => Stored::Decimal(SortableDecimal::encode(*v)),
            },
            Value::Double(v) if v.0.is_nan() => self.dialect.nan(),
            Value::Double(v) => Stored::Real(v.0),
            Value::Text(v) | Value::Choice(v) => return Ok(Operand::new(self.bind_text(v)?)),
            Value::Date(v) => Stored::Int(day_number(*v)),
            Value::Time(v) => Stored::Int(ticks_of(*v)),
            Value::DateTime(v) => {
                let sql = self.bind(Stored::Int(v.ticks));
                let second = Some(self.bind(Stored::Int(i64::from(v.offset_minutes))));
                return Ok(Operand { sql, second });
            }
            Value::Duration(v) => Stored::Int(v.ticks),
            Value::Guid(v) => Stored::Blob(v.as_bytes().to_vec().into()),
            Value::Binary(v) => Stored::Blob(v.clone().into()),
            Value::Choices(v) => Stored::Text(joined(v).map_err(|_| CompileError::Control)?.into()),
            Value::Lookup(_) => return Err(unsupported("orderby", "a lookup value")),
            Value::File(_) => return Err(unsupported("orderby", "a file value")),
        };
        Ok(Operand::new(self.bind(stored)))
    }

    fn field(&mut self, field: &FieldRef) -> Result<Operand, CompileError> {
        let second = match &field.kind {
            FieldKind::DateTime => Some("_o"),
            FieldKind::Lookup { targets } if targets.len() != 1 => Some("_e"),
            _ => None,
        };
        let sql = self.column(field.scope, &field.through, &field.field, "")?;
        let second = match second {
            Some(suffix) => Some(self.column(field.scope, &field.through, &field.field, suffix)?),
            None => None,
        };
        Ok(Operand { sql, second })
    }

    fn key(&mut self, key: &KeyRef) -> Result<Operand, CompileError> {
        let id = self.field(&key.lookup)?.sql;
        let kind = key.target.key.first().and_then(|name| key.target.field(name));
        Ok(Operand::new(match kind.map(|field| &field.kind) {
            Some(FieldKind::Guid) => self.dialect.guid(&id),
            Some(FieldKind::Int { .. }) => self.dialect.integer(&id),
            _ => id,
        }))
    }

    /// Writes a double to compute with: whole numbers are promoted, not-a-number is null.
    pub(super) fn double(&mut self, operation: &'static str, typed: &Typed) -> Result<String, CompileError> {
        let sql = self.value(typed)?.sql;
        match typed.ty {
            Type::Int => Ok(self.dialect.to_real(&sql)),
            Type::Double if matches!(typed.node, Node::Field(_) | Node::Const(_)) => {
                Ok(self.dialect.without_nan(&sql))
            }
            Type::Double => Ok(sql),
            _ => Err(unsupported(operation, "a decimal as double")),
        }
    }

    /// Writes a whole number or scaled decimal at a scale.
    fn at_scale(
        &mut self,
        operation: &'static str,
        typed: &Typed,
        scale: u8,
    ) -> Result<String, CompileError> {
        let own = match typed.ty {
            Type::Int => 0,
            Type::Decimal(DecimalForm::Scaled(own)) => own,
            _ => return Err(unsupported(operation, "decimals of any scale")),
        };
        let sql = self.value(typed)?.sql;
        if own == scale {
            return Ok(sql);
        }
        let factor = 10i64.checked_pow(u32::from(scale.saturating_sub(own)));
        let factor = factor.ok_or_else(|| unsupported(operation, "decimals of this scale"))?;
        Ok(self.dialect.whole(&sql, "*", &factor.to_string()))
    }

    fn arithmetic(
        &mut self,
        operator: Arithmetic,
        ty: Type,
        a: &Typed,
        b: &Typed,
    ) -> Result<Operand, CompileError> {
        let (name, symbol) = match operator {
            Arithmetic::Add => ("add", "+"),
            Arithmetic::Sub => ("sub", "-"),
            Arithmetic::Mul => ("mul", "*"),
            Arithmetic::Div => ("div", "/"),
            Arithmetic::DivBy => ("divby", "/"),
            Arithmetic::Mod => ("mod", "%"),
        };
        let sql = match ty {
            Type::Double if operator == Arithmetic::Mod => return Err(unsupported(name, "doubles")),
            Type::Double => {
                let (a, b) = (self.double(name, a)?, self.double(name, b)?);
                self.dialect.real(&a, symbol, &b)
            }
            Type::Decimal(DecimalForm::Scaled(scale)) if operator != Arithmetic::Mul => {
                let (a, b) = (self.at_scale(name, a, scale)?, self.at_scale(name, b, scale)?);
                self.dialect.whole(&a, symbol, &b)
            }
            Type::Decimal(DecimalForm::Sortable) => return Err(unsupported(name, "these decimals")),
            Type::Date => return self.shifted_date(symbol, a, b),
            Type::DateTime => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                let second = a.second.or(b.second);
                let sql = self.dialect.whole(&a.sql, symbol, &b.sql);
                return Ok(Operand { sql, second });
            }
            Type::Duration if a.ty == Type::Date => {
                let (a, b) = (self.value(a)?.sql, self.value(b)?.sql);
                format!("(({a} - {b}) * {TICKS_PER_DAY})")
            }
            _ => {
                let (a, b) = (self.value(a)?.sql, self.value(b)?.sql);
                self.dialect.whole(&a, symbol, &b)
            }
        };
        Ok(Operand::new(sql))
    }

    fn shifted_date(&mut self, symbol: &str, a: &Typed, b: &Typed) -> Result<Operand, CompileError> {
        let ticks = |typed: &Typed, sql: String| match typed.ty {
            Type::Date => format!("({sql} * {TICKS_PER_DAY})"),
            _ => sql,
        };
        let (x, y) = (self.value(a)?.sql, self.value(b)?.sql);
        let sum = self.dialect.whole(&ticks(a, x), symbol, &ticks(b, y));
        let day = within_limit(format!(
            "({sum} / {TICKS_PER_DAY} - CASE WHEN {sum} % {TICKS_PER_DAY} < 0 THEN 1 ELSE 0 END)"
        ))?;
        Ok(Operand::new(format!(
            "(CASE WHEN {day} BETWEEN {LEAST_DATE} AND {LAST_DAY} THEN {day} END)"
        )))
    }

    fn negative(&mut self, inner: &Typed) -> Result<Operand, CompileError> {
        let sql = match inner.ty {
            Type::Double => format!("(- {})", self.double("-", inner)?),
            Type::Decimal(DecimalForm::Sortable) => return Err(unsupported("-", "these decimals")),
            _ => {
                let sql = self.value(inner)?.sql;
                self.dialect.whole("0", "-", &sql)
            }
        };
        Ok(Operand::new(sql))
    }
}
