//! The readers for callers: whole texts, nothing left over.

use super::cursor::{Cursor, Form};
use super::error::{Parsed, SyntaxError};
use super::tree::{Expr, KeyPredicate, Literal, QueryOption, Search};
use super::{expr, literal, options, path, search};

/// Runs a reader over a whole text.
pub(super) fn whole<T>(text: &str, form: Form, read: impl FnOnce(&mut Cursor<'_>) -> Parsed<T>) -> Parsed<T> {
    let mut c = Cursor::new(text, form);
    let value = read(&mut c)?;
    c.end()?;
    Ok(value)
}

/// Reads an expression, such as the value of `$filter`.
///
/// # Errors
/// [`SyntaxError`] with the position where the text stops making sense.
pub fn parse_expr(text: &str, form: Form) -> Result<Expr, SyntaxError> {
    whole(text, form, expr::expr)
}

/// Reads a literal.
///
/// # Errors
/// [`SyntaxError`] if the text is not exactly one literal.
pub fn parse_literal(text: &str, form: Form) -> Result<Literal, SyntaxError> {
    whole(text, form, literal::any_literal)
}

/// Reads a key predicate: `(1)`, `(a=1,b='x')` or `/1`.
///
/// # Errors
/// [`SyntaxError`] if the text is not a key predicate.
pub fn parse_key(text: &str, form: Form) -> Result<KeyPredicate, SyntaxError> {
    whole(text, form, path::key)
}

/// Reads the value of `$search`.
///
/// # Errors
/// [`SyntaxError`] if the text is not a search expression.
pub fn parse_search(text: &str, form: Form) -> Result<Search, SyntaxError> {
    whole(text, form, search::search)
}

/// Reads the value of the system query option of this name (without `$`).
///
/// # Errors
/// [`SyntaxError`] if there is no such option or the value does not fit it.
pub fn parse_option_value(name: &str, text: &str, form: Form) -> Result<QueryOption, SyntaxError> {
    whole(text, form, |c| options::value(c, &name.to_ascii_lowercase()))
}

/// Reads one query option of a URL: `$filter=…`, `@alias=…` or an option of the service's own.
///
/// # Errors
/// [`SyntaxError`] if the value does not fit the name, or the name begins with `$` and is unknown.
pub fn parse_option(text: &str) -> Result<QueryOption, SyntaxError> {
    whole(text, Form::Query, option)
}

pub(super) fn option(c: &mut Cursor<'_>) -> Parsed<QueryOption> {
    if let Some(name) = options::system_name(c) {
        if name == "levels" {
            return c.expected("`$levels` only inside `$expand`");
        }
        return options::value(c, name);
    }
    if c.sees('@') {
        return options::alias(c);
    }
    if c.sees('$') {
        return c.expected("a known system query option");
    }
    let start = c.at;
    let custom = custom(c);
    if custom.is_ok() && (c.is_end() || c.sees('&')) {
        return custom;
    }
    // The value of a function's parameter may have characters that other values must encode.
    let end = c.at;
    c.at = start;
    match c.attempt(parameter)? {
        Some(option) => Ok(option),
        None => {
            c.at = end;
            custom
        }
    }
}

/// `nameAndValue`: the value of a function's parameter, an expression.
fn parameter(c: &mut Cursor<'_>) -> Parsed<QueryOption> {
    let name = c.name()?;
    c.need_plain('=', "`=`")?;
    Ok(QueryOption::Custom(name, Some(expr::expr(c)?.to_string())))
}

/// `customQueryOption`: a name that does not begin with `$` or `@`, and perhaps a value.
pub(super) fn custom(c: &mut Cursor<'_>) -> Parsed<QueryOption> {
    let mut name = String::new();
    while let Some(next) = c
        .peek()
        .filter(|next| next.encoded || (next.value != '=' && options::stands_in_query(next.value, c.form)))
    {
        if name.is_empty() && !next.encoded && matches!(next.value, '$' | '@') {
            break;
        }
        name.push(next.value);
        c.next();
    }
    if name.is_empty() {
        return c.expected("the name of a query option");
    }
    if !c.eat_plain('=') {
        return Ok(QueryOption::Custom(name, None));
    }
    let value = c.attempt(options::opaque)?.unwrap_or_default();
    Ok(QueryOption::Custom(name, Some(value)))
}

/// Reads the query of a URL (without `?`): options separated by `&`. An empty query has none.
///
/// # Errors
/// The first [`SyntaxError`], its position counted from the start of `text`.
pub fn parse_options(text: &str) -> Result<Vec<QueryOption>, SyntaxError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut start = 0;
    let mut options = Vec::new();
    for part in text.split('&') {
        options.push(parse_option(part).map_err(|error| SyntaxError {
            at: start + error.at,
            ..error
        })?);
        start += part.len() + 1;
    }
    Ok(options)
}
