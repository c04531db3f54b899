//! Operators and functions on values.

use std::cmp::Ordering;

use rust_decimal::Decimal;

use super::typed::{Type, Typed, nearest_double};
use super::{Arithmetic, Collation, Comparison, Function};
use crate::sql::{DecimalForm, date_of, day_number, joined, ticks_of, time_of};
use crate::time::{DateTime, Duration, TICKS_PER_SECOND};
use crate::value::Value;

pub(crate) const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;
pub(crate) const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
/// The day number of 0001-01-01, the first day whose parts are known to every database.
pub(crate) const FIRST_DAY: i64 = -719_162;
/// The day number of 9999-12-31.
pub(crate) const LAST_DAY: i64 = 2_932_896;
/// The day number of -9999-01-01, the first day that a date can be.
pub(crate) const LEAST_DATE: i64 = -4_371_587;
/// From this size on, doubles have no fraction.
const WHOLE_DOUBLES: f64 = 4_503_599_627_370_496.0;

/// Evaluates an expression without fields.
pub(crate) fn constant(typed: &Typed, collation: Collation) -> Value {
    super::eval::evaluate(typed, None, collation).into_owned()
}

/// Returns a number as a double.
#[expect(
    clippy::cast_precision_loss,
    reason = "promotion to double is the nearest double"
)]
pub(crate) fn as_double(value: &Value) -> Option<f64> {
    match value {
        Value::Int(v) => Some(*v as f64),
        Value::Decimal(v) => Some(nearest_double(*v)),
        Value::Double(v) => Some(v.0),
        _ => None,
    }
}

/// Orders doubles: NaN is equal to itself and larger than everything else.
fn double_order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn text_order(a: &str, b: &str, collation: Collation) -> Ordering {
    match collation {
        Collation::Binary => a.cmp(b),
        Collation::AsciiNoCase => {
            let (a, b) = (a.bytes(), b.bytes());
            a.map(|b| b.to_ascii_lowercase())
                .cmp(b.map(|b| b.to_ascii_lowercase()))
        }
    }
}

/// Orders two values, neither null; values of types that cannot be compared count as equal.
pub(crate) fn order(a: &Value, b: &Value, collation: Collation) -> Ordering {
    use Value as V;
    match (a, b) {
        (V::Bool(a), V::Bool(b)) => a.cmp(b),
        (V::Int(a), V::Int(b)) => a.cmp(b),
        (V::Int(a), V::Decimal(b)) => Decimal::from(*a).cmp(b),
        (V::Decimal(a), V::Int(b)) => a.cmp(&Decimal::from(*b)),
        (V::Decimal(a), V::Decimal(b)) => a.cmp(b),
        (V::Int(_) | V::Decimal(_) | V::Double(_), V::Int(_) | V::Decimal(_) | V::Double(_)) => {
            match (as_double(a), as_double(b)) {
                (Some(a), Some(b)) => double_order(a, b),
                _ => Ordering::Equal,
            }
        }
        (V::Choice(a), V::Choice(b)) => a.cmp(b),
        (V::Text(a) | V::Choice(a), V::Text(b) | V::Choice(b)) => text_order(a, b, collation),
        (V::Date(a), V::Date(b)) => a.cmp(b),
        (V::Time(a), V::Time(b)) => ticks_of(*a).cmp(&ticks_of(*b)),
        (V::DateTime(a), V::DateTime(b)) => a.ticks.cmp(&b.ticks),
        (V::Duration(a), V::Duration(b)) => a.ticks.cmp(&b.ticks),
        (V::Guid(a), V::Guid(b)) => a.cmp(b),
        (V::Binary(a), V::Binary(b)) => a.cmp(b),
        (V::Choices(a), V::Choices(b)) => a.cmp(b),
        (V::Lookup(a), V::Lookup(b)) => a.id.cmp(&b.id).then_with(|| a.entity.cmp(&b.entity)),
        (V::Lookup(a), V::Text(b)) => a.id.as_str().cmp(b),
        (V::Text(a), V::Lookup(b)) => a.as_str().cmp(b.id.as_str()),
        _ => Ordering::Equal,
    }
}

