//! Checks expressions against a schema and computes what does not depend on records.

use std::sync::Arc;

use super::compute;
use super::error::{MAX_DEPTH, MAX_PARTS, QueryError};
use super::typed::{Children, FieldRef, KeyRef, Node, Step, Type, Typed, comparable, fit};
use super::{Arithmetic, Collation, Collected, Comparison, Expr, Function, Path};
use crate::name::{EntityName, FieldName};
use crate::schema::{EntitySchema, FieldKind, FieldSchema, Schema};
use crate::sql::DecimalForm;
use crate::time::DateTime;
use crate::value::Value;

/// Scaled decimals are added and multiplied in 64 bits only up to this scale; twelve digits remain before the point.
const MAX_ARITHMETIC_SCALE: u8 = 6;

/// The entities of the lambdas around an expression, innermost last.
type Scopes = Vec<Arc<EntitySchema>>;

/// What checking needs to know.
pub(crate) struct Checker<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) collation: Collation,
    pub(crate) now: DateTime,
}

impl Checker<'_> {
    /// Finds an entity.
    pub(crate) fn entity(&self, name: &EntityName) -> Result<Arc<EntitySchema>, QueryError> {
        let found = self.schema.entity(name.as_str()).cloned();
        found.ok_or_else(|| QueryError::NoEntity { entity: name.clone() })
    }

    /// Checks an expression about records of an entity.
    pub(crate) fn expression(&self, expr: &Expr, entity: &Arc<EntitySchema>) -> Result<Typed, QueryError> {
        let mut parts = MAX_PARTS;
        measure(expr, MAX_DEPTH, &mut parts)?;
        self.check(expr, &mut vec![entity.clone()])
    }

    /// Checks an expression that is to be true or false.
    pub(crate) fn condition(&self, expr: &Expr, entity: &Arc<EntitySchema>) -> Result<Typed, QueryError> {
        let typed = self.expression(expr, entity)?;
        boolean("filter", typed)
    }

    /// Checks an expression to order by.
    pub(crate) fn criterion(&self, expr: &Expr, entity: &Arc<EntitySchema>) -> Result<Typed, QueryError> {
        let typed = self.expression(expr, entity)?;
        match typed.ty {
            Type::File => Err(mismatch("orderby", &[typed.ty])),
            _ => Ok(typed),
        }
    }

    /// Checks an expression. Each operator has a function of its own, which keeps the stack of deep expressions small.
    fn check(&self, expr: &Expr, scopes: &mut Scopes) -> Result<Typed, QueryError> {
        match expr {
            Expr::Literal(value) => Ok(Typed::constant(value.clone())),
            Expr::Field(path) => self.field(path, scopes),
            Expr::Any(collected) => self.children(collected, scopes, Node::Any),
            Expr::All(collected) => self.children(collected, scopes, Node::All),
            Expr::Not(inner) => self.not(inner, scopes),
            Expr::And(all) => self.list("and", all, scopes, Node::And),
            Expr::Or(any) => self.list("or", any, scopes, Node::Or),
            Expr::Compare(comparison, a, b) => self.comparison(*comparison, a, b, scopes),
            Expr::In(left, list) => self.membership(left, list, scopes),
            Expr::Arithmetic(operator, a, b) => self.computation(*operator, a, b, scopes),
            Expr::Negate(inner) => self.negation(inner, scopes),
            Expr::Call(function, arguments) => {
                let arguments: Result<Vec<_>, _> = arguments
                    .iter()
                    .map(|argument| self.check(argument, scopes))
                    .collect();
                self.call(*function, arguments?).map(|typed| self.folded(typed))
            }
        }
    }

    fn boxed(&self, expr: &Expr, scopes: &mut Scopes) -> Result<Box<Typed>, QueryError> {
        self.check(expr, scopes).map(Box::new)
    }

    fn not(&self, inner: &Expr, scopes: &mut Scopes) -> Result<Typed, QueryError> {
        let inner = self.boxed(inner, scopes)?;
        let node = Node::Not(Box::new(boolean("not", *inner)?));
        Ok(self.folded(Typed { node, ty: Type::Bool }))
    }

    fn list(
        &self,
        operation: &'static str,
        list: &[Expr],
        scopes: &mut Scopes,
        node: fn(Vec<Typed>) -> Node,
    ) -> Result<Typed, QueryError> {
        let list = self.booleans(operation, list, scopes)?;
        Ok(self.folded(Typed {
            node: node(list),
            ty: Type::Bool,
        }))
    }

    fn comparison(
        &self,
        comparison: Comparison,
        a: &Expr,
        b: &Expr,
        scopes: &mut Scopes,
    ) -> Result<Typed, QueryError> {
        let (a, b) = (self.boxed(a, scopes)?, self.boxed(b, scopes)?);
        compare(comparison, *a, *b).map(|typed| self.folded(typed))
    }

    fn membership(&self, left: &Expr, list: &[Expr], scopes: &mut Scopes) -> Result<Typed, QueryError> {
        let left = self.boxed(left, scopes)?;
        let list: Result<Vec<_>, _> = list
            .iter()
            .map(|item| member(&left, self.check(item, scopes)?))
            .collect();
        let node = Node::In(left, list?);
        Ok(self.folded(Typed { node, ty: Type::Bool }))
    }

    fn computation(
        &self,
        operator: Arithmetic,
        a: &Expr,
        b: &Expr,
        scopes: &mut Scopes,
    ) -> Result<Typed, QueryError> {
        let (a, b) = (self.boxed(a, scopes)?, self.boxed(b, scopes)?);
        arithmetic(operator, *a, *b).map(|typed| self.folded(typed))
    }

    fn negation(&self, inner: &Expr, scopes: &mut Scopes) -> Result<Typed, QueryError> {
        let inner = self.boxed(inner, scopes)?;
        let ty = match inner.ty {
            ty @ (Type::Null | Type::Int | Type::Decimal(_) | Type::Double | Type::Duration) => ty,
            other => return Err(mismatch("-", &[other])),
        };
        let node = Node::Negate(inner);
        Ok(self.folded(Typed { node, ty }))
    }

    fn booleans(
        &self,
        operation: &'static str,
        list: &[Expr],
        scopes: &mut Scopes,
    ) -> Result<Vec<Typed>, QueryError> {
        list.iter()
            .map(|item| boolean(operation, self.check(item, scopes)?))
            .collect()
    }

    fn follow(
        &self,
        scope: u8,
        through: &[FieldName],
        scopes: &[Arc<EntitySchema>],
    ) -> Result<(Vec<Step>, Arc<EntitySchema>), QueryError> {
        let place = scopes
            .len()
            .checked_sub(1 + usize::from(scope))
            .ok_or(QueryError::Scope)?;
        let mut entity = scopes[place].clone();
        let mut steps = Vec::with_capacity(through.len());
        for name in through {
            let target = match &field_of(&entity, name)?.kind {
                FieldKind::Lookup { targets } if targets.len() == 1 => targets[0].clone(),
                _ => {
                    return Err(QueryError::NotFollowed {
                        entity: entity.name.clone(),
                        field: name.clone(),
                    });
                }
            };
            entity = self.entity(&target)?;
            steps.push(Step {
                field: name.clone(),
                target,
            });
        }
        Ok((steps, entity))
    }

    fn field(&self, path: &Path, scopes: &[Arc<EntitySchema>]) -> Result<Typed, QueryError> {
        let (mut through, entity) = self.follow(path.scope, &path.through, scopes)?;
        let field = field_of(&entity, &path.field)?;
        let ty = Type::of_kind(&field.kind);
        let scope = usize::from(path.scope);
        let simple_key = matches!(
            field.kind,
            FieldKind::Guid | FieldKind::Int { .. } | FieldKind::Text { .. }
        );
        if simple_key
            && entity.key.len() == 1
            && entity.is_key(&path.field)
            && let Some(last) = through.pop()
        {
            let (_, owner) = self.follow(path.scope, &path.through[..through.len()], scopes)?;
            let lookup = FieldRef {
                scope,
                through,
                kind: field_of(&owner, &last.field)?.kind.clone(),
                field: last.field,
            };
            let target = entity;
            return Ok(Typed {
                node: Node::Key(Box::new(KeyRef { lookup, target })),
                ty,
            });
        }
        Ok(Typed {
            node: Node::Field(Box::new(FieldRef {
                scope,
                through,
                field: path.field.clone(),
                kind: field.kind.clone(),
            })),
            ty,
        })
    }

    fn children(
        &self,
        collected: &Collected,
        scopes: &mut Scopes,
        node: fn(Box<Children>) -> Node,
    ) -> Result<Typed, QueryError> {
        let (through, parent) = self.follow(collected.scope, &collected.through, scopes)?;
        let collection = parent.collections.get(&collected.collection);
        let collection = collection.ok_or_else(|| QueryError::NoCollection {
            entity: parent.name.clone(),
            collection: collected.collection.clone(),
        })?;
        let child = self.entity(&collection.entity)?;
        let via_several = match &field_of(&child, &collection.via)?.kind {
            FieldKind::Lookup { targets } => targets.len() != 1,
            _ => {
                return Err(QueryError::NotFollowed {
                    entity: child.name.clone(),
                    field: collection.via.clone(),
                });
            }
        };
        let body = match &collected.body {
            None => None,
            Some(body) => {
                scopes.push(child.clone());
                let body = self.check(body, scopes).and_then(|body| boolean("lambda", body));
                scopes.pop();
                Some(Box::new(body?))
            }
        };
        Ok(Typed {
            node: node(Box::new(Children {
                scope: usize::from(collected.scope),
                through,
                parent: parent.name.clone(),
                via: collection.via.clone(),
                via_several,
                child,
                body,
            })),
            ty: Type::Bool,
        })
    }

    fn call(&self, function: Function, arguments: Vec<Typed>) -> Result<Typed, QueryError> {
        if !function.arity().contains(&arguments.len()) {
            return Err(QueryError::Arguments {
                function: function.name(),
                count: arguments.len(),
            });
        }
        if function == Function::Now {
            return Ok(Typed::constant(Value::DateTime(self.now)));
        }
        let types: Vec<Type> = arguments.iter().map(|argument| argument.ty).collect();
        let ty = returns(function, &types).ok_or_else(|| mismatch(function.name(), &types))?;
        Ok(Typed {
            node: Node::Call(function, arguments),
            ty,
        })
    }

    /// Computes an expression whose operands are all constant, or which is null because one of them is.
    fn folded(&self, typed: Typed) -> Typed {
        let constant = match &typed.node {
            Node::Not(inner) => inner.as_const().is_some(),
            Node::And(list) | Node::Or(list) => list.iter().all(|item| item.as_const().is_some()),
            Node::In(left, list) => {
                left.as_const().is_some() && list.iter().all(|item| item.as_const().is_some())
            }
            Node::Compare(Comparison::Eq | Comparison::Ne, a, b) => {
                a.as_const().is_some() && b.as_const().is_some()
            }
            Node::Compare(_, a, b) => {
                a.is_null() || b.is_null() || (a.as_const().is_some() && b.as_const().is_some())
            }
            Node::Arithmetic(_, a, b) => {
                a.is_null() || b.is_null() || (a.as_const().is_some() && b.as_const().is_some())
            }
            Node::Negate(inner) => inner.as_const().is_some(),
            Node::Call(_, list) => {
                list.iter().any(Typed::is_null) || list.iter().all(|item| item.as_const().is_some())
            }
            Node::Const(_) | Node::Field(_) | Node::Key(_) | Node::Any(_) | Node::All(_) => false,
        };
        if !constant {
            return typed;
        }
        Typed::constant(compute::constant(&typed, self.collation))
    }
}

