//! JSON arrays and objects inside expressions.

use super::cursor::{Cursor, Form};
use super::error::Parsed;
use super::expr::expr;
use super::tree::{Expr, Literal};

/// Reads an array or an object; white space before it is already skipped.
pub(super) fn array_or_object(c: &mut Cursor<'_>) -> Parsed<Expr> {
    c.nested(|c| if c.eat('[') { array(c) } else { object(c) })
}

fn array(c: &mut Cursor<'_>) -> Parsed<Expr> {
    let mut items = Vec::new();
    c.space();
    if c.eat(']') {
        return Ok(Expr::Array(items));
    }
    loop {
        items.push(value(c)?);
        c.space();
        if c.eat(']') {
            return Ok(Expr::Array(items));
        }
        c.need(',', "a comma or a closing bracket")?;
        c.space();
    }
}

fn object(c: &mut Cursor<'_>) -> Parsed<Expr> {
    c.need('{', "an array or object")?;
    let mut members = Vec::new();
    c.space();
    if c.eat('}') {
        return Ok(Expr::Object(members));
    }
    loop {
        let name = string(c)?;
        c.space();
        c.need(':', "a colon")?;
        c.space();
        members.push((name, value(c)?));
        c.space();
        if c.eat('}') {
            return Ok(Expr::Object(members));
        }
        c.need(',', "a comma or a closing brace")?;
        c.space();
    }
}

fn value(c: &mut Cursor<'_>) -> Parsed<Expr> {
    if c.sees('"') {
        c.node()?;
        return string(c).map(|text| Expr::Literal(Literal::Text(text)));
    }
    expr(c)
}

/// Reads a JSON string.
pub(super) fn string(c: &mut Cursor<'_>) -> Parsed<String> {
    c.need('"', "a double quote")?;
    let mut text = String::new();
    loop {
        let Some(next) = c.peek() else {
            return c.expected("a closing double quote");
        };
        match next.value {
            '"' => {
                c.next();
                return Ok(text);
            }
            '\\' => {
                c.next();
                text.push(escape(c)?);
            }
            value if next.encoded || stands_in_string(value, c.form) => {
                c.next();
                text.push(value);
            }
            _ => return c.expected("a percent-encoded character"),
        }
    }
}

fn stands_in_string(c: char, form: Form) -> bool {
    form == Form::Text || !(matches!(c, '&' | '#' | '<' | '>' | '^' | '`' | '|') || c.is_control())
}

fn escape(c: &mut Cursor<'_>) -> Parsed<char> {
    let Some(next) = c.next() else {
        return c.expected("an escaped character");
    };
    match next.value {
        plain @ ('"' | '\\' | '/') => Ok(plain),
        'b' => Ok('\u{8}'),
        'f' => Ok('\u{c}'),
        'n' => Ok('\n'),
        'r' => Ok('\r'),
        't' => Ok('\t'),
        'u' => unicode(c),
        _ => c.expected("a JSON escape"),
    }
}

fn unicode(c: &mut Cursor<'_>) -> Parsed<char> {
    let first = four_digits(c)?;
    let code = if (0xd800..0xdc00).contains(&first) {
        if !(c.eat('\\') && c.eat_exact("u")) {
            return c.expected("the second half of a surrogate pair");
        }
        let second = four_digits(c)?;
        if !(0xdc00..0xe000).contains(&second) {
            return c.expected("the second half of a surrogate pair");
        }
        0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
    } else {
        first
    };
    char::from_u32(code).map_or_else(|| c.expected("a character code"), Ok)
}

fn four_digits(c: &mut Cursor<'_>) -> Parsed<u32> {
    let mut code = 0;
    for _ in 0..4 {
        match c.next().and_then(|c| c.value.to_digit(16)) {
            Some(digit) => code = code * 16 + digit,
            None => return c.expected("four hexadecimal digits"),
        }
    }
    Ok(code)
}