/// Orders by nulls first; lookups by the id of their target alone, choices by their stored text.
pub(crate) fn sort_order(a: &Value, b: &Value, collation: Collation) -> Ordering {
    match (a, b) {
        (Value::Null, _) | (_, Value::Null) => b.is_null().cmp(&a.is_null()),
        (Value::Lookup(a), Value::Lookup(b)) => a.id.cmp(&b.id),
        (Value::Choices(a), Value::Choices(b)) => joined(a).ok().cmp(&joined(b).ok()),
        _ => order(a, b, collation),
    }
}

/// Compares two values: null equals null and is neither larger nor smaller than anything.
pub(crate) fn compare(comparison: Comparison, a: &Value, b: &Value, collation: Collation) -> bool {
    if a.is_null() || b.is_null() {
        let equal = a.is_null() && b.is_null();
        return match comparison {
            Comparison::Eq => equal,
            Comparison::Ne => !equal,
            _ => false,
        };
    }
    if comparison == Comparison::Has {
        return codes(b).iter().all(|code| codes(a).contains(code));
    }
    let order = order(a, b, collation);
    match comparison {
        Comparison::Eq => order.is_eq(),
        Comparison::Ne => order.is_ne(),
        Comparison::Gt => order.is_gt(),
        Comparison::Ge => order.is_ge(),
        Comparison::Lt => order.is_lt(),
        Comparison::Le => order.is_le(),
        Comparison::Has => false,
    }
}

fn codes(value: &Value) -> &[String] {
    match value {
        Value::Choices(codes) => codes,
        Value::Choice(code) | Value::Text(code) => std::slice::from_ref(code),
        _ => &[],
    }
}

/// Takes a computed whole number if it lies within 64 bits, the two outermost numbers excluded.
fn fits(value: i128) -> Option<i64> {
    let value = i64::try_from(value).ok()?;
    (value != i64::MIN && value != i64::MAX).then_some(value)
}

/// Computes with two values; null if one is null, on division by zero, or if the result does not fit.
pub(crate) fn arithmetic(operator: Arithmetic, ty: Type, a: &Value, b: &Value) -> Value {
    computed(operator, ty, a, b).unwrap_or(Value::Null)
}

fn computed(operator: Arithmetic, ty: Type, a: &Value, b: &Value) -> Option<Value> {
    use Arithmetic::{Add, Sub};
    Some(match ty {
        Type::Double => {
            let result = doubles(operator, as_double(a)?, as_double(b)?)?;
            (!result.is_nan()).then_some(Value::double(result))?
        }
        Type::Int => match (a, b) {
            (Value::Int(a), Value::Int(b)) => Value::Int(whole(operator, *a, *b)?),
            _ => return None,
        },
        Type::Decimal(form) => Value::Decimal(decimals(operator, form, decimal(a)?, decimal(b)?)?),
        Type::DateTime => match (a, b) {
            (Value::DateTime(at), Value::Duration(span)) | (Value::Duration(span), Value::DateTime(at)) => {
                let ticks = whole(operator, at.ticks, span.ticks)?;
                Value::DateTime(DateTime { ticks, ..*at })
            }
            _ => return None,
        },
        Type::Date => match (a, b) {
            (Value::Date(day), Value::Duration(span)) | (Value::Duration(span), Value::Date(day)) => {
                let ticks = whole(operator, day_number(*day) * TICKS_PER_DAY, span.ticks)?;
                Value::Date(date_of(ticks.div_euclid(TICKS_PER_DAY))?)
            }
            _ => return None,
        },
        Type::Duration => {
            let ticks = match (a, b) {
                (Value::DateTime(a), Value::DateTime(b)) => whole(Sub, a.ticks, b.ticks)?,
                (Value::Date(a), Value::Date(b)) => (day_number(*a) - day_number(*b)) * TICKS_PER_DAY,
                (Value::Duration(a), Value::Duration(b)) => whole(operator, a.ticks, b.ticks)?,
                (Value::Duration(a), Value::Int(b)) | (Value::Int(b), Value::Duration(a))
                    if !matches!(operator, Add | Sub) =>
                {
                    whole(operator, a.ticks, *b)?
                }
                _ => return None,
            };
            Value::Duration(Duration { ticks })
        }
        _ => return None,
    })
}

