//! Paths in expressions: properties, keys, type casts, functions, lambda expressions, annotations.

use super::cursor::Cursor;
use super::error::Parsed;
use super::expr::expr;
use super::literal;
use super::options::{self, Nested};
use super::tree::{Arguments, Expr, KeyPredicate, Lambda, Literal, Path, Segment, Start};

/// Reads a path, or an enumeration literal, which begins like one.
pub(super) fn path(c: &mut Cursor<'_>) -> Parsed<Expr> {
    let (start, must_go_on) = if c.eat_exact("$root") {
        (Start::Root, true)
    } else if c.eat_exact("$it") {
        (Start::It, false)
    } else if c.eat_exact("$this") {
        (Start::This, false)
    } else {
        return from_here(c);
    };
    if c.sees_name_char() {
        return c.expected("`$it`, `$this` or `$root`");
    }
    if must_go_on && !c.sees('/') {
        return c.expected("`/`");
    }
    rest(c, start, Vec::new())
}

fn from_here(c: &mut Cursor<'_>) -> Parsed<Expr> {
    let before = c.at;
    if c.sees('@') {
        let (term, qualifier) = annotation(c)?;
        if qualifier.is_none() && !term.contains('.') {
            return rest(c, Start::Alias(term), Vec::new());
        }
        return rest(c, Start::Here, vec![Segment::Annotation(term, qualifier)]);
    }
    let name = c.qualified_name().or_else(|_| {
        c.at = before;
        c.expected("an expression")
    })?;
    if c.sees('\'') && name.contains('.') {
        return literal::enumeration(c, name).map(Expr::Literal);
    }
    if c.sees('(') && is_lambda(&name) {
        return c.expected("a collection before `any` and `all`");
    }
    let arguments = arguments(c)?;
    if name.contains('.') && arguments.is_none() && !c.sees('/') {
        return c.expected("`/` after a type name or `(` after a function name");
    }
    rest(c, Start::Here, vec![Segment::Name(name, arguments)])
}

fn is_lambda(name: &str) -> bool {
    name.eq_ignore_ascii_case("any") || name.eq_ignore_ascii_case("all")
}

fn rest(c: &mut Cursor<'_>, start: Start, mut segments: Vec<Segment>) -> Parsed<Expr> {
    loop {
        if takes_key(segments.last()) && c.sees('(') {
            segments.push(Segment::Key(key_in_parentheses(c)?));
        }
        if matches!(
            segments.last(),
            Some(Segment::Count(_) | Segment::Any(_) | Segment::All(_))
        ) || !c.eat_plain('/')
        {
            return Ok(Expr::Path(Path { start, segments }));
        }
        c.node()?;
        let segment = segment(c)?;
        if is_cast(segments.last()) && is_cast(Some(&segment)) {
            return c.expected("a property or function after a type name");
        }
        segments.push(segment);
    }
}

fn is_cast(segment: Option<&Segment>) -> bool {
    matches!(segment, Some(Segment::Name(name, None)) if name.contains('.'))
}

fn takes_key(segment: Option<&Segment>) -> bool {
    matches!(
        segment,
        Some(Segment::Filter(_) | Segment::Name(_, Some(Arguments::None | Arguments::Named(_))))
    )
}

fn segment(c: &mut Cursor<'_>) -> Parsed<Segment> {
    if c.eat_exact("$count") {
        return options::in_parentheses(c, Nested::Count).map(Segment::Count);
    }
    if c.eat_exact("$filter") {
        c.need('(', "an opening parenthesis")?;
        let condition = expr(c)?;
        c.need(')', "a closing parenthesis")?;
        return Ok(Segment::Filter(Box::new(condition)));
    }
    if c.sees('@') {
        return annotation(c).map(|(term, qualifier)| Segment::Annotation(term, qualifier));
    }
    let name = c.qualified_name()?;
    if c.sees('(') && name.eq_ignore_ascii_case("any") {
        return any(c).map(Segment::Any);
    }
    if c.sees('(') && name.eq_ignore_ascii_case("all") {
        return match any(c)? {
            Some(lambda) => Ok(Segment::All(lambda)),
            None => c.expected("a lambda expression in `all`"),
        };
    }
    arguments(c).map(|arguments| Segment::Name(name, arguments))
}