/// Refuses expressions that are too deep or too long, without going deeper than allowed.
fn measure(expr: &Expr, depth: usize, parts: &mut usize) -> Result<(), QueryError> {
    let depth = depth.checked_sub(1).ok_or(QueryError::TooLarge)?;
    *parts = parts.checked_sub(1).ok_or(QueryError::TooLarge)?;
    let mut each = |list: &mut dyn Iterator<Item = &Expr>| -> Result<(), QueryError> {
        for item in list {
            measure(item, depth, parts)?;
        }
        Ok(())
    };
    match expr {
        Expr::Literal(_) | Expr::Field(_) => Ok(()),
        Expr::Not(inner) | Expr::Negate(inner) => each(&mut std::iter::once(&**inner)),
        Expr::And(list) | Expr::Or(list) | Expr::Call(_, list) => each(&mut list.iter()),
        Expr::Compare(_, a, b) | Expr::Arithmetic(_, a, b) => each(&mut [&**a, &**b].into_iter()),
        Expr::In(left, list) => each(&mut std::iter::once(&**left).chain(list)),
        Expr::Any(collected) | Expr::All(collected) => each(&mut collected.body.as_deref().into_iter()),
    }
}

fn field_of<'a>(entity: &'a EntitySchema, name: &FieldName) -> Result<&'a FieldSchema, QueryError> {
    entity.field(name).ok_or_else(|| QueryError::NoField {
        entity: entity.name.clone(),
        field: name.clone(),
    })
}