fn whole(operator: Arithmetic, a: i64, b: i64) -> Option<i64> {
    let (a, b) = (i128::from(a), i128::from(b));
    fits(match operator {
        Arithmetic::Add => a + b,
        Arithmetic::Sub => a - b,
        Arithmetic::Mul => a * b,
        Arithmetic::Div | Arithmetic::DivBy => a.checked_div(b)?,
        Arithmetic::Mod => a.checked_rem(b)?,
    })
}

fn doubles(operator: Arithmetic, a: f64, b: f64) -> Option<f64> {
    Some(match operator {
        Arithmetic::Add => a + b,
        Arithmetic::Sub => a - b,
        Arithmetic::Mul => a * b,
        Arithmetic::Div | Arithmetic::DivBy if b != 0.0 => a / b,
        Arithmetic::Mod if b != 0.0 => a % b,
        Arithmetic::Div | Arithmetic::DivBy | Arithmetic::Mod => return None,
    })
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Int(v) => Some(Decimal::from(*v)),
        Value::Decimal(v) => Some(*v),
        _ => None,
    }
}

fn decimals(operator: Arithmetic, form: DecimalForm, a: Decimal, b: Decimal) -> Option<Decimal> {
    use Arithmetic::{Add, Div, DivBy, Mod, Mul, Sub};
    let DecimalForm::Scaled(scale) = form else {
        return match operator {
            Add => a.checked_add(b),
            Sub => a.checked_sub(b),
            Mul => a.checked_mul(b),
            Div | DivBy => a.checked_div(b),
            Mod => a.checked_rem(b),
        };
    };
    // In scaled form the computation is the database's: on whole numbers of 64 bits.
    let mantissa = match operator {
        Mul => {
            let product = a.mantissa().checked_mul(b.mantissa())?;
            at_scale(product, a.scale() + b.scale(), scale)?
        }
        _ => {
            let align = |v: Decimal| -> Option<i64> { fits(at_scale(v.mantissa(), v.scale(), scale)?) };
            let own = |v: Decimal| i64::try_from(at_scale(v.mantissa(), v.scale(), scale)?).ok();
            let side = |v: Decimal| {
                if v.scale() == u32::from(scale) {
                    own(v)
                } else {
                    align(v)
                }
            };
            i128::from(whole(operator, side(a)?, side(b)?)?)
        }
    };
    Some(Decimal::new(fits(mantissa)?, u32::from(scale)))
}

/// Moves a mantissa from one scale to another, if that is exact.
fn at_scale(mantissa: i128, own: u32, scale: u8) -> Option<i128> {
    let scale = u32::from(scale);
    if own <= scale {
        return mantissa.checked_mul(10i128.checked_pow(scale - own)?);
    }
    let unit = 10i128.checked_pow(own - scale)?;
    (mantissa % unit == 0).then_some(mantissa / unit)
}

/// Returns the negative of a number or duration; null if it does not fit.
pub(crate) fn negate(ty: Type, value: &Value) -> Value {
    let minus = |v: i64| fits(-i128::from(v));
    let result = match value {
        Value::Int(v) => minus(*v).map(Value::Int),
        Value::Decimal(v) => match ty {
            Type::Decimal(DecimalForm::Scaled(scale)) => at_scale(v.mantissa(), v.scale(), scale)
                .and_then(|whole| fits(-whole))
                .map(|whole| Value::Decimal(Decimal::new(whole, u32::from(scale)))),
            _ => Some(Value::Decimal(-*v)),
        },
        Value::Double(v) => (!v.0.is_nan()).then_some(Value::double(-v.0)),
        Value::Duration(v) => minus(v.ticks).map(|ticks| Value::Duration(Duration { ticks })),
        _ => None,
    };
    result.unwrap_or(Value::Null)
}

/// Calls a function; null if an argument is null or has no answer.
pub(crate) fn call(function: Function, arguments: &[&Value], collation: Collation) -> Value {
    answer(function, arguments, collation).unwrap_or(Value::Null)
}

