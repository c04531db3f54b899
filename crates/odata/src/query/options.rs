//! A whole set of query options, as a server gets it.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_record::query::{Order, Query};
use driftless_record::{CollectionName, EntityName, EntitySchema, FieldName};

use super::error::{QueryTextError, cut};
use super::lower::lower;
use super::names::{Link, Names};
use crate::syntax::{self, ExpandItem, ExpandTarget, QueryOption, Search, SelectItem, Step, parse_options};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryOptions {
    /// Filter, search, order, skip, top and select.
    pub query: Query,
    /// `$count`: whether the number of all records is asked for.
    pub count: bool,
    /// `$expand`
    pub expand: Vec<Expand>,
    /// `$skiptoken`
    pub skip_token: Option<String>,
    /// `$deltatoken`
    pub delta_token: Option<String>,
    /// `$format`
    pub format: Option<String>,
    /// Options that are not OData's, in their order.
    pub custom: Vec<(String, String)>,
}

/// Related records that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expand {
    /// The name in the request, under which they are written.
    pub name: String,
    /// What is expanded.
    pub what: Expanded,
    /// What is asked for of the related records.
    pub options: QueryOptions,
}

/// What is expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expanded {
    /// The record that a lookup points to.
    Lookup(FieldName, EntityName),
    /// The members of a collection.
    Collection(CollectionName, EntityName),
}

/// What to do with options that are neither OData's nor known to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Treatment {
    /// Keep them in [`QueryOptions::custom`].
    #[default]
    Keep,
    /// Refuse the request.
    Refuse,
}

/// Reads the query of a URL (without `?`) for an entity.
///
/// # Errors
/// [`QueryTextError`]: the request is to be answered with status 400, or 501 for what is not supported.
pub fn read_options(
    text: &str,
    names: Names<'_>,
    entity: &Arc<EntitySchema>,
    treatment: Treatment,
) -> Result<QueryOptions, QueryTextError> {
    let options = lower_options(&parse_options(text)?, names, entity)?;
    match options.custom.first() {
        Some((name, _)) if treatment == Treatment::Refuse => {
            Err(QueryTextError::UnknownQueryOption(cut(name)))
        }
        _ => Ok(options),
    }
}

/// Types query options by the schema.
///
/// # Errors
/// As [`read_options`].
pub fn lower_options(
    options: &[QueryOption],
    names: Names<'_>,
    entity: &Arc<EntitySchema>,
) -> Result<QueryOptions, QueryTextError> {
    read(options, names, entity, &BTreeMap::new())
}

fn read(
    options: &[QueryOption],
    names: Names<'_>,
    entity: &Arc<EntitySchema>,
    outer: &BTreeMap<String, syntax::Expr>,
) -> Result<QueryOptions, QueryTextError> {
    let mut aliases = outer.clone();
    for option in options {
        if let QueryOption::Alias(name, value) = option {
            aliases.insert(name.clone(), value.clone());
        }
    }
    let mut read = Reading {
        names,
        entity,
        aliases,
        seen: Vec::new(),
        out: empty(entity),
    };
    options.iter().try_for_each(|option| read.option(option))?;
    Ok(read.out)
}

fn empty(entity: &EntitySchema) -> QueryOptions {
    QueryOptions {
        query: Query::all(entity.name.clone()),
        count: false,
        expand: Vec::new(),
        skip_token: None,
        delta_token: None,
        format: None,
        custom: Vec::new(),
    }
}

struct Reading<'a> {
    names: Names<'a>,
    entity: &'a Arc<EntitySchema>,
    aliases: BTreeMap<String, syntax::Expr>,
    seen: Vec<&'static str>,
    out: QueryOptions,
}

