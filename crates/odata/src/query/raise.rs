//! From the query language to the syntax tree.

use std::sync::Arc;

use driftless_record::query::{Arithmetic, Collected, Comparison, Expr, Path, Query};
use driftless_record::{EntitySchema, FieldKind, FieldName, Value};

use super::error::QueryTextError;
use super::literal;
use super::names::Names;
use crate::csdl::WireType;
use crate::syntax::{
    self, Calculation, Lambda, Literal, Method, OrderItem, QueryOption, Search, Segment, SelectItem, Start,
    Step,
};

/// Writes an expression with a service's names.
///
/// # Errors
/// [`QueryTextError`] if the expression does not fit the schema, or OData cannot say it.
pub fn raise(
    expr: &Expr,
    names: Names<'_>,
    entity: &Arc<EntitySchema>,
) -> Result<syntax::Expr, QueryTextError> {
    Raising {
        names,
        scopes: vec![entity.clone()],
    }
    .expr(expr)
}

/// Writes a query as query options: `$filter`, `$search`, `$orderby`, `$skip`, `$top`, `$select`.
///
/// # Errors
/// As [`raise`].
pub fn raise_query(query: &Query, names: Names<'_>) -> Result<Vec<QueryOption>, QueryTextError> {
    let entity = names.entity(&query.entity)?;
    let mut options = Vec::new();
    if let Some(filter) = &query.filter {
        options.push(QueryOption::Filter(raise(filter, names, &entity)?));
    }
    options.extend(query.search.as_deref().and_then(search).map(QueryOption::Search));
    let order: Result<Vec<OrderItem>, QueryTextError> = query
        .order
        .iter()
        .map(|order| {
            Ok(OrderItem {
                expr: raise(&order.by, names, &entity)?,
                descending: order.descending,
            })
        })
        .collect();
    let order = order?;
    if !order.is_empty() {
        options.push(QueryOption::OrderBy(order));
    }
    if query.skip > 0 {
        options.push(QueryOption::Skip(query.skip));
    }
    options.extend(query.top.map(QueryOption::Top));
    if !query.select.is_empty() {
        let item = |name: &FieldName| SelectItem::Path {
            steps: vec![Step::Name(name.to_string())],
            parameters: Vec::new(),
            options: Vec::new(),
        };
        options.push(QueryOption::Select(query.select.iter().map(item).collect()));
    }
    Ok(options)
}

/// Makes a search of words as a person typed them: all must occur.
fn search(text: &str) -> Option<Search> {
    let plain = |word: &str| {
        word.chars().all(|c| c.is_alphanumeric() || "-._".contains(c))
            && !matches!(word, "AND" | "OR" | "NOT")
    };
    let term = |word: &str| {
        if plain(word) {
            Search::Word(word.to_owned())
        } else {
            Search::Phrase(word.replace(['"', '\\'], ""))
        }
    };
    let mut terms: Vec<Search> = text
        .split_whitespace()
        .map(term)
        .filter(|t| *t != Search::Phrase(String::new()))
        .collect();
    match terms.len() {
        0 => None,
        1 => terms.pop(),
        _ => Some(Search::And(terms)),
    }
}

struct Raising<'a> {
    names: Names<'a>,
    scopes: Vec<Arc<EntitySchema>>,
}

type Raised<T> = Result<T, QueryTextError>;

