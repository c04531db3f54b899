//! Writes syntax trees as text that reads back to the same tree.

use std::fmt::{self, Display, Formatter, Write};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::tree::{
    Arguments, Calculation, Comparison, ExpandItem, ExpandTarget, Expr, KeyPredicate, KeyValue, Lambda,
    Literal, Path, QueryOption, Search, Segment, SelectItem, Start, Step,
};

/// What is encoded in the value of a query option.
const QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What is encoded in a segment of a path.
const SEGMENT: &AsciiSet = &QUERY.add(b'/').add(b'?');

/// Writes a part of the syntax tree for the query of a URL.
#[must_use]
pub fn to_query(part: &impl Display) -> String {
    utf8_percent_encode(&part.to_string(), QUERY).to_string()
}

/// Writes a part of the syntax tree, such as a key in parentheses, for a segment of a URL's path.
#[must_use]
pub fn to_segment(part: &impl Display) -> String {
    utf8_percent_encode(&part.to_string(), SEGMENT).to_string()
}

/// Writes query options for a URL, joined by `&`, without the `?`.
#[must_use]
pub fn to_query_string(options: &[QueryOption]) -> String {
    let options: Vec<String> = options.iter().map(to_query).collect();
    options.join("&")
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "'{}'", text.replace('\'', "''"))
}

fn separated<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    between: &str,
    write: impl Fn(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        write(f, item)?;
    }
    Ok(())
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Guid(value) => write!(f, "{value}"),
            Self::Number(text) | Self::Date(text) | Self::DateTime(text) | Self::Time(text) => {
                f.write_str(text)
            }
            Self::Text(text) => quoted(f, text),
            Self::Duration(text) => write!(f, "duration'{text}'"),
            Self::Enum { type_name, members } => write!(f, "{type_name}'{}'", members.join(",")),
            Self::Binary(bytes) => write!(f, "binary'{}'", URL_SAFE.encode(bytes)),
        }
    }
}

impl Comparison {
    /// Returns the operator as it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Has => "has",
        }
    }
}

impl Calculation {
    /// Returns the operator as it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::DivBy => "divby",
            Self::Mod => "mod",
        }
    }
}

impl Expr {
    /// How tightly the outermost operator binds; operands of an operator need parentheses if they bind less.
    fn rank(&self) -> u8 {
        match self {
            Self::Or(_) => 0,
            Self::And(_) => 1,
            Self::Compare(..) | Self::In(..) => 2,
            Self::Calculate(Calculation::Add | Calculation::Sub, ..) => 3,
            Self::Calculate(..) => 4,
            Self::Not(_) | Self::Negate(_) => 5,
            _ => 6,
        }
    }

    fn write_from(&self, f: &mut Formatter<'_>, least: u8) -> fmt::Result {
        if self.rank() < least {
            write!(f, "({self})")
        } else {
            write!(f, "{self}")
        }
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Path(path) => path.fmt(f),
            Self::Not(inner) => {
                f.write_str("not ")?;
                inner.write_from(f, 5)
            }
            Self::Negate(inner) => {
                f.write_str("-")?;
                // `-5` and `-INF` would read back as numbers.
                inner.write_from(f, if matches!(**inner, Self::Path(_)) { 5 } else { 7 })
            }
            Self::And(terms) => separated(f, terms, " and ", |f, term| term.write_from(f, 2)),
            Self::Or(terms) => separated(f, terms, " or ", |f, term| term.write_from(f, 1)),
            Self::Compare(operator, left, right) => binary(f, left, operator.word(), right, 2),
            Self::Calculate(operator, left, right) => binary(f, left, operator.word(), right, self.rank()),
            Self::In(left, right) => binary(f, left, "in", right, 2),
            Self::List(items) => {
                f.write_str("(")?;
                separated(f, items, ",", |f, item| item.fmt(f))?;
                f.write_str(")")
            }
            Self::Method(method, arguments) => {
                write!(f, "{}(", method.name())?;
                separated(f, arguments, ",", |f, argument| argument.fmt(f))?;
                f.write_str(")")
            }
            Self::Case(pairs) => {
                f.write_str("case(")?;
                separated(f, pairs, ",", |f, (condition, result)| {
                    write!(f, "{condition} : {result}")
                })?;
                f.write_str(")")
            }
            Self::Array(items) => {
                f.write_str("[")?;
                separated(f, items, ",", json)?;
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                separated(f, members, ",", |f, (name, value)| {
                    json_text(f, name)?;
                    f.write_str(":")?;
                    json(f, value)
                })?;
                f.write_str("}")
            }
        }
    }
}

fn binary(f: &mut Formatter<'_>, left: &Expr, word: &str, right: &Expr, rank: u8) -> fmt::Result {
    left.write_from(f, rank)?;
    write!(f, " {word} ")?;
    right.write_from(f, rank + 1)
}

fn json(f: &mut Formatter<'_>, value: &Expr) -> fmt::Result {
    match value {
        Expr::Literal(Literal::Text(text)) => json_text(f, text),
        other => other.fmt(f),
    }
}

fn json_text(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_str("\"")
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.start {
            Start::Here => {}
            Start::It => f.write_str("$it")?,
            Start::This => f.write_str("$this")?,
            Start::Root => f.write_str("$root")?,
            Start::Alias(name) => write!(f, "@{name}")?,
        }
        for (index, segment) in self.segments.iter().enumerate() {
            if (index > 0 || self.start != Start::Here) && !matches!(segment, Segment::Key(_)) {
                f.write_str("/")?;
            }
            segment.fmt(f)?;
        }
        Ok(())
    }
}

fn term(f: &mut Formatter<'_>, name: &str, qualifier: Option<&str>) -> fmt::Result {
    write!(f, "@{name}")?;
    qualifier.map_or(Ok(()), |qualifier| write!(f, "#{qualifier}"))
}

