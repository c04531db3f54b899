//! Literals of the primitive types.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use uuid::Uuid;

use super::cursor::{Cursor, Form};
use super::error::Parsed;
use super::tree::{KeyValue, Literal};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads a literal if one stands here; an enumeration with a type name is read with paths.
pub(super) fn literal(c: &mut Cursor<'_>) -> Parsed<Option<Literal>> {
    c.node()?;
    if c.eat_exact_word("null") {
        return Ok(Some(Literal::Null));
    }
    if let Some(value) = boolean(c) {
        return Ok(Some(Literal::Bool(value)));
    }
    if let Some(value) = guid(c) {
        return Ok(Some(Literal::Guid(value)));
    }
    if let Some(value) = date_time(c) {
        return Ok(Some(Literal::DateTime(value)));
    }
    if let Some(value) = date(c) {
        return Ok(Some(Literal::Date(value)));
    }
    if let Some(value) = time_of_day(c) {
        return Ok(Some(Literal::Time(value)));
    }
    if let Some(value) = number(c) {
        return Ok(Some(Literal::Number(value)));
    }
    if c.sees('\'') {
        return text(c).map(|text| Some(Literal::Text(text)));
    }
    prefixed(c)
}

fn prefixed(c: &mut Cursor<'_>) -> Parsed<Option<Literal>> {
    let start = c.at;
    for geo in ["geography", "geometry"] {
        if c.eat_any_case(geo) && c.sees('\'') {
            return c.unsupported("geographic literals");
        }
        c.at = start;
    }
    if c.eat_any_case("duration") && c.sees('\'') {
        return prefixed_duration(c).map(Some);
    }
    c.at = start;
    if c.eat_any_case("binary") && c.sees('\'') {
        c.eat('\'');
        let bytes = binary(c)?;
        c.need('\'', "a closing quote")?;
        return Ok(Some(Literal::Binary(bytes)));
    }
    c.at = start;
    Ok(None)
}

fn prefixed_duration(c: &mut Cursor<'_>) -> Parsed<Literal> {
    c.need('\'', "a quote")?;
    let Some(value) = duration(c) else {
        return c.expected("a duration such as P1DT2H30M");
    };
    c.need('\'', "a closing quote")?;
    Ok(Literal::Duration(value))
}

/// `durationLiteral`: the prefix may be missing.
pub(super) fn duration_literal(c: &mut Cursor<'_>) -> Parsed<Literal> {
    c.eat_any_case("duration");
    prefixed_duration(c)
}

impl Cursor<'_> {
    fn eat_exact_word(&mut self, word: &str) -> bool {
        let start = self.at;
        if self.eat_exact(word) && !self.sees_name_char() {
            return true;
        }
        self.at = start;
        false
    }

    /// Runs a reader that says by `None` that it does not apply, and goes back in that case.
    fn or_back<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.at;
        let value = read(self);
        if value.is_none() {
            self.at = start;
        }
        value
    }
}

pub(super) fn boolean(c: &mut Cursor<'_>) -> Option<bool> {
    if c.eat_keyword("true") {
        return Some(true);
    }
    c.eat_keyword("false").then_some(false)
}

pub(super) fn guid(c: &mut Cursor<'_>) -> Option<Uuid> {
    c.or_back(|c| {
        let mut text = String::with_capacity(36);
        for (index, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
            if index > 0 {
                c.eat('-').then_some(())?;
            }
            for _ in 0..length {
                text.push(c.next().filter(|c| c.value.is_ascii_hexdigit())?.value);
            }
        }
        Uuid::try_parse(&text).ok()
    })
}

/// Takes an optional sign: `-`, or `+`, which must be encoded in a URL.
fn sign(c: &mut Cursor<'_>, into: &mut String, keep_plus: bool) {
    if c.eat('-') {
        into.push('-');
    } else if c
        .peek()
        .is_some_and(|next| next.value == '+' && (next.encoded || c.form == Form::Text))
    {
        c.next();
        if keep_plus {
            into.push('+');
        }
    }
}