impl Raising<'_> {
    fn expr(&mut self, expr: &Expr) -> Raised<syntax::Expr> {
        let boxed = |expr| Ok::<_, QueryTextError>(Box::new(expr));
        Ok(match expr {
            Expr::Literal(value) => syntax::Expr::Literal(self.literal(value, None)?),
            Expr::Field(path) => self.field(path)?.0,
            Expr::Not(inner) => syntax::Expr::Not(boxed(self.expr(inner)?)?),
            Expr::Negate(inner) => syntax::Expr::Negate(boxed(self.expr(inner)?)?),
            Expr::And(terms) => join(self.all(terms)?, syntax::Expr::And, true),
            Expr::Or(terms) => join(self.all(terms)?, syntax::Expr::Or, false),
            Expr::Compare(Comparison::Has, left, right) => self.has(left, right)?,
            Expr::Compare(comparison, left, right) => {
                let about = self.about(left)?.or(self.about(right)?);
                let left = self.operand(left, about.as_ref())?;
                let right = self.operand(right, about.as_ref())?;
                syntax::Expr::Compare(self::comparison(*comparison), Box::new(left), Box::new(right))
            }
            Expr::In(left, items) => self.membership(left, items)?,
            Expr::Arithmetic(arithmetic, left, right) => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                syntax::Expr::Calculate(calculation(*arithmetic), Box::new(left), Box::new(right))
            }
            Expr::Call(function, arguments) => {
                let method =
                    Method::by_name(function.name()).ok_or(QueryTextError::Unsupported("this function"))?;
                syntax::Expr::Method(method, self.all(arguments)?)
            }
            Expr::Any(collected) => self.collected(collected, Segment::Any)?,
            Expr::All(collected) => self.collected(collected, |lambda| match lambda {
                Some(lambda) => Segment::All(lambda),
                None => Segment::Any(None),
            })?,
        })
    }

    fn all(&mut self, terms: &[Expr]) -> Raised<Vec<syntax::Expr>> {
        terms.iter().map(|term| self.expr(term)).collect()
    }

    /// Returns the field that an expression is, with its entity.
    fn about(&mut self, expr: &Expr) -> Raised<Option<(Arc<EntitySchema>, FieldName)>> {
        match expr {
            Expr::Field(path) => self.field(path).map(|(_, about)| Some(about)),
            _ => Ok(None),
        }
    }

    fn operand(
        &mut self,
        expr: &Expr,
        about: Option<&(Arc<EntitySchema>, FieldName)>,
    ) -> Raised<syntax::Expr> {
        match expr {
            Expr::Literal(value) => self.literal(value, about).map(syntax::Expr::Literal),
            other => self.expr(other),
        }
    }

    fn literal(&self, value: &Value, about: Option<&(Arc<EntitySchema>, FieldName)>) -> Raised<Literal> {
        let members = match value {
            Value::Choice(code) => Some(vec![code.clone()]),
            Value::Choices(codes) if !codes.is_empty() => Some(codes.clone()),
            _ => None,
        };
        let wire = about.and_then(|(entity, field)| self.names.wire(entity, field));
        if let (Some(WireType::Enum(type_name) | WireType::EnumCollection(type_name)), Some(members)) =
            (wire, members)
        {
            return Ok(Literal::Enum {
                type_name: type_name.clone(),
                members,
            });
        }
        if let Value::Lookup(lookup) = value {
            let target = self.names.schema.entity(lookup.entity.as_str());
            let is_text = target.is_some_and(|target| match target.key.as_slice() {
                [one] => matches!(
                    target.field(one).map(|field| &field.kind),
                    Some(FieldKind::Text { .. })
                ),
                _ => false,
            });
            if is_text {
                return Ok(Literal::Text(lookup.id.to_string()));
            }
        }
        literal::of_value(value).ok_or(QueryTextError::Unsupported("comparing files"))
    }

    fn has(&mut self, left: &Expr, right: &Expr) -> Raised<syntax::Expr> {
        let about = self.about(left)?;
        let wire = about
            .as_ref()
            .and_then(|(entity, field)| self.names.wire(entity, field));
        if let Some(WireType::Enum(_)) = wire {
            let right = self.operand(right, about.as_ref())?;
            let left = self.expr(left)?;
            return Ok(syntax::Expr::Compare(
                syntax::Comparison::Has,
                Box::new(left),
                Box::new(right),
            ));
        }
        let Expr::Literal(Value::Choices(codes)) = right else {
            return Err(QueryTextError::Unsupported("`has` with anything but options"));
        };
        let syntax::Expr::Path(path) = self.expr(left)? else {
            return Err(QueryTextError::Unsupported("`has` of anything but a field"));
        };
        let variable = format!("x{}", self.scopes.len());
        let mut terms = Vec::new();
        for code in codes {
            let code = self.literal(&Value::Choice(code.clone()), about.as_ref())?;
            let item = syntax::Path {
                start: Start::Here,
                segments: vec![Segment::Name(variable.clone(), None)],
            };
            let condition = syntax::Expr::Compare(
                syntax::Comparison::Eq,
                Box::new(syntax::Expr::Path(item)),
                Box::new(syntax::Expr::Literal(code)),
            );
            let mut path = path.clone();
            let condition = Box::new(condition);
            path.segments.push(Segment::Any(Some(Lambda {
                variable: variable.clone(),
                condition,
            })));
            terms.push(syntax::Expr::Path(path));
        }
        Ok(join(terms, syntax::Expr::And, true))
    }

    fn membership(&mut self, left: &Expr, items: &[Expr]) -> Raised<syntax::Expr> {
        let about = self.about(left)?;
        let left = self.expr(left)?;
        if items.is_empty() {
            return Ok(syntax::Expr::Literal(Literal::Bool(false)));
        }
        if items.iter().all(|item| matches!(item, Expr::Literal(_))) {
            let mut literals = Vec::new();
            for item in items {
                if let Expr::Literal(value) = item {
                    let literal = self.literal(value, about.as_ref())?;
                    if !literals.contains(&literal) {
                        literals.push(literal);
                    }
                }
            }
            return Ok(syntax::Expr::In(
                Box::new(left),
                Box::new(syntax::Expr::List(literals)),
            ));
        }
        // Lists hold literals only: say it as alternatives.
        let mut terms = Vec::new();
        for item in items {
            let item = self.operand(item, about.as_ref())?;
            terms.push(syntax::Expr::Compare(
                syntax::Comparison::Eq,
                Box::new(left.clone()),
                Box::new(item),
            ));
        }
        Ok(join(terms, syntax::Expr::Or, false))
    }

    /// The first segments of a path: the lambda variable, then the lookups to follow.
    fn through(&self, scope: u8, through: &[FieldName]) -> Raised<(Vec<Segment>, Arc<EntitySchema>)> {
        let place = self.scopes.len().checked_sub(1 + usize::from(scope));
        let place = place.ok_or(QueryTextError::Unsupported("a field outside every lambda"))?;
        let mut entity = self.scopes[place].clone();
        let mut segments = Vec::new();
        if place > 0 {
            segments.push(Segment::Name(format!("x{place}"), None));
        }
        for name in through {
            let field = self.names.field(&entity, name.as_str())?;
            let target = match entity.field(&field).map(|field| &field.kind) {
                Some(FieldKind::Lookup { targets }) if targets.len() == 1 => targets[0].clone(),
                _ => {
                    return Err(QueryTextError::Unsupported(
                        "a path through a lookup with several targets",
                    ));
                }
            };
            segments.push(Segment::Name(
                self.names.navigation(&entity, &field, &target),
                None,
            ));
            entity = self.names.entity(&target)?;
        }
        Ok((segments, entity))
    }

    fn field(&mut self, path: &Path) -> Raised<(syntax::Expr, (Arc<EntitySchema>, FieldName))> {
        let (mut segments, entity) = self.through(path.scope, &path.through)?;
        let field = self.names.field(&entity, path.field.as_str())?;
        segments.push(Segment::Name(field.to_string(), None));
        Ok((
            syntax::Expr::Path(syntax::Path {
                start: Start::Here,
                segments,
            }),
            (entity, field),
        ))
    }

    fn collected(
        &mut self,
        collected: &Collected,
        make: impl FnOnce(Option<Lambda>) -> Segment,
    ) -> Raised<syntax::Expr> {
        let (mut segments, parent) = self.through(collected.scope, &collected.through)?;
        let collection = parent.collections.get(&collected.collection);
        let child = match collection {
            Some(collection) => self.names.entity(&collection.entity)?,
            None => {
                return Err(QueryTextError::Unsupported(
                    "a collection that the entity does not have",
                ));
            }
        };
        segments.push(Segment::Name(collected.collection.to_string(), None));
        let lambda = match &collected.body {
            None => None,
            Some(body) => {
                let variable = format!("x{}", self.scopes.len());
                self.scopes.push(child);
                let condition = self.expr(body);
                self.scopes.pop();
                Some(Lambda {
                    variable,
                    condition: Box::new(condition?),
                })
            }
        };
        segments.push(make(lambda));
        Ok(syntax::Expr::Path(syntax::Path {
            start: Start::Here,
            segments,
        }))
    }
}