fn answer(function: Function, arguments: &[&Value], collation: Collation) -> Option<Value> {
    use Function as F;
    let first = *arguments.first()?;
    Some(match function {
        F::Contains | F::StartsWith | F::EndsWith | F::IndexOf => {
            let (a, b) = (first.as_text()?, arguments.get(1)?.as_text()?);
            match collation {
                Collation::Binary => find(function, a, b),
                Collation::AsciiNoCase => find(function, &a.to_ascii_lowercase(), &b.to_ascii_lowercase()),
            }
        }
        F::Length => Value::Int(count(first.as_text()?)),
        F::Substring => {
            let Value::Int(from) = arguments.get(1)? else {
                return None;
            };
            let most = match arguments.get(2) {
                None => i64::MAX,
                Some(Value::Int(most)) => *most,
                Some(_) => return None,
            };
            let place = |v: i64| usize::try_from(v.max(0)).unwrap_or(usize::MAX);
            let chars = first.as_text()?.chars();
            Value::Text(chars.skip(place(*from)).take(place(most)).collect())
        }
        F::ToLower => Value::Text(first.as_text()?.to_ascii_lowercase()),
        F::ToUpper => Value::Text(first.as_text()?.to_ascii_uppercase()),
        F::Trim => Value::Text(
            first
                .as_text()?
                .trim_matches([' ', '\t', '\n', '\u{B}', '\u{C}', '\r'])
                .to_owned(),
        ),
        F::Concat => Value::Text([first.as_text()?, arguments.get(1)?.as_text()?].concat()),
        F::Year | F::Month | F::Day => {
            let date = match first {
                Value::Date(date) if (FIRST_DAY..=LAST_DAY).contains(&day_number(*date)) => *date,
                Value::DateTime(at) => local(*at)?.0,
                _ => return None,
            };
            Value::Int(match function {
                F::Year => i64::from(date.year()),
                F::Month => i64::from(date.month()),
                _ => i64::from(date.day()),
            })
        }
        F::Hour | F::Minute | F::Second | F::FractionalSeconds => {
            let ticks = match first {
                Value::Time(time) => ticks_of(*time),
                Value::DateTime(at) => local(*at)?.1,
                _ => return None,
            };
            let seconds = ticks / TICKS_PER_SECOND;
            match function {
                F::Hour => Value::Int(seconds / 3600),
                F::Minute => Value::Int(seconds / 60 % 60),
                F::Second => Value::Int(seconds % 60),
                _ => Value::Decimal(Decimal::new(ticks % TICKS_PER_SECOND, 7)),
            }
        }
        F::Date | F::Time | F::TotalOffsetMinutes => {
            let Value::DateTime(at) = first else {
                return None;
            };
            match function {
                F::Date => Value::Date(local(*at)?.0),
                F::Time => Value::Time(time_of(local(*at)?.1)?),
                _ => Value::Int(i64::from(at.offset_minutes)),
            }
        }
        F::Now => return None,
        F::Round | F::Floor | F::Ceiling => rounded(function, first)?,
    })
}

fn count(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

fn find(function: Function, a: &str, b: &str) -> Value {
    match function {
        Function::Contains => Value::Bool(a.contains(b)),
        Function::StartsWith => Value::Bool(a.starts_with(b)),
        Function::EndsWith => Value::Bool(a.ends_with(b)),
        _ => Value::Int(a.find(b).map_or(-1, |place| count(&a[..place]))),
    }
}

/// Returns the date and the ticks of the day at a date-time's own offset, for years 1 to 9999.
fn local(at: DateTime) -> Option<(jiff::civil::Date, i64)> {
    let ticks = at
        .ticks
        .checked_add(i64::from(at.offset_minutes) * TICKS_PER_MINUTE)?;
    let day = ticks.div_euclid(TICKS_PER_DAY);
    let date = (FIRST_DAY..=LAST_DAY).contains(&day).then(|| date_of(day))??;
    Some((date, ticks.rem_euclid(TICKS_PER_DAY)))
}

fn rounded(function: Function, value: &Value) -> Option<Value> {
    Some(match value {
        Value::Int(v) => Value::Int(*v),
        Value::Double(v) if v.0.is_nan() => return None,
        Value::Double(v) if v.0.abs() >= WHOLE_DOUBLES => Value::double(v.0),
        Value::Double(v) => Value::double(match function {
            // As SQLite rounds: add half away from zero, then cut.
            Function::Round => (v.0 + if v.0 < 0.0 { -0.5 } else { 0.5 }).trunc(),
            Function::Floor => v.0.floor(),
            _ => v.0.ceil(),
        }),
        Value::Decimal(v) => Value::Decimal(match function {
            Function::Round => {
                v.round_dp_with_strategy(0, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
            }
            Function::Floor => v.floor(),
            _ => v.ceil(),
        }),
        _ => return None,
    })
}
