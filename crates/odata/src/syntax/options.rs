//! Query options: `$filter`, `$select`, `$expand` and the others, at the top of a request and nested.

use super::cursor::Cursor;
use super::error::Parsed;
use super::expr::expr;
use super::path::annotation;
use super::search;
use super::tree::{ExpandItem, ExpandTarget, Expr, OrderItem, QueryOption, SelectItem, Step};

/// In which parentheses options stand, which decides which are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nested {
    /// After `$count`.
    Count,
    /// After `/$ref` in `$expand`.
    References,
    /// After a path in `$expand`.
    Expand,
    /// After a path in `$select`.
    Select,
    /// After `*` in `$expand`.
    Star,
}

/// The names of the system query options.
const SYSTEM: [&str; 16] = [
    "filter",
    "search",
    "select",
    "expand",
    "orderby",
    "compute",
    "top",
    "skiptoken",
    "skip",
    "count",
    "levels",
    "index",
    "format",
    "id",
    "schemaversion",
    "deltatoken",
];

impl Nested {
    fn allows(self, name: &str) -> bool {
        match self {
            Self::Count => matches!(name, "filter" | "search"),
            Self::References => {
                matches!(name, "filter" | "search" | "orderby" | "skip" | "top" | "count")
            }
            Self::Select => matches!(
                name,
                "filter" | "search" | "orderby" | "skip" | "top" | "count" | "select" | "compute" | "alias"
            ),
            Self::Expand => matches!(
                name,
                "filter"
                    | "search"
                    | "orderby"
                    | "skip"
                    | "top"
                    | "count"
                    | "select"
                    | "expand"
                    | "compute"
                    | "levels"
                    | "alias"
            ),
            Self::Star => name == "levels",
        }
    }
}

/// Reads options in parentheses, if an opening parenthesis stands here.
pub(super) fn in_parentheses(c: &mut Cursor<'_>, nested: Nested) -> Parsed<Vec<QueryOption>> {
    if !c.eat('(') {
        return Ok(Vec::new());
    }
    c.nested(|c| {
        let mut options = Vec::new();
        loop {
            options.push(option(c, nested)?);
            if c.eat(')') {
                return Ok(options);
            }
            if nested == Nested::Star {
                return c.expected("a closing parenthesis");
            }
            c.need(';', "`;` or a closing parenthesis")?;
        }
    })
}

fn option(c: &mut Cursor<'_>, nested: Nested) -> Parsed<QueryOption> {
    if c.sees('@') && nested.allows("alias") {
        return alias(c);
    }
    let start = c.at;
    match system_name(c) {
        Some(name) if nested.allows(name) => value(c, name),
        _ => {
            c.at = start;
            c.expected("a query option that is allowed here")
        }
    }
}

/// Reads the name of a system query option and the `=` after it; the `$` may be missing.
pub(super) fn system_name(c: &mut Cursor<'_>) -> Option<&'static str> {
    let start = c.at;
    let dollar = c.eat('$');
    for name in SYSTEM {
        if c.eat_any_case(name) && c.eat_plain('=') && (dollar || !name.ends_with("token")) {
            return Some(name);
        }
        c.at = start + usize::from(dollar) * c.dollar_len(start);
    }
    c.at = start;
    None
}

impl Cursor<'_> {
    /// The bytes that the `$` at a position takes: one, or three where it is encoded.
    fn dollar_len(&mut self, start: usize) -> usize {
        let here = std::mem::replace(&mut self.at, start);
        let len = self.peek().map_or(0, |c| c.len);
        self.at = here;
        len
    }
}

/// Reads `@name=value`.
pub(super) fn alias(c: &mut Cursor<'_>) -> Parsed<QueryOption> {
    c.need('@', "`@`")?;
    let name = c.name()?;
    c.need_plain('=', "`=`")?;
    Ok(QueryOption::Alias(name, expr(c)?))
}