fn mismatch(operation: &'static str, types: &[Type]) -> QueryError {
    let names: Vec<_> = types.iter().map(|ty| ty.name()).collect();
    QueryError::Types {
        operation,
        types: names.join(" and "),
    }
}

fn boolean(operation: &'static str, typed: Typed) -> Result<Typed, QueryError> {
    match typed.ty {
        Type::Bool | Type::Null => Ok(typed),
        other => Err(mismatch(operation, &[other])),
    }
}

fn comparison_name(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Eq => "eq",
        Comparison::Ne => "ne",
        Comparison::Gt => "gt",
        Comparison::Ge => "ge",
        Comparison::Lt => "lt",
        Comparison::Le => "le",
        Comparison::Has => "has",
    }
}

fn fitted(typed: Typed, other: &Typed) -> Result<Typed, QueryError> {
    match (typed.node, &other.node) {
        (Node::Const(value), Node::Const(_)) => Ok(Typed::constant(value)),
        (Node::Const(value), _) => Ok(Typed::constant(fit(value, other)?)),
        (node, _) => Ok(Typed { node, ty: typed.ty }),
    }
}

fn compare(comparison: Comparison, a: Typed, b: Typed) -> Result<Typed, QueryError> {
    let a = fitted(a, &b)?;
    let b = fitted(b, &a)?;
    if !comparable(comparison, a.ty, b.ty) {
        return Err(mismatch(comparison_name(comparison), &[a.ty, b.ty]));
    }
    Ok(Typed {
        node: Node::Compare(comparison, Box::new(a), Box::new(b)),
        ty: Type::Bool,
    })
}

