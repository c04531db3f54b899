//! From the syntax tree to the query language.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_record::query::{Arithmetic, Comparison, Expr, Function};
use driftless_record::{EntitySchema, FieldKind, FieldName, Lookup, RecordId, Value};

use super::error::QueryTextError;
use super::literal;
use super::names::Names;
use super::path::Walked;
use crate::syntax::{self, Calculation, Form, Method, QueryOption, Segment, Start};

/// Reads a filter as a person types it, such as `status eq 'open' and contains(name,'Ltd')`.
///
/// # Errors
/// [`QueryTextError`], with the name that was probably meant where one is near.
pub fn parse_filter(
    text: &str,
    names: Names<'_>,
    entity: &Arc<EntitySchema>,
) -> Result<Expr, QueryTextError> {
    lower(
        &syntax::parse_expr(text, Form::Text)?,
        names,
        entity,
        &BTreeMap::new(),
    )
}

/// Types an expression by the schema. `aliases` are the values of parameter aliases.
///
/// # Errors
/// [`QueryTextError`] if a name or literal does not fit, or the query language cannot say it.
pub fn lower(
    expr: &syntax::Expr,
    names: Names<'_>,
    entity: &Arc<EntitySchema>,
    aliases: &BTreeMap<String, syntax::Expr>,
) -> Result<Expr, QueryTextError> {
    let scope = Scope {
        variable: None,
        entity: entity.clone(),
    };
    let mut lowering = Lowering {
        names,
        aliases,
        scopes: vec![scope],
        open_aliases: Vec::new(),
    };
    lowering.expr(expr).map(|typed| typed.expr)
}

pub(super) struct Scope {
    pub(super) variable: Option<String>,
    pub(super) entity: Arc<EntitySchema>,
}

/// An expression and, if it is a field, which.
pub(super) struct Typed {
    pub(super) expr: Expr,
    pub(super) field: Option<(FieldName, FieldKind)>,
}

impl From<Expr> for Typed {
    fn from(expr: Expr) -> Self {
        Self { expr, field: None }
    }
}

pub(super) struct Lowering<'a> {
    pub(super) names: Names<'a>,
    aliases: &'a BTreeMap<String, syntax::Expr>,
    pub(super) scopes: Vec<Scope>,
    /// Aliases whose values are being read, so that none can contain itself.
    pub(super) open_aliases: Vec<String>,
}

pub(super) type Lowered<T> = Result<T, QueryTextError>;

pub(super) fn unsupported<T>(what: &'static str) -> Lowered<T> {
    Err(QueryTextError::Unsupported(what))
}

impl<'a> Lowering<'a> {
    pub(super) fn expr(&mut self, expr: &syntax::Expr) -> Lowered<Typed> {
        Ok(match expr {
            syntax::Expr::Literal(literal) => Expr::Literal(literal::alone(literal)?).into(),
            syntax::Expr::Path(path) => return self.path(path),
            syntax::Expr::Not(inner) => Expr::Not(Box::new(self.expr(inner)?.expr)).into(),
            syntax::Expr::Negate(inner) => Expr::Negate(Box::new(self.expr(inner)?.expr)).into(),
            syntax::Expr::And(terms) => Expr::And(self.all(terms)?).into(),
            syntax::Expr::Or(terms) => Expr::Or(self.all(terms)?).into(),
            syntax::Expr::Compare(comparison, left, right) => self.compare(*comparison, left, right)?.into(),
            syntax::Expr::Calculate(calculation, left, right) => {
                let (left, right) = (self.expr(left)?.expr, self.expr(right)?.expr);
                Expr::Arithmetic(arithmetic(*calculation), Box::new(left), Box::new(right)).into()
            }
            syntax::Expr::In(left, right) => self.membership(left, right)?.into(),
            syntax::Expr::Method(method, arguments) => self.method(*method, arguments)?.into(),
            syntax::Expr::List(_) | syntax::Expr::Array(_) | syntax::Expr::Object(_) => {
                return unsupported("lists and objects outside `in`");
            }
            syntax::Expr::Case(_) => return unsupported("case"),
        })
    }