/// Reads the value of a system query option.
pub(super) fn value(c: &mut Cursor<'_>, name: &str) -> Parsed<QueryOption> {
    Ok(match name {
        "filter" => QueryOption::Filter(expr(c)?),
        "search" => QueryOption::Search(search::search(c)?),
        "select" => QueryOption::Select(separated(c, select_item)?),
        "expand" => QueryOption::Expand(separated(c, expand_item)?),
        "orderby" => QueryOption::OrderBy(separated(c, order_item)?),
        "compute" => QueryOption::Compute(separated(c, compute_item)?),
        "top" => QueryOption::Top(number(c)?),
        "skip" => QueryOption::Skip(number(c)?),
        "count" => match super::literal::boolean(c) {
            Some(count) => QueryOption::Count(count),
            None => return c.expected("`true` or `false`"),
        },
        "levels" => levels(c)?,
        "index" => {
            let negative = c.eat('-');
            let Ok(value) = i64::try_from(number(c)?) else {
                return c.expected("a whole number");
            };
            QueryOption::Index(if negative { -value } else { value })
        }
        "format" => QueryOption::Format(format(c)?),
        "id" => QueryOption::Id(opaque(c)?),
        "schemaversion" => QueryOption::SchemaVersion(schema_version(c)?),
        "skiptoken" => QueryOption::SkipToken(opaque(c)?),
        "deltatoken" => QueryOption::DeltaToken(opaque(c)?),
        _ => return c.expected("a system query option"),
    })
}

fn separated<T>(c: &mut Cursor<'_>, item: fn(&mut Cursor<'_>) -> Parsed<T>) -> Parsed<Vec<T>> {
    let mut items = Vec::new();
    loop {
        c.node()?;
        items.push(item(c)?);
        if !c.eat(',') {
            return Ok(items);
        }
    }
}

fn number(c: &mut Cursor<'_>) -> Parsed<u64> {
    let mut digits = String::new();
    c.eat_digits(&mut digits, 1, usize::MAX);
    digits.parse().or_else(|_| c.expected("a whole number"))
}

fn levels(c: &mut Cursor<'_>) -> Parsed<QueryOption> {
    if c.eat_keyword("max") {
        return Ok(QueryOption::Levels(None));
    }
    if c.sees('0') {
        return c.expected("a number of levels without leading zero, or `max`");
    }
    number(c).map(|levels| QueryOption::Levels(Some(levels)))
}

fn order_item(c: &mut Cursor<'_>) -> Parsed<OrderItem> {
    let expr = expr(c)?;
    let start = c.at;
    if c.space() {
        if c.eat_keyword("asc") {
            return Ok(OrderItem {
                expr,
                descending: false,
            });
        }
        if c.eat_keyword("desc") {
            return Ok(OrderItem {
                expr,
                descending: true,
            });
        }
        c.at = start;
    }
    Ok(OrderItem {
        expr,
        descending: false,
    })
}

fn compute_item(c: &mut Cursor<'_>) -> Parsed<(Expr, String)> {
    let expr = expr(c)?;
    c.need_space()?;
    if !c.eat_any_case("as") {
        return c.expected("`as` and a name");
    }
    c.need_space()?;
    Ok((expr, c.name()?))
}

fn step(c: &mut Cursor<'_>) -> Parsed<Step> {
    if c.sees('@') {
        return annotation(c).map(|(term, qualifier)| Step::Annotation(term, qualifier));
    }
    c.qualified_name().map(Step::Name)
}

fn select_item(c: &mut Cursor<'_>) -> Parsed<SelectItem> {
    if c.eat('*') {
        return Ok(SelectItem::All);
    }
    let mut steps = vec![step(c)?];
    if let [Step::Name(namespace)] = steps.as_slice() {
        let before = c.at;
        if c.eat('.') && c.eat('*') {
            return Ok(SelectItem::Operations(namespace.clone()));
        }
        c.at = before;
    }
    while c.eat_plain('/') {
        c.node()?;
        steps.push(step(c)?);
    }
    let before = c.at;
    if let Some(parameters) = c.attempt(parameters)? {
        return Ok(SelectItem::Path {
            steps,
            parameters,
            options: Vec::new(),
        });
    }
    c.at = before;
    let options = in_parentheses(c, Nested::Select)?;
    Ok(SelectItem::Path {
        steps,
        parameters: Vec::new(),
        options,
    })
}