impl Reading<'_> {
    fn once(&mut self, name: &'static str) -> Result<(), QueryTextError> {
        if self.seen.contains(&name) {
            return Err(QueryTextError::Repeated(name));
        }
        self.seen.push(name);
        Ok(())
    }

    fn option(&mut self, option: &QueryOption) -> Result<(), QueryTextError> {
        match option {
            QueryOption::Filter(filter) => {
                self.once("$filter")?;
                self.out.query.filter = Some(lower(filter, self.names, self.entity, &self.aliases)?);
            }
            QueryOption::Search(search) => {
                self.once("$search")?;
                let mut words = Vec::new();
                words_of(search, &mut words)?;
                self.out.query.search = Some(words.join(" "));
            }
            QueryOption::OrderBy(items) => {
                self.once("$orderby")?;
                for item in items {
                    let by = lower(&item.expr, self.names, self.entity, &self.aliases)?;
                    self.out.query.order.push(Order {
                        by,
                        descending: item.descending,
                    });
                }
            }
            QueryOption::Select(items) => {
                self.once("$select")?;
                self.select(items)?;
            }
            QueryOption::Expand(items) => {
                self.once("$expand")?;
                for item in items {
                    let expand = self.expand(item)?;
                    if self.out.expand.iter().any(|known| known.name == expand.name) {
                        return Err(QueryTextError::Repeated("one path of $expand"));
                    }
                    self.out.expand.push(expand);
                }
            }
            QueryOption::Top(top) => {
                self.once("$top")?;
                self.out.query.top = Some(*top);
            }
            QueryOption::Skip(skip) => {
                self.once("$skip")?;
                self.out.query.skip = *skip;
            }
            QueryOption::Count(count) => {
                self.once("$count")?;
                self.out.count = *count;
            }
            QueryOption::SkipToken(token) => {
                self.once("$skiptoken")?;
                self.out.skip_token = Some(token.clone());
            }
            QueryOption::DeltaToken(token) => {
                self.once("$deltatoken")?;
                self.out.delta_token = Some(token.clone());
            }
            QueryOption::Format(format) => {
                self.once("$format")?;
                self.out.format = Some(format.clone());
            }
            QueryOption::Custom(name, value) => {
                self.out
                    .custom
                    .push((name.clone(), value.clone().unwrap_or_default()));
            }
            QueryOption::Alias(..) => {}
            QueryOption::Compute(_) => return Err(QueryTextError::Unsupported("$compute")),
            QueryOption::Levels(_) => return Err(QueryTextError::Unsupported("$levels")),
            QueryOption::Index(_) => return Err(QueryTextError::Unsupported("$index")),
            QueryOption::Id(_) => return Err(QueryTextError::Unsupported("$id")),
            QueryOption::SchemaVersion(_) => return Err(QueryTextError::Unsupported("$schemaversion")),
        }
        Ok(())
    }

    fn select(&mut self, items: &[SelectItem]) -> Result<(), QueryTextError> {
        if items.contains(&SelectItem::All) {
            return Ok(());
        }
        for item in items {
            let SelectItem::Path {
                steps,
                parameters,
                options,
            } = item
            else {
                return Err(QueryTextError::Unsupported("operations in $select"));
            };
            let ([Step::Name(name)], true) = (steps.as_slice(), parameters.is_empty() && options.is_empty())
            else {
                return Err(QueryTextError::Unsupported("anything but names in $select"));
            };
            if self.entity.collections.contains_key(name.as_str()) {
                continue;
            }
            let field = self.names.field(self.entity, name)?;
            if !self.out.query.select.contains(&field) {
                self.out.query.select.push(field);
            }
        }
        Ok(())
    }

    fn expand(&self, item: &ExpandItem) -> Result<Expand, QueryTextError> {
        let ([Step::Name(name)], ExpandTarget::Records) = (item.steps.as_slice(), item.target) else {
            return Err(QueryTextError::Unsupported(
                "anything but names of lookups and collections in $expand",
            ));
        };
        let (what, target) = match self.names.link(self.entity, name)? {
            Link::One(field, target) => (Expanded::Lookup(field, target.name.clone()), target),
            Link::Many(collection, child) => (Expanded::Collection(collection, child.name.clone()), child),
        };
        let options = read(&item.options, self.names, &target, &self.aliases)?;
        Ok(Expand {
            name: name.clone(),
            what,
            options,
        })
    }
}

/// Collects the words that must all occur.
fn words_of(search: &Search, words: &mut Vec<String>) -> Result<(), QueryTextError> {
    match search {
        Search::Word(text) | Search::Phrase(text) | Search::Incomplete(text) => words.push(text.clone()),
        Search::And(terms) => terms.iter().try_for_each(|term| words_of(term, words))?,
        Search::Or(_) => return Err(QueryTextError::Unsupported("OR in $search")),
        Search::Not(_) => return Err(QueryTextError::Unsupported("NOT in $search")),
    }
    Ok(())
}