    fn all(&mut self, terms: &[syntax::Expr]) -> Lowered<Vec<Expr>> {
        terms
            .iter()
            .map(|term| self.expr(term).map(|typed| typed.expr))
            .collect()
    }

    /// Returns the value of an alias if the expression is one.
    pub(super) fn alias(&self, expr: &syntax::Expr) -> Lowered<Option<&'a syntax::Expr>> {
        match expr {
            syntax::Expr::Path(syntax::Path {
                start: Start::Alias(name),
                segments,
            }) if segments.is_empty() => {
                if self.open_aliases.contains(name) {
                    return Err(QueryTextError::UnknownAlias(name.clone()));
                }
                let aliases: &'a BTreeMap<_, _> = self.aliases;
                aliases
                    .get(name)
                    .map(Some)
                    .ok_or_else(|| QueryTextError::UnknownAlias(name.clone()))
            }
            _ => Ok(None),
        }
    }

    /// Lowers an operand beside a field, whose type its literal takes.
    fn beside(&mut self, operand: &syntax::Expr, field: Option<&(FieldName, FieldKind)>) -> Lowered<Expr> {
        let resolved = self.alias(operand)?.unwrap_or(operand);
        match (resolved, field) {
            (syntax::Expr::Literal(literal), Some((name, kind))) => {
                literal::for_field(literal, name, kind).map(Expr::Literal)
            }
            _ => self.expr(operand).map(|typed| typed.expr),
        }
    }

    fn compare(
        &mut self,
        comparison: syntax::Comparison,
        left: &syntax::Expr,
        right: &syntax::Expr,
    ) -> Lowered<Expr> {
        if let Some(any) = self.counted(comparison, left, right)? {
            return Ok(any);
        }
        let is_literal = |expr: &syntax::Expr| matches!(expr, syntax::Expr::Literal(_));
        let literal_left = is_literal(self.alias(left)?.unwrap_or(left));
        let (left, right) = if literal_left {
            let right = self.expr(right)?;
            (self.beside(left, right.field.as_ref())?.into(), right)
        } else {
            let left = self.expr(left)?;
            let right = self.beside(right, left.field.as_ref())?;
            (left, right.into())
        };
        let several = [&left, &right].into_iter().find_map(|side| match &side.field {
            Some((_, FieldKind::Lookup { targets })) if targets.len() > 1 => Some(targets.clone()),
            _ => None,
        });
        if let Some(targets) = several {
            // The key alone does not say which entity is meant: any of them.
            let (field, value) = if left.field.is_some() {
                (&left, &right)
            } else {
                (&right, &left)
            };
            if let (Expr::Literal(Value::Lookup(lookup)), syntax::Comparison::Eq | syntax::Comparison::Ne) =
                (&value.expr, comparison)
            {
                let any = targets.into_iter().map(|entity| {
                    Expr::Literal(Value::Lookup(Lookup {
                        entity,
                        id: lookup.id.clone(),
                        name: None,
                    }))
                });
                let found = Expr::In(Box::new(field.expr.clone()), any.collect());
                return Ok(match comparison {
                    syntax::Comparison::Ne => Expr::Not(Box::new(found)),
                    _ => found,
                });
            }
        }
        Ok(Expr::Compare(
            self::comparison(comparison),
            Box::new(left.expr),
            Box::new(right.expr),
        ))
    }

    /// `lines/$count gt 0` and its like: whether there are members.
    fn counted(
        &mut self,
        comparison: syntax::Comparison,
        left: &syntax::Expr,
        right: &syntax::Expr,
    ) -> Lowered<Option<Expr>> {
        let syntax::Expr::Path(path) = left else {
            return Ok(None);
        };
        let Some((Segment::Count(options), before)) = path.segments.split_last() else {
            return Ok(None);
        };
        let syntax::Expr::Literal(syntax::Literal::Number(number)) = right else {
            return unsupported("comparing $count with anything but 0 or 1");
        };
        use syntax::Comparison::{Eq, Ge, Gt, Le, Lt, Ne};
        let there_are = match (comparison, number.as_str()) {
            (Gt | Ne, "0") | (Ge, "1") => true,
            (Eq | Le, "0") | (Lt, "1") => false,
            _ => return unsupported("comparing $count with anything but 0 or 1"),
        };
        let condition = match options.as_slice() {
            [] => None,
            [QueryOption::Filter(condition)] => Some(condition),
            _ => return unsupported("options of $count other than $filter"),
        };
        let start = self.start(path, before.len())?;
        let collected = self.walk(start, before)?;
        let Walked::Many {
            mut collected,
            entity,
        } = collected
        else {
            return unsupported("$count of one record");
        };
        collected.body = match condition {
            None => None,
            Some(condition) => Some(Box::new(self.inside(entity, None, condition)?)),
        };
        let any = Expr::Any(collected);
        Ok(Some(if there_are { any } else { Expr::Not(Box::new(any)) }))
    }

    fn membership(&mut self, left: &syntax::Expr, right: &syntax::Expr) -> Lowered<Expr> {
        let left = self.expr(left)?;
        let right = self.alias(right)?.unwrap_or(right);
        let field = left.field.as_ref();
        let mut items = Vec::new();
        match right {
            syntax::Expr::List(literals) => {
                for literal in literals {
                    items.push(self.beside(&syntax::Expr::Literal(literal.clone()), field)?);
                }
            }
            syntax::Expr::Array(array) => {
                for item in array {
                    items.push(self.beside(item, field)?);
                }
            }
            // A literal in parentheses is a list of one, which the grammar cannot tell apart.
            one @ syntax::Expr::Literal(_) => items.push(self.beside(one, field)?),
            _ => return unsupported("`in` with anything but a list"),
        }
        if let Some((_, FieldKind::Lookup { targets })) = field {
            items = items
                .into_iter()
                .flat_map(|item| for_each_target(item, targets))
                .collect();
        }
        Ok(Expr::In(Box::new(left.expr), items))
    }

    fn method(&mut self, method: Method, arguments: &[syntax::Expr]) -> Lowered<Expr> {
        let limit = |text: &str| text.parse().map(|time| Expr::Literal(Value::DateTime(time))).ok();
        match method {
            Method::MinDateTime => {
                return limit("0001-01-01T00:00:00Z").ok_or(QueryTextError::Unsupported("mindatetime"));
            }
            Method::MaxDateTime => {
                return limit("9999-12-31T23:59:59.9999999Z")
                    .ok_or(QueryTextError::Unsupported("maxdatetime"));
            }
            _ => {}
        }
        let Some(function) = Function::ALL
            .iter()
            .find(|function| function.name() == method.name())
        else {
            return unsupported(method.name());
        };
        Ok(Expr::Call(*function, self.all(arguments)?))
    }
}

