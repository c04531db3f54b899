//! Queries interpreted in memory: what every compiled form must agree with.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::check::Checker;
use super::compute;
use super::error::QueryError;
use super::typed::{Children, FieldRef, Node, Step, Typed};
use super::{Collation, Expr, Query};
use crate::id::RecordId;
use crate::name::{EntityName, FieldName};
use crate::record::Record;
use crate::schema::{EntitySchema, FieldKind, Schema};
use crate::time::DateTime;
use crate::value::Value;

/// The records around the one in question.
pub trait Lookups {
    /// Returns a record, if it is on the device.
    fn record(&self, entity: &EntityName, id: &RecordId) -> Option<Cow<'_, Record>>;

    /// Returns the records of `child` whose lookup field `via` points to a record.
    fn children(
        &self,
        child: &EntityName,
        via: &FieldName,
        parent: (&EntityName, &RecordId),
    ) -> Vec<Cow<'_, Record>>;
}

/// No records around: lookups lead nowhere and collections are empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLookups;

impl Lookups for NoLookups {
    fn record(&self, _: &EntityName, _: &RecordId) -> Option<Cow<'_, Record>> {
        None
    }

    fn children(&self, _: &EntityName, _: &FieldName, _: (&EntityName, &RecordId)) -> Vec<Cow<'_, Record>> {
        Vec::new()
    }
}

/// What a query is interpreted in.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// How texts compare.
    pub collation: Collation,
    /// The time that `now()` stands for.
    pub now: DateTime,
    /// The records around.
    pub lookups: &'a dyn Lookups,
}

impl<'a> Context<'a> {
    fn checker(&self) -> Checker<'a> {
        Checker {
            schema: self.schema,
            collation: self.collation,
            now: self.now,
        }
    }
}

/// A filter that was checked once and can be asked for many records.
#[derive(Debug, Clone)]
pub struct Filter(Typed);

impl Filter {
    /// Checks an expression for records of an entity; `now()` is taken from the context here, once.
    ///
    /// # Errors
    /// [`QueryError`] if it does not fit the schema.
    pub fn new(expr: &Expr, entity: &EntityName, context: &Context<'_>) -> Result<Self, QueryError> {
        let checker = context.checker();
        let entity = checker.entity(entity)?;
        Ok(Self(checker.condition(expr, &entity)?))
    }

    /// Returns whether the filter is true for a record; null is not true.
    #[must_use]
    pub fn matches(&self, record: &Record, context: &Context<'_>) -> bool {
        is_true(&self.0, record, context)
    }
}

/// Returns whether an expression is true for a record; null is not true.
///
/// # Errors
/// [`QueryError`] if it does not fit the schema.
pub fn matches(expr: &Expr, record: &Record, context: &Context<'_>) -> Result<bool, QueryError> {
    Ok(Filter::new(expr, &record.entity, context)?.matches(record, context))
}

/// Answers a query from records: filter, search, order, skip, top, select.
///
/// Records of other entities than the query's are passed over.
///
/// # Errors
/// [`QueryError`] if the query does not fit the schema.
pub fn run(
    query: &Query,
    records: impl IntoIterator<Item = Record>,
    context: &Context<'_>,
) -> Result<Vec<Record>, QueryError> {
    let checker = context.checker();
    let entity = checker.entity(&query.entity)?;
    let filter = query
        .filter
        .as_ref()
        .map(|filter| checker.condition(filter, &entity))
        .transpose()?;
    let search = query.search.as_deref().map(|search| Search::new(search, &entity));
    let mut order = Vec::with_capacity(query.order.len());
    for criterion in &query.order {
        order.push((checker.criterion(&criterion.by, &entity)?, criterion.descending));
    }
    for field in &query.select {
        if entity.field(field).is_none() {
            return Err(QueryError::NoField {
                entity: entity.name.clone(),
                field: field.clone(),
            });
        }
    }
    let mut found: Vec<(Vec<Value>, Record)> = records
        .into_iter()
        .filter(|record| record.entity == query.entity)
        .filter(|record| {
            filter
                .as_ref()
                .is_none_or(|filter| is_true(filter, record, context))
        })
        .filter(|record| search.as_ref().is_none_or(|search| search.matches(record)))
        .map(|record| {
            let scope = Scope::of(&record, context);
            let keys = order
                .iter()
                .map(|(by, _)| evaluate(by, Some(&scope), context.collation).into_owned());
            (keys.collect(), record)
        })
        .collect();
    found.sort_by(|(a, x), (b, y)| {
        let by_keys = order
            .iter()
            .zip(a.iter().zip(b))
            .map(|((_, descending), (a, b))| {
                let order = compute::sort_order(a, b, context.collation);
                if *descending { order.reverse() } else { order }
            });
        by_keys
            .fold(Ordering::Equal, Ordering::then)
            .then_with(|| x.id.cmp(&y.id))
    });
    let place = |v: u64| usize::try_from(v).unwrap_or(usize::MAX);
    let page = found.into_iter().map(|(_, record)| record);
    let page = page
        .skip(place(query.skip))
        .take(query.top.map_or(usize::MAX, place));
    Ok(page
        .map(|mut record| {
            if !query.select.is_empty() {
                record.fields.retain(|name, _| query.select.contains(name));
            }
            record
        })
        .collect())
}