/// Joins terms; one stands alone, none is the neutral value.
fn join(
    mut terms: Vec<syntax::Expr>,
    make: fn(Vec<syntax::Expr>) -> syntax::Expr,
    neutral: bool,
) -> syntax::Expr {
    match terms.len() {
        0 => syntax::Expr::Literal(Literal::Bool(neutral)),
        1 => terms.swap_remove(0),
        _ => make(terms),
    }
}

fn comparison(comparison: Comparison) -> syntax::Comparison {
    match comparison {
        Comparison::Eq => syntax::Comparison::Eq,
        Comparison::Ne => syntax::Comparison::Ne,
        Comparison::Gt => syntax::Comparison::Gt,
        Comparison::Ge => syntax::Comparison::Ge,
        Comparison::Lt => syntax::Comparison::Lt,
        Comparison::Le => syntax::Comparison::Le,
        Comparison::Has => syntax::Comparison::Has,
    }
}

fn calculation(arithmetic: Arithmetic) -> Calculation {
    match arithmetic {
        Arithmetic::Add => Calculation::Add,
        Arithmetic::Sub => Calculation::Sub,
        Arithmetic::Mul => Calculation::Mul,
        Arithmetic::Div => Calculation::Div,
        Arithmetic::DivBy => Calculation::DivBy,
        Arithmetic::Mod => Calculation::Mod,
    }
}
