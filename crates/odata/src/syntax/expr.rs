//! Expressions: operators by precedence, calls, literals.

use super::cursor::Cursor;
use super::error::Parsed;
use super::json;
use super::literal;
use super::path;
use super::tree::{Calculation, Comparison, Expr, Literal, Method};

const COMPARISONS: [(&str, Comparison); 6] = [
    ("eq", Comparison::Eq),
    ("ne", Comparison::Ne),
    ("lt", Comparison::Lt),
    ("le", Comparison::Le),
    ("gt", Comparison::Gt),
    ("ge", Comparison::Ge),
];

const PRODUCTS: [(&str, Calculation); 4] = [
    ("mul", Calculation::Mul),
    ("divby", Calculation::DivBy),
    ("div", Calculation::Div),
    ("mod", Calculation::Mod),
];

/// Reads an expression.
pub(super) fn expr(c: &mut Cursor<'_>) -> Parsed<Expr> {
    c.nested(or)
}

/// Reads the operators and operands that follow an operand.
pub(super) fn after_operand(c: &mut Cursor<'_>) -> Parsed<()> {
    let words = [
        "and", "or", "eq", "ne", "lt", "le", "gt", "ge", "add", "sub", "mul", "divby", "div", "mod",
    ];
    if words.into_iter().any(|word| operator(c, word)) {
        expr(c)?;
    }
    Ok(())
}

/// Takes an operator with the spaces around it.
fn operator(c: &mut Cursor<'_>, word: &str) -> bool {
    let start = c.at;
    if c.space() && c.eat_any_case(word) && c.space() {
        return true;
    }
    c.at = start;
    false
}

fn or(c: &mut Cursor<'_>) -> Parsed<Expr> {
    let mut terms = vec![and(c)?];
    while operator(c, "or") {
        terms.push(and(c)?);
    }
    Ok(join(terms, Expr::Or))
}

fn and(c: &mut Cursor<'_>) -> Parsed<Expr> {
    let mut terms = vec![comparison(c)?];
    while operator(c, "and") {
        terms.push(comparison(c)?);
    }
    Ok(join(terms, Expr::And))
}

fn join(mut terms: Vec<Expr>, make: fn(Vec<Expr>) -> Expr) -> Expr {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        Some(last) => {
            terms.push(last);
            make(terms)
        }
        None => make(terms),
    }
}