/// Reads a decimal, double or whole number, or `NaN`, `INF`, `-INF`.
pub(super) fn number(c: &mut Cursor<'_>) -> Option<String> {
    for word in ["NaN", "-INF", "INF"] {
        if c.eat_exact_word(word) {
            return Some(word.to_owned());
        }
    }
    c.or_back(|c| {
        let mut text = String::new();
        sign(c, &mut text, false);
        c.eat_digits(&mut text, 1, usize::MAX).then_some(())?;
        fraction(c, &mut text, usize::MAX);
        let (start, length) = (c.at, text.len());
        if c.eat_any_case("e") {
            text.push('e');
            sign(c, &mut text, true);
            if !c.eat_digits(&mut text, 1, usize::MAX) {
                c.at = start;
                text.truncate(length);
            }
        }
        Some(text)
    })
}

fn fraction(c: &mut Cursor<'_>, text: &mut String, most: usize) {
    let (start, length) = (c.at, text.len());
    if c.eat('.') {
        text.push('.');
        if !c.eat_digits(text, 1, most) {
            c.at = start;
            text.truncate(length);
        }
    }
}

/// Reads a whole number of at most so many digits.
pub(super) fn integer(c: &mut Cursor<'_>, signed: bool, digits: usize) -> Option<String> {
    c.or_back(|c| {
        let mut text = String::new();
        if signed {
            sign(c, &mut text, false);
        }
        c.eat_digits(&mut text, 1, digits).then_some(text)
    })
}

fn two_digits(c: &mut Cursor<'_>, into: &mut String, least: u8, most: u8) -> Option<()> {
    let start = into.len();
    c.eat_digits(into, 2, 2).then_some(())?;
    let number: u8 = into.get(start..)?.parse().ok()?;
    (least..=most).contains(&number).then_some(())
}

pub(super) fn date(c: &mut Cursor<'_>) -> Option<String> {
    c.or_back(|c| {
        let mut text = String::new();
        if c.eat('-') {
            text.push('-');
        }
        let start = text.len();
        c.eat_digits(&mut text, 4, 12).then_some(())?;
        if text.len() - start > 4 && text.get(start..)?.starts_with('0') {
            return None;
        }
        c.eat('-').then(|| text.push('-'))?;
        two_digits(c, &mut text, 1, 12)?;
        c.eat('-').then(|| text.push('-'))?;
        two_digits(c, &mut text, 1, 31)?;
        Some(text)
    })
}

pub(super) fn time_of_day(c: &mut Cursor<'_>) -> Option<String> {
    c.or_back(|c| {
        let mut text = String::new();
        two_digits(c, &mut text, 0, 23)?;
        c.eat(':').then(|| text.push(':'))?;
        two_digits(c, &mut text, 0, 59)?;
        let (start, length) = (c.at, text.len());
        if c.eat(':') {
            text.push(':');
            if two_digits(c, &mut text, 0, 60).is_some() {
                fraction(c, &mut text, 12);
            } else {
                c.at = start;
                text.truncate(length);
            }
        }
        Some(text)
    })
}

pub(super) fn date_time(c: &mut Cursor<'_>) -> Option<String> {
    c.or_back(|c| {
        let mut text = date(c)?;
        c.eat_any_case("T").then(|| text.push('T'))?;
        text.push_str(&time_of_day(c)?);
        if c.eat_any_case("Z") {
            text.push('Z');
            return Some(text);
        }
        let length = text.len();
        sign(c, &mut text, true);
        (text.len() > length).then_some(())?;
        two_digits(c, &mut text, 0, 23)?;
        c.eat(':').then(|| text.push(':'))?;
        two_digits(c, &mut text, 0, 59)?;
        Some(text)
    })
}