/// Reads what follows the word `any` or `all`; nothing between the parentheses is `None`.
pub(super) fn any(c: &mut Cursor<'_>) -> Parsed<Option<Lambda>> {
    c.need('(', "an opening parenthesis")?;
    c.space();
    if c.eat(')') {
        return Ok(None);
    }
    let variable = c.name()?;
    c.space();
    c.need(':', "a colon")?;
    c.space();
    let condition = Box::new(expr(c)?);
    c.space();
    c.need(')', "a closing parenthesis")?;
    Ok(Some(Lambda { variable, condition }))
}

/// Reads `@term` with an optional namespace and qualifier.
pub(super) fn annotation(c: &mut Cursor<'_>) -> Parsed<(String, Option<String>)> {
    c.need('@', "`@`")?;
    let term = c.qualified_name()?;
    // A plain `#` would end the query of a URL.
    let hash = c
        .peek()
        .is_some_and(|next| next.value == '#' && (next.encoded || c.form == super::Form::Text));
    let qualifier = if hash {
        c.next();
        Some(c.name()?)
    } else {
        None
    };
    Ok((term, qualifier))
}

fn arguments(c: &mut Cursor<'_>) -> Parsed<Option<Arguments>> {
    if !c.eat('(') {
        return Ok(None);
    }
    c.space();
    if c.eat(')') {
        return Ok(Some(Arguments::None));
    }
    let before = c.at;
    let named = c.attempt(|c| {
        c.name()?;
        c.need_plain('=', "`=`")
    })?;
    c.at = before;
    if named.is_none() {
        let key = literal::key_value(c)?;
        c.need(')', "a closing parenthesis")?;
        return Ok(Some(Arguments::Key(key)));
    }
    let mut pairs = Vec::new();
    loop {
        let name = c.name()?;
        c.need_plain('=', "`=`")?;
        pairs.push((name, expr(c)?));
        c.space();
        if c.eat(')') {
            return Ok(Some(Arguments::Named(pairs)));
        }
        c.need(',', "a comma or a closing parenthesis")?;
        c.space();
    }
}

/// Reads a key in parentheses.
pub(super) fn key_in_parentheses(c: &mut Cursor<'_>) -> Parsed<KeyPredicate> {
    c.need('(', "an opening parenthesis")?;
    let before = c.at;
    let named = c.attempt(|c| {
        c.name()?;
        c.need_plain('=', "`=`")
    })?;
    c.at = before;
    if named.is_none() {
        let key = literal::key_value(c)?;
        c.need(')', "a closing parenthesis")?;
        return Ok(KeyPredicate::Single(key));
    }
    let mut pairs = Vec::new();
    loop {
        c.node()?;
        let name = c.name()?;
        c.need_plain('=', "`=`")?;
        pairs.push((name, literal::key_value(c)?));
        if c.eat(')') {
            return Ok(KeyPredicate::Named(pairs));
        }
        c.need(',', "a comma or a closing parenthesis")?;
    }
}

/// Reads a key in parentheses or in path segments.
pub(super) fn key(c: &mut Cursor<'_>) -> Parsed<KeyPredicate> {
    if !c.sees('/') {
        return key_in_parentheses(c);
    }
    let mut segments = Vec::new();
    while c.eat_plain('/') {
        c.node()?;
        let mut text = String::new();
        while let Some(next) = c.peek().filter(|next| {
            next.encoded || next.value.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(next.value)
        }) {
            text.push(next.value);
            c.next();
        }
        segments.push(text);
    }
    Ok(KeyPredicate::Segments(segments))
}

/// Reads a literal where an enumeration may have its type name.
pub(super) fn enum_literal(c: &mut Cursor<'_>) -> Parsed<Literal> {
    let type_name = if c.sees('\'') {
        String::new()
    } else {
        c.qualified_name()?
    };
    if !type_name.is_empty() && !type_name.contains('.') {
        return c.expected("a qualified type name");
    }
    literal::enumeration(c, type_name)
}
