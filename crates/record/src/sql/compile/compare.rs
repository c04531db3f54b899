//! Comparisons.

use rust_decimal::Decimal;

use super::condition::exact;
use super::value::{Operand, unsupported};
use super::writer::{Writer, joined_conditions};
use crate::id::RecordId;
use crate::query::{Comparison, KeyRef, Node, Type, Typed};
use crate::schema::FieldKind;
use crate::sql::codec::{SEPARATOR, joined};
use crate::sql::decimal::{DecimalForm, SortableDecimal};
use crate::sql::names::CompileError;
use crate::sql::stored::Stored;
use crate::value::{Lookup, Value};

/// Where a number lies among whole numbers of 64 bits.
enum Place {
    /// It is one.
    At(i64),
    /// It lies between this one and the next.
    After(i64),
    /// It is larger than all of them.
    Above,
    /// It is smaller than all of them.
    Below,
}

fn place(value: Decimal, scale: u8) -> Place {
    let beyond = if value.is_sign_negative() {
        Place::Below
    } else {
        Place::Above
    };
    let (mantissa, own, scale) = (value.mantissa(), value.scale(), u32::from(scale));
    let (whole, rest) = if own <= scale {
        match 10i128
            .checked_pow(scale - own)
            .and_then(|factor| mantissa.checked_mul(factor))
        {
            Some(whole) => (whole, 0),
            None => return beyond,
        }
    } else {
        match 10i128.checked_pow(own - scale) {
            Some(unit) => (mantissa.div_euclid(unit), mantissa.rem_euclid(unit)),
            None => return beyond,
        }
    };
    match i64::try_from(whole) {
        Ok(whole) if rest == 0 => Place::At(whole),
        Ok(whole) => Place::After(whole),
        Err(_) => beyond,
    }
}

fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Eq => "=",
        Comparison::Ne => "<>",
        Comparison::Gt => ">",
        Comparison::Ge => ">=",
        Comparison::Lt => "<",
        Comparison::Le => "<=",
        Comparison::Has => "has",
    }
}

fn flipped(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Gt => Comparison::Lt,
        Comparison::Ge => Comparison::Le,
        Comparison::Lt => Comparison::Gt,
        Comparison::Le => Comparison::Ge,
        same => same,
    }
}