/// Words to be found in the searchable text fields, ASCII letters in any case.
#[derive(Debug, Clone)]
pub struct Search {
    words: Vec<String>,
    fields: Vec<FieldName>,
}

impl Search {
    /// Takes the words of a text as a person typed them.
    ///
    /// The fields are the text fields marked as searchable; where there are none, the display field.
    #[must_use]
    pub fn new(text: &str, entity: &EntitySchema) -> Self {
        let is_text = |kind: &FieldKind| matches!(kind, FieldKind::Text { .. });
        let marked = entity
            .fields
            .iter()
            .filter(|field| field.searchable && is_text(&field.kind));
        let mut fields: Vec<_> = marked.map(|field| field.name.clone()).collect();
        if fields.is_empty() {
            let display = entity.display_field.as_ref().and_then(|name| entity.field(name));
            fields.extend(
                display
                    .filter(|field| is_text(&field.kind))
                    .map(|field| field.name.clone()),
            );
        }
        Self {
            words: text.split_whitespace().map(str::to_ascii_lowercase).collect(),
            fields,
        }
    }

    /// Returns the words, ASCII letters in lower case.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Returns the fields that are searched.
    #[must_use]
    pub fn fields(&self) -> &[FieldName] {
        &self.fields
    }

    /// Returns whether each word occurs in at least one of the fields.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        let texts = self.fields.iter().filter_map(|name| record.value(name).as_text());
        let texts: Vec<_> = texts.map(str::to_ascii_lowercase).collect();
        self.words
            .iter()
            .all(|word| texts.iter().any(|text| text.contains(word)))
    }
}

/// A record in scope, and the scopes around it.
pub(crate) struct Scope<'a> {
    record: &'a Record,
    context: &'a Context<'a>,
    outer: Option<&'a Self>,
}

impl<'a> Scope<'a> {
    fn of(record: &'a Record, context: &'a Context<'a>) -> Self {
        Scope {
            record,
            context,
            outer: None,
        }
    }

    fn at(&self, place: usize) -> Option<&Self> {
        match place {
            0 => Some(self),
            _ => self.outer.and_then(|outer| outer.at(place - 1)),
        }
    }
}

fn is_true(typed: &Typed, record: &Record, context: &Context<'_>) -> bool {
    matches!(
        *evaluate(typed, Some(&Scope::of(record, context)), context.collation),
        Value::Bool(true)
    )
}

/// Follows lookups from a record; `None` as soon as one is null or leads to a record that is not there.
fn follow<'s>(scope: &'s Scope<'_>, through: &[Step]) -> Option<Cow<'s, Record>> {
    let mut record = Cow::Borrowed(scope.record);
    for step in through {
        let Value::Lookup(lookup) = record.value(&step.field) else {
            return None;
        };
        record = scope.context.lookups.record(&step.target, &lookup.id)?;
    }
    Some(record)
}