pub(super) fn duration(c: &mut Cursor<'_>) -> Option<String> {
    fn part(c: &mut Cursor<'_>, text: &mut String, unit: &str, with_fraction: bool) {
        let (start, length) = (c.at, text.len());
        if c.eat_digits(text, 1, 20) {
            if with_fraction {
                fraction(c, text, 20);
            }
            if c.eat_any_case(unit) {
                text.push_str(unit);
                return;
            }
        }
        c.at = start;
        text.truncate(length);
    }
    c.or_back(|c| {
        let mut text = String::new();
        if c.eat('-') {
            text.push('-');
        }
        c.eat_any_case("P").then(|| text.push('P'))?;
        part(c, &mut text, "D", false);
        if c.eat_any_case("T") {
            text.push('T');
            part(c, &mut text, "H", false);
            part(c, &mut text, "M", false);
            part(c, &mut text, "S", true);
        }
        Some(text)
    })
}

fn stands_in_text(c: char, form: Form) -> bool {
    match form {
        Form::Text => true,
        Form::Query if matches!(c, '/' | '?') => true,
        Form::Path | Form::Query => {
            c.is_ascii_alphanumeric() || "-._~!()*+,;$&=:@".contains(c) || !(c.is_ascii() || c.is_control())
        }
    }
}

/// Reads text in single quotes; two quotes stand for one.
pub(super) fn text(c: &mut Cursor<'_>) -> Parsed<String> {
    c.need('\'', "a quote")?;
    let mut text = String::new();
    loop {
        let Some(next) = c.peek() else {
            return c.expected("a closing quote");
        };
        if next.value == '\'' {
            c.next();
            if !c.eat('\'') {
                return Ok(text);
            }
        } else if next.encoded || stands_in_text(next.value, c.form) {
            c.next();
        } else {
            return c.expected("a percent-encoded character");
        }
        text.push(next.value);
    }
}

/// Reads base64url, with or without padding.
pub(super) fn binary(c: &mut Cursor<'_>) -> Parsed<Vec<u8>> {
    let mut text = String::new();
    while let Some(next) = c
        .peek()
        .filter(|c| c.value.is_ascii_alphanumeric() || "-_=".contains(c.value))
    {
        text.push(next.value);
        c.next();
    }
    BASE64
        .decode(text.as_bytes())
        .or_else(|_| c.expected("base64url"))
}

/// Reads members of an enumeration, separated by commas.
pub(super) fn members(c: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    let mut members = Vec::new();
    loop {
        c.node()?;
        match integer(c, true, 19) {
            Some(number) => members.push(number),
            None => members.push(c.name()?),
        }
        if !c.eat(',') {
            return Ok(members);
        }
    }
}

/// Reads an enumeration in quotes after the name of its type.
pub(super) fn enumeration(c: &mut Cursor<'_>, type_name: String) -> Parsed<Literal> {
    c.need('\'', "a quote")?;
    let members = members(c)?;
    c.need('\'', "a closing quote")?;
    Ok(Literal::Enum { type_name, members })
}

/// `primitiveLiteral`: any literal, also an enumeration with its type name.
pub(super) fn any_literal(c: &mut Cursor<'_>) -> Parsed<Literal> {
    if let Some(literal) = literal(c)? {
        return Ok(literal);
    }
    let start = c.at;
    let Some(type_name) = c.attempt(Cursor::qualified_name)? else {
        return c.expected("a literal");
    };
    if !type_name.contains('.') || !c.sees('\'') {
        c.at = start;
        return c.expected("a literal");
    }
    enumeration(c, type_name)
}

/// A part of a key: a literal other than null and binary, or a parameter alias.
pub(super) fn key_value(c: &mut Cursor<'_>) -> Parsed<KeyValue> {
    if c.eat('@') {
        return c.name().map(KeyValue::Alias);
    }
    let start = c.at;
    match any_literal(c)? {
        Literal::Null | Literal::Binary(_) => {
            c.at = start;
            c.expected("a key value")
        }
        literal => Ok(KeyValue::Literal(literal)),
    }
}

/// Reads base64url, with or without padding.
pub(crate) fn base64url(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.as_bytes()).ok()
}