impl Writer<'_> {
    /// Writes a comparison.
    pub(super) fn compare(
        &mut self,
        comparison: Comparison,
        a: &Typed,
        b: &Typed,
        strict: bool,
    ) -> Result<String, CompileError> {
        match (a.as_const(), b.as_const()) {
            _ if comparison == Comparison::Has => self.has(a, b.as_const(), strict),
            (_, Some(value)) => self.compare_constant(comparison, a, value, strict),
            (Some(value), None) => self.compare_constant(flipped(comparison), b, value, strict),
            (None, None) => self.compare_values(comparison, a, b, strict),
        }
    }

    fn compare_constant(
        &mut self,
        comparison: Comparison,
        a: &Typed,
        value: &Value,
        strict: bool,
    ) -> Result<String, CompileError> {
        if value.is_null() {
            let sql = self.value(a)?.sql;
            return Ok(match comparison {
                Comparison::Eq => format!("{sql} IS NULL"),
                Comparison::Ne => format!("{sql} IS NOT NULL"),
                _ => "FALSE".to_owned(),
            });
        }
        if let (Node::Key(key), Comparison::Eq | Comparison::Ne) = (&a.node, comparison) {
            return self.compare_key(comparison, key, value, strict);
        }
        if a.ty == Type::Lookup {
            return self.compare_lookup(comparison, a, value, strict);
        }
        let operand = self.value(a)?.sql;
        let scale = match a.ty {
            Type::Int => Some(0),
            Type::Decimal(DecimalForm::Scaled(scale)) => Some(scale),
            _ => None,
        };
        if let Some(scale) = scale {
            let number = number(value).ok_or_else(|| unsupported(symbol(comparison), "these numbers"))?;
            return Ok(self.compare_number(comparison, &operand, place(number, scale), strict));
        }
        let text = a.ty == Type::Text || (a.ty == Type::Choice && matches!(value, Value::Text(_)));
        let operand = if text {
            self.dialect.collated(&operand, self.collation)
        } else {
            operand
        };
        let parameter = self.parameter(a.ty, value)?;
        Ok(self.simple(comparison, &operand, &parameter, strict))
    }

    /// Writes a constant as the stored form of the type that it is compared with.
    fn parameter(&mut self, ty: Type, value: &Value) -> Result<String, CompileError> {
        let stored = match (ty, value) {
            (Type::Text, Value::Text(text) | Value::Choice(text)) | (Type::Choice, Value::Text(text)) => {
                let parameter = self.bind_text(text)?;
                return Ok(self.dialect.collated_parameter(&parameter, self.collation));
            }
            (Type::Decimal(_), Value::Decimal(v)) => Stored::Decimal(SortableDecimal::encode(*v)),
            (Type::Decimal(_), Value::Int(v)) => Stored::Decimal(SortableDecimal::encode(Decimal::from(*v))),
            (Type::Decimal(_), _) => return Err(unsupported("compare", "decimals and doubles")),
            (Type::Double, v) if !matches!(v, Value::Double(_)) => {
                return Err(unsupported("compare", "doubles and other numbers"));
            }
            _ => {
                let constant = Typed::constant(value.clone());
                return Ok(self.value(&constant)?.sql);
            }
        };
        Ok(self.bind(stored))
    }

    fn simple(&self, comparison: Comparison, a: &str, b: &str, strict: bool) -> String {
        match comparison {
            Comparison::Ne => format!("{a} {} {b}", self.dialect.different()),
            _ => exact(format!("{a} {} {b}", symbol(comparison)), strict),
        }
    }

    fn compare_number(&mut self, comparison: Comparison, a: &str, place: Place, strict: bool) -> String {
        use Comparison::{Eq, Ge, Gt, Le, Lt, Ne};
        let present = || format!("{a} IS NOT NULL");
        match (place, comparison) {
            (Place::At(v), _) => {
                let parameter = self.bind(Stored::Int(v));
                self.simple(comparison, a, &parameter, strict)
            }
            (_, Eq) => "FALSE".to_owned(),
            (_, Ne) => "TRUE".to_owned(),
            (Place::After(v), Gt | Ge) => {
                let parameter = self.bind(Stored::Int(v));
                self.simple(Gt, a, &parameter, strict)
            }
            (Place::After(v), _) => {
                let parameter = self.bind(Stored::Int(v));
                self.simple(Le, a, &parameter, strict)
            }
            (Place::Above, Lt | Le) | (Place::Below, Gt | Ge) => present(),
            (Place::Above | Place::Below, _) => "FALSE".to_owned(),
        }
    }

    fn compare_key(
        &mut self,
        comparison: Comparison,
        key: &KeyRef,
        value: &Value,
        strict: bool,
    ) -> Result<String, CompileError> {
        let lookup = Typed {
            node: Node::Field(Box::new(key.lookup.clone())),
            ty: Type::Lookup,
        };
        let id = match value {
            Value::Text(text) => return self.compare_key_text(comparison, &lookup, text, strict),
            Value::Decimal(v) => match place(*v, 0) {
                Place::At(v) => v.to_string(),
                _ => {
                    return Ok(if comparison == Comparison::Eq {
                        "FALSE"
                    } else {
                        "TRUE"
                    }
                    .to_owned());
                }
            },
            value => RecordId::from_key(&key.target, std::slice::from_ref(value))
                .map_err(|_| unsupported(symbol(comparison), "a key and another type"))?
                .to_string(),
        };
        let (operand, parameter) = (self.value(&lookup)?.sql, self.bind_text(&id)?);
        Ok(self.simple(comparison, &operand, &parameter, strict))
    }

    fn compare_key_text(
        &mut self,
        comparison: Comparison,
        lookup: &Typed,
        text: &str,
        strict: bool,
    ) -> Result<String, CompileError> {
        let id = self.value(lookup)?.sql;
        let id = self.dialect.collated(&id, self.collation);
        let parameter = self.bind_text(text)?;
        let parameter = self.dialect.collated_parameter(&parameter, self.collation);
        Ok(self.simple(comparison, &id, &parameter, strict))
    }

    fn compare_lookup(
        &mut self,
        comparison: Comparison,
        a: &Typed,
        value: &Value,
        strict: bool,
    ) -> Result<String, CompileError> {
        let operand = self.value(a)?;
        let (id, entity) = match value {
            Value::Lookup(Lookup { id, entity, .. }) => (id.as_str(), Some(entity)),
            Value::Text(id) => (id.as_str(), None),
            _ => return Err(unsupported(symbol(comparison), "a lookup and another type")),
        };
        let (Some(entity), Some(column)) = (entity, &operand.second) else {
            let other_target = entity.is_some_and(|entity| single_target(a) != Some(entity.as_str()));
            if other_target {
                return Ok(if comparison == Comparison::Eq {
                    "FALSE"
                } else {
                    "TRUE"
                }
                .to_owned());
            }
            let parameter = self.bind_text(id)?;
            return Ok(self.simple(comparison, &operand.sql, &parameter, strict));
        };
        let (id, entity) = (self.bind_text(id)?, self.bind_text(entity.as_str())?);
        let both = format!("({} = {id} AND {column} = {entity})", operand.sql);
        Ok(match comparison {
            Comparison::Ne => format!("{both} IS NOT TRUE"),
            _ => exact(both, strict),
        })
    }

    fn compare_values(
        &mut self,
        comparison: Comparison,
        a: &Typed,
        b: &Typed,
        strict: bool,
    ) -> Result<String, CompileError> {
        use DecimalForm::{Scaled, Sortable};
        use Type::{Choice, Decimal, Double, Int, Lookup, Text};
        let (x, y) = match (a.ty, b.ty) {
            (Lookup, Lookup) => return self.compare_lookups(comparison, a, b),
            (Lookup, _) | (_, Lookup) => {
                return Err(unsupported(symbol(comparison), "a lookup and a text field"));
            }
            (Double, Int) | (Int, Double) => {
                let side = |writer: &mut Self, typed: &Typed| match typed.ty {
                    Int => writer.double(symbol(comparison), typed),
                    _ => Ok(writer.value(typed)?.sql),
                };
                (side(self, a)?, side(self, b)?)
            }
            (Double, Decimal(_)) | (Decimal(_), Double) => {
                return Err(unsupported(symbol(comparison), "a decimal and a double"));
            }
            (Decimal(Sortable), other) | (other, Decimal(Sortable)) if other != Decimal(Sortable) => {
                return Err(unsupported(symbol(comparison), "decimals of different forms"));
            }
            (Int | Decimal(Scaled(_)), Int | Decimal(Scaled(_))) => self.aligned(a, b)?,
            (x, y) => {
                let text = x == Text || y == Text;
                let (a, b) = (self.value(a)?.sql, self.value(b)?.sql);
                if text && matches!(x, Text | Choice) {
                    (
                        self.dialect.collated(&a, self.collation),
                        self.dialect.collated_parameter(&b, self.collation),
                    )
                } else {
                    (a, b)
                }
            }
        };
        Ok(match comparison {
            Comparison::Eq => format!("{x} {} {y}", self.dialect.same()),
            _ => self.simple(comparison, &x, &y, strict),
        })
    }

    /// Writes two scaled numbers so that they compare exactly and without overflow.
    fn aligned(&mut self, a: &Typed, b: &Typed) -> Result<(String, String), CompileError> {
        let scale = |ty| match ty {
            Type::Decimal(DecimalForm::Scaled(scale)) => u32::from(scale),
            _ => 0,
        };
        let (own, other) = (scale(a.ty), scale(b.ty));
        let (x, y) = (self.value(a)?.sql, self.value(b)?.sql);
        let unit = 10i64.pow(own.abs_diff(other));
        // The coarser number is compared with the whole part of the finer one, and then zero with its rest.
        let coarse = |v: &str| format!("({v}, {v} * 0)");
        let fine = |v: &str| format!("({v} / {unit}, {v} % {unit})");
        Ok(match own.cmp(&other) {
            std::cmp::Ordering::Equal => (x, y),
            std::cmp::Ordering::Less => (coarse(&x), fine(&y)),
            std::cmp::Ordering::Greater => (fine(&x), coarse(&y)),
        })
    }

    fn compare_lookups(
        &mut self,
        comparison: Comparison,
        a: &Typed,
        b: &Typed,
    ) -> Result<String, CompileError> {
        let (x, y) = (self.value(a)?, self.value(b)?);
        let same_id = format!("{} {} {}", x.sql, self.dialect.same(), y.sql);
        let same = match (single_target(a), single_target(b)) {
            (Some(one), Some(other)) if one == other => same_id,
            _ => {
                let one = self.target(a, x.second)?;
                let other = self.target(b, y.second)?;
                format!("({same_id} AND ({} IS NULL OR {one} = {other}))", x.sql)
            }
        };
        Ok(match comparison {
            Comparison::Ne => format!("NOT ({same})"),
            _ => same,
        })
    }

    fn target(&mut self, typed: &Typed, column: Option<String>) -> Result<String, CompileError> {
        match column {
            Some(column) => Ok(column),
            None => self.bind_text(single_target(typed).unwrap_or_default()),
        }
    }

    fn has(&mut self, a: &Typed, options: Option<&Value>, strict: bool) -> Result<String, CompileError> {
        let codes = match options {
            Some(Value::Choices(codes)) => codes.as_slice(),
            Some(Value::Choice(code) | Value::Text(code)) => std::slice::from_ref(code),
            _ => return Err(unsupported("has", "an option that is no constant")),
        };
        let Operand { sql, .. } = self.value(a)?;
        let mut conditions = vec![format!("{sql} IS NOT NULL")];
        for code in codes {
            let Ok(delimited) = joined(std::slice::from_ref(code)) else {
                return Ok("FALSE".to_owned());
            };
            conditions.push(if a.ty == Type::Choices {
                let part = self.bind_text(&delimited)?;
                format!("{} > 0", self.dialect.place(&sql, &part))
            } else {
                let code = self.bind_text(delimited.trim_matches(SEPARATOR))?;
                format!("{sql} = {code}")
            });
        }
        Ok(exact(joined_conditions(conditions, "AND"), strict))
    }

    /// Writes that a value equals one of a list.
    pub(super) fn member(
        &mut self,
        left: &Typed,
        list: &[Typed],
        strict: bool,
    ) -> Result<String, CompileError> {
        let plain = left.as_const().is_none()
            && !matches!(left.ty, Type::Lookup)
            && !matches!(left.node, Node::Key(_))
            && list.iter().all(|item| item.as_const().is_some());
        if !plain {
            let equal: Result<Vec<_>, _> = list
                .iter()
                .map(|item| self.compare(Comparison::Eq, left, item, strict))
                .collect();
            return Ok(joined_conditions(equal?, "OR"));
        }
        let mut parameters = Vec::with_capacity(list.len());
        let mut with_null = false;
        for value in list.iter().filter_map(Typed::as_const) {
            if value.is_null() {
                with_null = true;
            } else if let Some(parameter) = self.member_parameter(left.ty, value)? {
                parameters.push(parameter);
            }
        }
        let operand = self.value(left)?.sql;
        let mut conditions = Vec::with_capacity(2);
        if !parameters.is_empty() {
            let text = left.ty == Type::Text;
            let operand = if text {
                self.dialect.collated(&operand, self.collation)
            } else {
                operand.clone()
            };
            conditions.push(exact(format!("{operand} IN ({})", parameters.join(", ")), strict));
        }
        if with_null {
            conditions.push(format!("{operand} IS NULL"));
        }
        Ok(joined_conditions(conditions, "OR"))
    }

    /// Writes an item of a list; `None` if no stored value can equal it.
    fn member_parameter(&mut self, ty: Type, value: &Value) -> Result<Option<String>, CompileError> {
        let scale = match ty {
            Type::Int => 0,
            Type::Decimal(DecimalForm::Scaled(scale)) => scale,
            _ => return self.parameter(ty, value).map(Some),
        };
        let number = number(value).ok_or_else(|| unsupported("in", "these numbers"))?;
        Ok(match place(number, scale) {
            Place::At(v) => Some(self.bind(Stored::Int(v))),
            _ => None,
        })
    }
}

/// Takes a constant number as a decimal. A double that is none lies beyond every stored number, or closer to zero.
fn number(value: &Value) -> Option<Decimal> {
    Some(match value {
        Value::Int(v) => Decimal::from(*v),
        Value::Decimal(v) => *v,
        Value::Double(v) if v.0.is_nan() || v.0 > 1.0 => Decimal::MAX,
        Value::Double(v) if v.0 < -1.0 => Decimal::MIN,
        Value::Double(v) if v.0.abs() >= 1e-18 => return None,
        Value::Double(v) if v.0 > 0.0 => Decimal::from_i128_with_scale(1, 28),
        Value::Double(v) if v.0 < 0.0 => Decimal::from_i128_with_scale(-1, 28),
        Value::Double(_) => Decimal::ZERO,
        _ => return None,
    })
}

fn single_target(typed: &Typed) -> Option<&str> {
    match &typed.node {
        Node::Field(field) => match &field.kind {
            FieldKind::Lookup { targets } if targets.len() == 1 => {
                targets.first().map(|target| target.as_str())
            }
            _ => None,
        },
        _ => None,
    }
}