fn field<'s>(scope: Option<&'s Scope<'_>>, field: &FieldRef) -> Cow<'s, Value> {
    const NULL: Cow<'static, Value> = Cow::Owned(Value::Null);
    let Some(scope) = scope.and_then(|scope| scope.at(field.scope)) else {
        return NULL;
    };
    match follow(scope, &field.through) {
        Some(Cow::Borrowed(record)) => Cow::Borrowed(record.value(&field.field)),
        Some(Cow::Owned(mut record)) => record.fields.remove(&field.field).map_or(NULL, Cow::Owned),
        None => NULL,
    }
}

/// Evaluates a checked expression.
pub(crate) fn evaluate<'s>(
    typed: &'s Typed,
    scope: Option<&'s Scope<'_>>,
    collation: Collation,
) -> Cow<'s, Value> {
    let of = |typed: &'s Typed| evaluate(typed, scope, collation);
    Cow::Owned(match &typed.node {
        Node::Const(value) => return Cow::Borrowed(value),
        Node::Field(reference) => return field(scope, reference),
        Node::Key(key) => match &*field(scope, &key.lookup) {
            Value::Lookup(lookup) => match lookup.id.key_values(&key.target).as_deref() {
                Ok([value]) => value.clone(),
                _ => Value::Null,
            },
            _ => Value::Null,
        },
        Node::Not(inner) => match *of(inner) {
            Value::Bool(v) => Value::Bool(!v),
            _ => Value::Null,
        },
        Node::And(list) => all_of(list.iter().map(of), false),
        Node::Or(list) => all_of(list.iter().map(of), true),
        Node::Compare(comparison, a, b) => {
            Value::Bool(compute::compare(*comparison, &of(a), &of(b), collation))
        }
        Node::In(left, list) => {
            let left = of(left);
            let equal =
                |item: &'s Typed| compute::compare(super::Comparison::Eq, &left, &of(item), collation);
            Value::Bool(list.iter().any(equal))
        }
        Node::Arithmetic(operator, a, b) => compute::arithmetic(*operator, typed.ty, &of(a), &of(b)),
        Node::Negate(inner) => compute::negate(typed.ty, &of(inner)),
        Node::Call(function, arguments) => {
            let values: Vec<_> = arguments.iter().map(of).collect();
            let values: Vec<&Value> = values.iter().map(|value| &**value).collect();
            compute::call(*function, &values, collation)
        }
        Node::Any(children) => Value::Bool(scope.is_some_and(|scope| any(children, scope, collation, true))),
        Node::All(children) => {
            Value::Bool(!scope.is_some_and(|scope| any(children, scope, collation, false)))
        }
    })
}

/// Three-valued conjunction, or disjunction if `absorbing` is true.
fn all_of<'s>(values: impl Iterator<Item = Cow<'s, Value>>, absorbing: bool) -> Value {
    let mut result = Value::Bool(!absorbing);
    for value in values {
        match *value {
            Value::Bool(v) if v == absorbing => return Value::Bool(absorbing),
            Value::Bool(_) => {}
            _ => result = Value::Null,
        }
    }
    result
}

/// Returns whether there is a child for which the condition is true (`wanted`) or not true (not `wanted`).
fn any(children: &Children, scope: &Scope<'_>, collation: Collation, wanted: bool) -> bool {
    let Some(from) = scope.at(children.scope) else {
        return false;
    };
    let id = match children.through.split_last() {
        None => Some(from.record.id.clone()),
        Some((last, before)) => follow(from, before).and_then(|record| match record.value(&last.field) {
            Value::Lookup(lookup) => Some(lookup.id.clone()),
            _ => None,
        }),
    };
    let Some(id) = id else {
        return false;
    };
    let found = scope
        .context
        .lookups
        .children(&children.child.name, &children.via, (&children.parent, &id));
    found.iter().any(|child| {
        let inner = Scope {
            record: child,
            context: scope.context,
            outer: Some(scope),
        };
        let holds = children
            .body
            .as_ref()
            .is_none_or(|body| matches!(*evaluate(body, Some(&inner), collation), Value::Bool(true)));
        holds == wanted
    })
}

#[cfg(test)]
mod tests;