impl Display for Segment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name, None) => f.write_str(name),
            Self::Name(name, Some(Arguments::None)) => write!(f, "{name}()"),
            Self::Name(name, Some(Arguments::Key(key))) => write!(f, "{name}({key})"),
            Self::Name(name, Some(Arguments::Named(pairs))) => {
                write!(f, "{name}(")?;
                separated(f, pairs, ",", |f, (name, value)| write!(f, "{name}={value}"))?;
                f.write_str(")")
            }
            Self::Key(key) => key.fmt(f),
            Self::Annotation(name, qualifier) => term(f, name, qualifier.as_deref()),
            Self::Count(options) => {
                f.write_str("$count")?;
                in_parentheses(f, options)
            }
            Self::Filter(condition) => write!(f, "$filter({condition})"),
            Self::Any(None) => f.write_str("any()"),
            Self::Any(Some(lambda)) => write!(f, "any({lambda})"),
            Self::All(lambda) => write!(f, "all({lambda})"),
        }
    }
}

impl Display for Lambda {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.variable, self.condition)
    }
}

impl Display for KeyValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Alias(name) => write!(f, "@{name}"),
        }
    }
}

impl Display for KeyPredicate {
    /// Writes the key; segments are not encoded.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(value) => write!(f, "({value})"),
            Self::Named(pairs) => {
                f.write_str("(")?;
                separated(f, pairs, ",", |f, (name, value)| write!(f, "{name}={value}"))?;
                f.write_str(")")
            }
            Self::Segments(segments) => segments.iter().try_for_each(|segment| write!(f, "/{segment}")),
        }
    }
}

fn in_parentheses(f: &mut Formatter<'_>, options: &[QueryOption]) -> fmt::Result {
    if options.is_empty() {
        return Ok(());
    }
    f.write_str("(")?;
    separated(f, options, ";", |f, option| option.fmt(f))?;
    f.write_str(")")
}

impl Display for QueryOption {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter(expr) => write!(f, "$filter={expr}"),
            Self::Search(search) => write!(f, "$search={search}"),
            Self::Select(items) => {
                f.write_str("$select=")?;
                separated(f, items, ",", |f, item| item.fmt(f))
            }
            Self::Expand(items) => {
                f.write_str("$expand=")?;
                separated(f, items, ",", |f, item| item.fmt(f))
            }
            Self::OrderBy(items) => {
                f.write_str("$orderby=")?;
                separated(f, items, ",", |f, item| {
                    write!(f, "{}{}", item.expr, if item.descending { " desc" } else { "" })
                })
            }
            Self::Compute(items) => {
                f.write_str("$compute=")?;
                separated(f, items, ",", |f, (expr, name)| write!(f, "{expr} as {name}"))
            }
            Self::Top(count) => write!(f, "$top={count}"),
            Self::Skip(count) => write!(f, "$skip={count}"),
            Self::Count(count) => write!(f, "$count={count}"),
            Self::Levels(None) => f.write_str("$levels=max"),
            Self::Levels(Some(levels)) => write!(f, "$levels={levels}"),
            Self::Index(index) => write!(f, "$index={index}"),
            Self::Format(format) => write!(f, "$format={format}"),
            Self::Id(id) => write!(f, "$id={id}"),
            Self::SchemaVersion(version) => write!(f, "$schemaversion={version}"),
            Self::SkipToken(token) => write!(f, "$skiptoken={token}"),
            Self::DeltaToken(token) => write!(f, "$deltatoken={token}"),
            Self::Alias(name, value) => write!(f, "@{name}={value}"),
            Self::Custom(name, None) => f.write_str(name),
            Self::Custom(name, Some(value)) => write!(f, "{name}={value}"),
        }
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Annotation(name, qualifier) => term(f, name, qualifier.as_deref()),
        }
    }
}

impl Display for SelectItem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Operations(namespace) => write!(f, "{namespace}.*"),
            Self::Path {
                steps,
                parameters,
                options,
            } => {
                separated(f, steps, "/", |f, step| step.fmt(f))?;
                if !parameters.is_empty() {
                    write!(f, "({})", parameters.join(","))?;
                }
                in_parentheses(f, options)
            }
        }
    }
}

impl Display for ExpandItem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        separated(f, &self.steps, "/", |f, step| step.fmt(f))?;
        let after = if self.steps.is_empty() { "" } else { "/" };
        match self.target {
            ExpandTarget::Records => {}
            ExpandTarget::References => f.write_str("/$ref")?,
            ExpandTarget::Count => f.write_str("/$count")?,
            ExpandTarget::All => write!(f, "{after}*")?,
            ExpandTarget::AllReferences => write!(f, "{after}*/$ref")?,
            ExpandTarget::Stream => f.write_str("$value")?,
        }
        in_parentheses(f, &self.options)
    }
}

impl Display for Search {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let operand = |f: &mut Formatter<'_>, term: &Self| match term {
            Self::Or(_) | Self::And(_) => write!(f, "({term})"),
            _ => term.fmt(f),
        };
        match self {
            // As words, the operators' names are safe only inside quotes.
            Self::Word(text) if matches!(text.as_str(), "AND" | "OR" | "NOT") => write!(f, "\"{text}\""),
            Self::Word(text) => f.write_str(text),
            Self::Phrase(text) => write!(f, "\"{text}\""),
            Self::And(terms) => separated(f, terms, " AND ", operand),
            Self::Or(terms) => separated(f, terms, " OR ", operand),
            Self::Not(term) => {
                f.write_str("NOT ")?;
                operand(f, term)
            }
            Self::Incomplete(text) => quoted(f, text),
        }
    }
}