fn for_each_target(item: Expr, targets: &[driftless_record::EntityName]) -> Vec<Expr> {
    let of = |id: &RecordId, entity: &driftless_record::EntityName| {
        Expr::Literal(Value::Lookup(Lookup {
            entity: entity.clone(),
            id: id.clone(),
            name: None,
        }))
    };
    match &item {
        Expr::Literal(Value::Lookup(lookup)) => targets.iter().map(|target| of(&lookup.id, target)).collect(),
        _ => vec![item],
    }
}

fn comparison(comparison: syntax::Comparison) -> Comparison {
    match comparison {
        syntax::Comparison::Eq => Comparison::Eq,
        syntax::Comparison::Ne => Comparison::Ne,
        syntax::Comparison::Lt => Comparison::Lt,
        syntax::Comparison::Le => Comparison::Le,
        syntax::Comparison::Gt => Comparison::Gt,
        syntax::Comparison::Ge => Comparison::Ge,
        syntax::Comparison::Has => Comparison::Has,
    }
}

fn arithmetic(calculation: Calculation) -> Arithmetic {
    match calculation {
        Calculation::Add => Arithmetic::Add,
        Calculation::Sub => Arithmetic::Sub,
        Calculation::Mul => Arithmetic::Mul,
        Calculation::Div => Arithmetic::Div,
        Calculation::DivBy => Arithmetic::DivBy,
        Calculation::Mod => Arithmetic::Mod,
    }
}