fn member(left: &Typed, item: Typed) -> Result<Typed, QueryError> {
    let item = fitted(item, left)?;
    if !comparable(Comparison::Eq, left.ty, item.ty) {
        return Err(mismatch("in", &[left.ty, item.ty]));
    }
    Ok(item)
}

fn arithmetic(operator: Arithmetic, a: Typed, b: Typed) -> Result<Typed, QueryError> {
    use Arithmetic::{Add, Div, DivBy, Mod, Mul, Sub};
    use Type::{Date, DateTime, Decimal, Double, Duration, Int, Null};
    let name = match operator {
        Add => "add",
        Sub => "sub",
        Mul => "mul",
        Div => "div",
        DivBy => "divby",
        Mod => "mod",
    };
    let ty = match (a.ty, operator, b.ty) {
        (Null, _, _) | (_, _, Null) => Null,
        (x, DivBy, y) if x.is_number() && y.is_number() => Double,
        (Double, _, y) if y.is_number() => Double,
        (x, _, Double) if x.is_number() => Double,
        (Int, _, Int) => Int,
        (x @ (Int | Decimal(_)), _, y @ (Int | Decimal(_))) => Decimal(decimal_form(operator, x, y)),
        (DateTime, Add | Sub, Duration) => DateTime,
        (Duration, Add, DateTime) => DateTime,
        (Date, Add | Sub, Duration) => Date,
        (Duration, Add, Date) => Date,
        (DateTime, Sub, DateTime) | (Date, Sub, Date) | (Duration, Add | Sub, Duration) => Duration,
        (Duration, Mul | Div, Int) | (Int, Mul, Duration) => Duration,
        (x, _, y) => return Err(mismatch(name, &[x, y])),
    };
    // Decimal constants beside doubles count as doubles.
    let (a, b) = if ty == Double {
        let a = fitted_to_double(a);
        (a, fitted_to_double(b))
    } else {
        (a, b)
    };
    Ok(Typed {
        node: Node::Arithmetic(operator, Box::new(a), Box::new(b)),
        ty,
    })
}

