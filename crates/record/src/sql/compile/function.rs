//! Function calls.

use super::value::{Operand, unsupported};
use super::writer::Writer;
use crate::query::{
    Collation, FIRST_DAY, Function, LAST_DAY, Node, TICKS_PER_DAY, TICKS_PER_MINUTE, Type, Typed,
};
use crate::sql::decimal::DecimalForm;
use crate::sql::names::CompileError;
use crate::time::TICKS_PER_SECOND;
use crate::value::Value;

impl Writer<'_> {
    /// Writes a call that is true or false: `contains`, `startswith` and `endswith`.
    pub(super) fn text_test(&mut self, typed: &Typed) -> Result<String, CompileError> {
        let Node::Call(function, arguments) = &typed.node else {
            return Err(unsupported("call", "no function"));
        };
        let [a, b] = arguments.as_slice() else {
            return Err(unsupported(function.name(), "these arguments"));
        };
        if *function == Function::StartsWith
            && a.ty == Type::Text
            && let Some(range) = self.prefix_range(a, b)?
        {
            return Ok(range);
        }
        let (x, y) = (self.searched(a)?, self.searched(b)?);
        let dialect = self.dialect;
        Ok(match function {
            Function::Contains => format!("{} > 0", dialect.place(&x, &y)),
            Function::StartsWith => format!("substr({x}, 1, {}) = {y}", self.characters(&y)),
            _ => {
                let (all, end) = (dialect.length(&x), dialect.length(&y));
                let from = self.characters_from(&format!("{all} - {end}"));
                format!("({all} >= {end} AND substr({x}, {from}) = {y})")
            }
        })
    }

    /// Writes `startswith` with a constant as a range of the text itself, which an index serves.
    fn prefix_range(&mut self, a: &Typed, b: &Typed) -> Result<Option<String>, CompileError> {
        let Some(Value::Text(prefix) | Value::Choice(prefix)) = b.as_const() else {
            return Ok(None);
        };
        let no_case = self.collation == Collation::AsciiNoCase;
        let prefix = if no_case {
            prefix.to_ascii_lowercase()
        } else {
            prefix.clone()
        };
        let Some(end) = after_prefix(&prefix).filter(|end| !no_case || *end == end.to_ascii_lowercase())
        else {
            return Ok(None);
        };
        let text = self.value(a)?.sql;
        let text = self.dialect.collated(&text, self.collation);
        let (from, end) = (self.bind_text(&prefix)?, self.bind_text(&end)?);
        Ok(Some(format!("({text} >= {from} AND {text} < {end})")))
    }

    /// Writes a text as `contains` and its kin look at it.
    fn searched(&mut self, typed: &Typed) -> Result<String, CompileError> {
        let sql = self.value(typed)?.sql;
        Ok(match self.collation {
            Collation::Binary => sql,
            Collation::AsciiNoCase => self.dialect.lower(&sql),
        })
    }

    fn characters(&self, text: &str) -> String {
        self.dialect.clamped(&self.dialect.length(text))
    }

    fn characters_from(&self, zero_based: &str) -> String {
        format!("{} + 1", self.dialect.clamped(zero_based))
    }

    /// Writes a call that yields a value.
    pub(super) fn call(&mut self, function: Function, arguments: &[Typed]) -> Result<Operand, CompileError> {
        let Some(first) = arguments.first() else {
            return Err(unsupported(function.name(), "no arguments"));
        };
        let dialect = self.dialect;
        let sql = match function {
            Function::IndexOf => {
                let part = arguments
                    .get(1)
                    .ok_or_else(|| unsupported("indexof", "one argument"))?;
                let (text, part) = (self.searched(first)?, self.searched(part)?);
                format!("({} - 1)", dialect.place(&text, &part))
            }
            Function::Length => dialect.length(&self.value(first)?.sql),
            Function::Substring => self.substring(first, &arguments[1..])?,
            Function::ToLower => dialect.lower(&self.value(first)?.sql),
            Function::ToUpper => dialect.upper(&self.value(first)?.sql),
            Function::Trim => dialect.trimmed(&self.value(first)?.sql),
            Function::Concat => {
                let texts: Result<Vec<_>, _> = arguments
                    .iter()
                    .map(|text| Ok::<_, CompileError>(self.value(text)?.sql))
                    .collect();
                format!("({})", texts?.join(" || "))
            }
            Function::Year | Function::Month | Function::Day => {
                let day = match first.ty {
                    Type::DateTime => day_of(&self.local(first)?),
                    _ => {
                        let day = self.value(first)?.sql;
                        format!("(CASE WHEN {day} BETWEEN {FIRST_DAY} AND {LAST_DAY} THEN {day} END)")
                    }
                };
                dialect.date_part(function, &day)
            }
            Function::Hour | Function::Minute | Function::Second | Function::FractionalSeconds => {
                let ticks = match first.ty {
                    Type::DateTime => time_of(&self.local(first)?),
                    _ => self.value(first)?.sql,
                };
                match function {
                    Function::Hour => format!("({ticks} / {})", 60 * TICKS_PER_MINUTE),
                    Function::Minute => format!("({ticks} / {TICKS_PER_MINUTE} % 60)"),
                    Function::Second => format!("({ticks} / {TICKS_PER_SECOND} % 60)"),
                    _ => format!("({ticks} % {TICKS_PER_SECOND})"),
                }
            }
            Function::Date => day_of(&self.local(first)?),
            Function::Time => time_of(&self.local(first)?),
            Function::TotalOffsetMinutes => self.offset(first)?,
            Function::Round | Function::Floor | Function::Ceiling => self.rounded(function, first)?,
            Function::Now | Function::Contains | Function::StartsWith | Function::EndsWith => {
                return Err(unsupported(function.name(), "these arguments"));
            }
        };
        Ok(Operand::new(sql))
    }

    fn substring(&mut self, text: &Typed, rest: &[Typed]) -> Result<String, CompileError> {
        let text = self.value(text)?.sql;
        let mut bounds = rest.iter();
        let from = match bounds.next() {
            Some(from) => self.value(from)?.sql,
            None => return Err(unsupported("substring", "one argument")),
        };
        let from = self.characters_from(&from);
        Ok(match bounds.next() {
            None => format!("substr({text}, {from})"),
            Some(most) => {
                let most = self.value(most)?.sql;
                format!("substr({text}, {from}, {})", self.dialect.clamped(&most))
            }
        })
    }

    /// Writes the offset of a date-time in minutes.
    fn offset(&mut self, typed: &Typed) -> Result<String, CompileError> {
        let operand = self.value(typed)?;
        let offset = operand
            .second
            .ok_or_else(|| unsupported("totaloffsetminutes", "this date-time"))?;
        // Arithmetic may yield no date-time, which then has no offset either.
        Ok(match typed.node {
            Node::Field(_) => offset,
            _ => format!("(CASE WHEN {} IS NULL THEN NULL ELSE {offset} END)", operand.sql),
        })
    }

    /// Writes the ticks of a date-time at its own offset, counted from 0001-01-01; null outside years 1 to 9999.
    fn local(&mut self, typed: &Typed) -> Result<String, CompileError> {
        let operand = self.value(typed)?;
        let offset = operand
            .second
            .ok_or_else(|| unsupported("date", "this date-time"))?;
        let ticks = self
            .dialect
            .whole(&operand.sql, "+", &format!("({offset} * {TICKS_PER_MINUTE})"));
        let first = FIRST_DAY * TICKS_PER_DAY;
        let last = (LAST_DAY + 1) * TICKS_PER_DAY - 1;
        Ok(format!(
            "(CASE WHEN {ticks} BETWEEN {first} AND {last} THEN {ticks} - ({first}) END)"
        ))
    }

    fn rounded(&mut self, function: Function, typed: &Typed) -> Result<String, CompileError> {
        match typed.ty {
            Type::Int => Ok(self.value(typed)?.sql),
            Type::Double => {
                let number = self.double(function.name(), typed)?;
                Ok(self.dialect.rounded(function, &number))
            }
            Type::Decimal(DecimalForm::Scaled(0)) => Ok(self.value(typed)?.sql),
            Type::Decimal(DecimalForm::Scaled(scale)) => {
                let number = self.value(typed)?.sql;
                let unit = 10i64.pow(u32::from(scale));
                let rest = format!("{number} % {unit}");
                let step = match function {
                    Function::Round => {
                        let half = unit / 2;
                        format!("CASE WHEN {rest} >= {half} THEN 1 WHEN {rest} <= -{half} THEN -1 ELSE 0 END")
                    }
                    Function::Floor => format!("CASE WHEN {rest} < 0 THEN -1 ELSE 0 END"),
                    _ => format!("CASE WHEN {rest} > 0 THEN 1 ELSE 0 END"),
                };
                Ok(format!("({number} / {unit} + {step})"))
            }
            _ => Err(unsupported(function.name(), "decimals of any scale")),
        }
    }
}

fn day_of(local: &str) -> String {
    format!("({local} / {TICKS_PER_DAY} + ({FIRST_DAY}))")
}

fn time_of(local: &str) -> String {
    format!("({local} % {TICKS_PER_DAY})")
}

/// Returns the least text that is larger than every text with a prefix; `None` if there is none.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        let next = match last {
            char::MAX => continue,
            '\u{D7FF}' => '\u{E000}',
            other => char::from_u32(u32::from(other) + 1)?,
        };
        text.push(next);
        return Some(text);
    }
    None
}