fn parameters(c: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    c.need('(', "an opening parenthesis")?;
    let names = separated(c, |c| c.name())?;
    c.need(')', "a closing parenthesis")?;
    Ok(names)
}

fn expand_item(c: &mut Cursor<'_>) -> Parsed<ExpandItem> {
    let mut steps = Vec::new();
    let done = |steps, target, options| {
        Ok(ExpandItem {
            steps,
            target,
            options,
        })
    };
    if c.eat_exact("$value") {
        return done(steps, ExpandTarget::Stream, Vec::new());
    }
    loop {
        c.node()?;
        if c.eat('*') {
            if c.eat_exact("/$ref") {
                return done(steps, ExpandTarget::AllReferences, Vec::new());
            }
            let options = in_parentheses(c, Nested::Star)?;
            return done(steps, ExpandTarget::All, options);
        }
        steps.push(step(c)?);
        if c.eat_exact("/$ref") {
            let options = in_parentheses(c, Nested::References)?;
            return done(steps, ExpandTarget::References, options);
        }
        if c.eat_exact("/$count") {
            let options = in_parentheses(c, Nested::Count)?;
            return done(steps, ExpandTarget::Count, options);
        }
        if !c.eat_plain('/') {
            break;
        }
    }
    if matches!(steps.as_slice(), [Step::Name(name)] if name.contains('.')) {
        return c.expected("`/` and a navigation property after a type name");
    }
    let options = in_parentheses(c, Nested::Expand)?;
    done(steps, ExpandTarget::Records, options)
}

fn format(c: &mut Cursor<'_>) -> Parsed<String> {
    let mut text = String::new();
    while let Some(next) = c.peek().filter(|next| {
        next.encoded || next.value.is_ascii_alphanumeric() || "-._~!$'()*+,;=:@/".contains(next.value)
    }) {
        text.push(next.value);
        c.next();
    }
    let short = ["atom", "json", "xml"]
        .into_iter()
        .any(|known| known.eq_ignore_ascii_case(&text));
    let long = text
        .split_once('/')
        .is_some_and(|(kind, sub)| !kind.is_empty() && !sub.is_empty());
    if short || long {
        Ok(text)
    } else {
        c.expected("`json`, `xml`, `atom` or a media type")
    }
}

/// Reads text that only the service understands, up to the next `&`.
pub(super) fn opaque(c: &mut Cursor<'_>) -> Parsed<String> {
    let mut text = String::new();
    while let Some(next) = c
        .peek()
        .filter(|next| next.encoded || stands_in_query(next.value, c.form))
    {
        text.push(next.value);
        c.next();
    }
    if text.is_empty() {
        c.expected("a value")
    } else {
        Ok(text)
    }
}

/// Whether a character may stand unencoded in the value of a query option.
pub(super) fn stands_in_query(value: char, form: super::Form) -> bool {
    value.is_ascii_alphanumeric()
        || "-._~!()*+,;:@/?$'=".contains(value)
        || (form == super::Form::Text && value != '&')
}

fn schema_version(c: &mut Cursor<'_>) -> Parsed<String> {
    if c.eat('*') {
        return Ok("*".to_owned());
    }
    let mut text = String::new();
    while let Some(next) = c
        .peek()
        .filter(|c| c.value.is_ascii_alphanumeric() || "-._~".contains(c.value))
    {
        text.push(next.value);
        c.next();
    }
    if text.is_empty() {
        c.expected("a schema version or `*`")
    } else {
        Ok(text)
    }
}