fn fitted_to_double(typed: Typed) -> Typed {
    match typed.node {
        Node::Const(value) => Typed::constant(compute::as_double(&value).map_or(value, Value::double)),
        node => Typed { node, ty: typed.ty },
    }
}

fn decimal_form(operator: Arithmetic, a: Type, b: Type) -> DecimalForm {
    let scale = |ty| match ty {
        Type::Int => Some(0),
        Type::Decimal(DecimalForm::Scaled(scale)) => Some(scale),
        _ => None,
    };
    let (Some(a), Some(b)) = (scale(a), scale(b)) else {
        return DecimalForm::Sortable;
    };
    let result = match operator {
        Arithmetic::Add | Arithmetic::Sub | Arithmetic::Mod => a.max(b),
        Arithmetic::Mul => a + b,
        Arithmetic::Div | Arithmetic::DivBy => return DecimalForm::Sortable,
    };
    let same = a == b && operator != Arithmetic::Mul;
    if same || result <= MAX_ARITHMETIC_SCALE {
        DecimalForm::Scaled(result)
    } else {
        DecimalForm::Sortable
    }
}

fn returns(function: Function, types: &[Type]) -> Option<Type> {
    use Function as F;
    use Type as T;
    let first = *types.first()?;
    let text = |place: usize| types.get(place).is_none_or(|ty| ty.is_text() || *ty == T::Null);
    let whole = |place: usize| types.get(place).is_none_or(|ty| matches!(ty, T::Int | T::Null));
    let among = |list: &[Type]| list.contains(&first) || first == T::Null;
    match function {
        F::Contains | F::StartsWith | F::EndsWith => (text(0) && text(1)).then_some(T::Bool),
        F::IndexOf => (text(0) && text(1)).then_some(T::Int),
        F::Length => text(0).then_some(T::Int),
        F::Substring => (text(0) && whole(1) && whole(2)).then_some(T::Text),
        F::ToLower | F::ToUpper | F::Trim => text(0).then_some(T::Text),
        F::Concat => (text(0) && text(1)).then_some(T::Text),
        F::Year | F::Month | F::Day => among(&[T::Date, T::DateTime]).then_some(T::Int),
        F::Hour | F::Minute | F::Second => among(&[T::Time, T::DateTime]).then_some(T::Int),
        F::FractionalSeconds => among(&[T::Time, T::DateTime]).then_some(T::Decimal(DecimalForm::Scaled(7))),
        F::Date => among(&[T::DateTime]).then_some(T::Date),
        F::Time => among(&[T::DateTime]).then_some(T::Time),
        F::TotalOffsetMinutes => among(&[T::DateTime]).then_some(T::Int),
        F::Now => Some(T::DateTime),
        F::Round | F::Floor | F::Ceiling => match first {
            T::Decimal(DecimalForm::Scaled(_)) => Some(T::Decimal(DecimalForm::Scaled(0))),
            T::Int | T::Double | T::Decimal(DecimalForm::Sortable) | T::Null => Some(first),
            _ => None,
        },
    }
}