/// A chain of operators of one rank, read from left to right.
fn chain(
    c: &mut Cursor<'_>,
    mut left: Expr,
    link: fn(&mut Cursor<'_>, Expr) -> Parsed<Link>,
) -> Parsed<Expr> {
    let mut first = true;
    loop {
        match link(c, left)? {
            Link::End(expr) => return Ok(expr),
            Link::More(expr) => left = expr,
        }
        if !first {
            c.link()?;
        }
        first = false;
    }
}

enum Link {
    End(Expr),
    More(Expr),
}

fn comparison(c: &mut Cursor<'_>) -> Parsed<Expr> {
    let left = sum(c)?;
    chain(c, left, |c, left| {
        for (word, comparison) in COMPARISONS {
            if operator(c, word) {
                return Ok(Link::More(Expr::Compare(
                    comparison,
                    Box::new(left),
                    Box::new(sum(c)?),
                )));
            }
        }
        if operator(c, "has") {
            let right = Expr::Literal(options_of_choice(c)?);
            return Ok(Link::More(Expr::Compare(
                Comparison::Has,
                Box::new(left),
                Box::new(right),
            )));
        }
        if operator(c, "in") {
            let right = match c.attempt(list)? {
                Some(list) => list,
                None => sum(c)?,
            };
            return Ok(Link::More(Expr::In(Box::new(left), Box::new(right))));
        }
        Ok(Link::End(left))
    })
}

/// Reads what may stand right of `has`: an enumeration, which without its type looks like text.
fn options_of_choice(c: &mut Cursor<'_>) -> Parsed<Literal> {
    let start = c.at;
    let literal = path::enum_literal(c)?;
    match literal {
        Literal::Enum { ref type_name, .. } if type_name.is_empty() => {
            c.at = start;
            literal::any_literal(c)
        }
        literal => Ok(literal),
    }
}

fn list(c: &mut Cursor<'_>) -> Parsed<Expr> {
    c.need('(', "an opening parenthesis")?;
    c.space();
    let mut items = Vec::new();
    if !c.eat(')') {
        loop {
            items.push(literal::any_literal(c)?);
            c.space();
            if c.eat(')') {
                break;
            }
            c.need(',', "a comma or a closing parenthesis")?;
            c.space();
        }
    }
    Ok(Expr::List(items))
}

fn sum(c: &mut Cursor<'_>) -> Parsed<Expr> {
    let left = product(c)?;
    chain(c, left, |c, left| {
        for (word, calculation) in [("add", Calculation::Add), ("sub", Calculation::Sub)] {
            if operator(c, word) {
                return Ok(Link::More(Expr::Calculate(
                    calculation,
                    Box::new(left),
                    Box::new(product(c)?),
                )));
            }
        }
        Ok(Link::End(left))
    })
}

fn product(c: &mut Cursor<'_>) -> Parsed<Expr> {
    let left = unary(c)?;
    chain(c, left, |c, left| {
        for (word, calculation) in PRODUCTS {
            if operator(c, word) {
                return Ok(Link::More(Expr::Calculate(
                    calculation,
                    Box::new(left),
                    Box::new(unary(c)?),
                )));
            }
        }
        Ok(Link::End(left))
    })
}

fn unary(c: &mut Cursor<'_>) -> Parsed<Expr> {
    match not(c)? {
        Some(inner) => Ok(inner),
        None => primary(c),
    }
}

/// Reads `not …` if it stands here. What it denies reaches to the next comparison, or further in parentheses.
pub(super) fn not(c: &mut Cursor<'_>) -> Parsed<Option<Expr>> {
    let start = c.at;
    if c.eat_any_case("not") && (c.space() || c.sees('(')) {
        return c.nested(unary).map(|inner| Some(Expr::Not(Box::new(inner))));
    }
    c.at = start;
    Ok(None)
}

fn primary(c: &mut Cursor<'_>) -> Parsed<Expr> {
    if let Some(literal) = literal::literal(c)? {
        return Ok(Expr::Literal(literal));
    }
    let start = c.at;
    c.space();
    if c.sees('[') || c.sees('{') {
        return json::array_or_object(c);
    }
    c.at = start;
    if c.eat('-') {
        c.space();
        return c.nested(unary).map(|inner| Expr::Negate(Box::new(inner)));
    }
    if c.eat('(') {
        c.space();
        let inner = expr(c)?;
        c.space();
        c.need(')', "a closing parenthesis")?;
        return Ok(inner);
    }
    if let Some(call) = call(c)? {
        return Ok(call);
    }
    path::path(c)
}

/// Reads a call of a built-in function, if one stands here.
fn call(c: &mut Cursor<'_>) -> Parsed<Option<Expr>> {
    let start = c.at;
    let Some(name) = c.attempt(Cursor::qualified_name)? else {
        return Ok(None);
    };
    if !c.sees('(') {
        c.at = start;
        return Ok(None);
    }
    for (word, what) in [("cast", "cast"), ("isof", "isof")] {
        if name.eq_ignore_ascii_case(word) {
            return c.unsupported(what);
        }
    }
    if name.eq_ignore_ascii_case("case") {
        return case(c).map(Some);
    }
    let Some(method) = Method::by_name(&name) else {
        c.at = start;
        return Ok(None);
    };
    c.need('(', "an opening parenthesis")?;
    c.space();
    let (least, most) = method.arguments();
    let mut arguments = Vec::new();
    while arguments.len() < most {
        if arguments.len() >= least && !c.sees(',') {
            break;
        }
        if !arguments.is_empty() {
            c.need(',', "a comma")?;
            c.space();
        }
        arguments.push(expr(c)?);
        c.space();
    }
    c.need(')', "a closing parenthesis")?;
    Ok(Some(Expr::Method(method, arguments)))
}

fn case(c: &mut Cursor<'_>) -> Parsed<Expr> {
    c.need('(', "an opening parenthesis")?;
    let mut pairs = Vec::new();
    loop {
        c.space();
        let condition = expr(c)?;
        c.space();
        c.need(':', "a colon")?;
        c.space();
        pairs.push((condition, expr(c)?));
        c.space();
        if c.eat(')') {
            return Ok(Expr::Case(pairs));
        }
        c.need(',', "a comma or a closing parenthesis")?;
    }
}
