//! Paths: where they start, where they lead, lambda expressions.

use std::sync::Arc;

use driftless_record::query::{Collected, Comparison, Expr, Path};
use driftless_record::{EntitySchema, FieldKind, FieldName};

use super::error::QueryTextError;
use super::literal;
use super::lower::{Lowered, Lowering, Scope, Typed, unsupported};
use super::names::Link;
use crate::syntax::{self, Lambda, Segment, Start};

/// Where a path starts: how many lambdas out, and how many segments named the variable.
#[derive(Clone)]
pub(super) struct Starting {
    scope: u8,
    skip: usize,
    entity: Arc<EntitySchema>,
}

/// Where a path has led.
pub(super) enum Walked {
    One {
        scope: u8,
        through: Vec<FieldName>,
        entity: Arc<EntitySchema>,
    },
    Many {
        collected: Collected,
        entity: Arc<EntitySchema>,
    },
}

impl Lowering<'_> {
    pub(super) fn path(&mut self, path: &syntax::Path) -> Lowered<Typed> {
        if let Start::Alias(name) = &path.start {
            if !path.segments.is_empty() {
                return unsupported("paths that begin with an alias");
            }
            let Some(value) = self.alias(&syntax::Expr::Path(path.clone()))? else {
                return Err(QueryTextError::UnknownAlias(name.clone()));
            };
            self.open_aliases.push(name.clone());
            let typed = self.expr(value);
            self.open_aliases.pop();
            return typed;
        }
        let start = self.start(path, path.segments.len())?;
        let Some((last, before)) = path.segments.split_last() else {
            return unsupported("comparing whole records");
        };
        match last {
            Segment::Any(lambda) => self
                .lambda(start, before, lambda.as_ref(), Expr::Any)
                .map(Typed::from),
            Segment::All(lambda) => self
                .lambda(start, before, Some(lambda), Expr::All)
                .map(Typed::from),
            Segment::Name(name, None) if before.len() >= start.skip => {
                let Walked::One {
                    scope,
                    through,
                    entity,
                } = self.walk(start, before)?
                else {
                    return unsupported("fields of a collection without `any` or `all`");
                };
                let field = self.names.field(&entity, name)?;
                let kind = entity
                    .field(&field)
                    .map(|field| (field.name.clone(), field.kind.clone()));
                Ok(Typed {
                    expr: Expr::Field(Path {
                        scope,
                        through,
                        field,
                    }),
                    field: kind,
                })
            }
            Segment::Name(_, None) => unsupported("comparing whole records"),
            Segment::Name(_, Some(_)) | Segment::Key(_) => {
                unsupported("functions of the service and keys in paths")
            }
            Segment::Annotation(..) => unsupported("annotations in paths"),
            Segment::Count(_) => unsupported("$count other than compared with 0 or 1"),
            Segment::Filter(_) => unsupported("$filter in paths"),
        }
    }

    /// Finds the record at which a path starts.
    pub(super) fn start(&self, path: &syntax::Path, segments: usize) -> Lowered<Starting> {
        let outermost = self.scopes.len() - 1;
        let from = |place: usize, skip: usize| -> Lowered<Starting> {
            let scope = u8::try_from(outermost - place).or_else(|_| unsupported("so many nested lambdas"))?;
            Ok(Starting {
                scope,
                skip,
                entity: self.scopes[place].entity.clone(),
            })
        };
        match &path.start {
            Start::Here => {
                let variable = match path.segments.first() {
                    Some(Segment::Name(name, None)) if segments > 0 => Some(name),
                    _ => None,
                };
                let named = self
                    .scopes
                    .iter()
                    .rposition(|scope| scope.variable.is_some() && scope.variable.as_ref() == variable);
                // Inside the options of `$count`, names are those of the members.
                let unnamed = self
                    .scopes
                    .iter()
                    .rposition(|scope| scope.variable.is_none())
                    .unwrap_or_default();
                named.map_or_else(|| from(unnamed, 0), |place| from(place, 1))
            }
            Start::It => from(0, 0),
            Start::This => from(outermost, 0),
            Start::Root => unsupported("$root"),
            Start::Alias(_) => unsupported("paths that begin with an alias"),
        }
    }

    /// Follows the names of a path.
    pub(super) fn walk(&self, start: Starting, segments: &[Segment]) -> Lowered<Walked> {
        let Starting {
            scope,
            skip,
            mut entity,
        } = start;
        let mut through = Vec::new();
        let mut rest = segments.iter().skip(skip);
        while let Some(segment) = rest.next() {
            let Segment::Name(name, None) = segment else {
                return unsupported("functions and keys in paths");
            };
            if name.contains('.') {
                // A cast to the entity that it is anyway.
                if name.rsplit('.').next() == Some(entity.name.as_str()) {
                    continue;
                }
                return unsupported("casts to other types");
            }
            match self.names.link(&entity, name)? {
                Link::One(field, target) => {
                    through.push(field);
                    entity = target;
                }
                Link::Many(collection, child) => {
                    if rest.next().is_some() {
                        return unsupported("fields of a collection without `any` or `all`");
                    }
                    let collected = Collected {
                        scope,
                        through,
                        collection,
                        body: None,
                    };
                    return Ok(Walked::Many {
                        collected,
                        entity: child,
                    });
                }
            }
        }
        Ok(Walked::One {
            scope,
            through,
            entity,
        })
    }

    fn lambda(
        &mut self,
        start: Starting,
        before: &[Segment],
        lambda: Option<&Lambda>,
        make: fn(Collected) -> Expr,
    ) -> Lowered<Expr> {
        if let Some(has) = self.has_option(&start, before, lambda)? {
            return Ok(has);
        }
        let Walked::Many {
            mut collected,
            entity,
        } = self.walk(start, before)?
        else {
            return unsupported("`any` and `all` of one record");
        };
        if let Some(lambda) = lambda {
            let body = self.inside(entity, Some(lambda.variable.clone()), &lambda.condition)?;
            collected.body = Some(Box::new(body));
        }
        Ok(make(collected))
    }

    pub(super) fn inside(
        &mut self,
        entity: Arc<EntitySchema>,
        variable: Option<String>,
        condition: &syntax::Expr,
    ) -> Lowered<Expr> {
        self.scopes.push(Scope { variable, entity });
        let body = self.expr(condition);
        self.scopes.pop();
        body.map(|typed| typed.expr)
    }

    /// `tags/any(t:t eq 'x')`: whether several options include one.
    fn has_option(
        &self,
        start: &Starting,
        before: &[Segment],
        lambda: Option<&Lambda>,
    ) -> Lowered<Option<Expr>> {
        let (Some((Segment::Name(name, None), leading)), Some(lambda)) = (before.split_last(), lambda) else {
            return Ok(None);
        };
        if leading.len() < start.skip {
            return Ok(None);
        }
        let Ok(Walked::One {
            scope,
            through,
            entity,
        }) = self.walk(start.clone(), leading)
        else {
            return Ok(None);
        };
        let Some(field) = entity
            .field(name)
            .filter(|field| matches!(field.kind, FieldKind::Choices { .. }))
        else {
            return Ok(None);
        };
        let is_variable = |expr: &syntax::Expr| {
            matches!(expr, syntax::Expr::Path(path) if path.start == Start::Here
                && matches!(path.segments.as_slice(), [Segment::Name(name, None)] if *name == lambda.variable))
        };
        let code = match &*lambda.condition {
            syntax::Expr::Compare(syntax::Comparison::Eq, left, right) if is_variable(left) => right,
            syntax::Expr::Compare(syntax::Comparison::Eq, left, right) if is_variable(right) => left,
            _ => return unsupported("a condition on options other than `eq`"),
        };
        let syntax::Expr::Literal(literal) = &**code else {
            return unsupported("a condition on options other than `eq`");
        };
        let value = literal::for_field(literal, &field.name, &field.kind)?;
        let path = Expr::Field(Path {
            scope,
            through,
            field: field.name.clone(),
        });
        Ok(Some(Expr::Compare(
            Comparison::Has,
            Box::new(path),
            Box::new(Expr::Literal(value)),
        )))
    }
}
