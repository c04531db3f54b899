//! Names of lookups and collections as they stand in paths.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_record::{CollectionName, EntityName, EntitySchema, FieldKind, FieldName, Schema};

use super::error::{QueryTextError, cut};
use crate::csdl::{EntityFacts, WireType, navigation_name};
use crate::suggest::nearest;

/// A schema with what is known of a service's names.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// Facts of the service's metadata; without them, names are those that our own metadata gives.
    pub facts: Option<&'a BTreeMap<EntityName, EntityFacts>>,
}

/// Where a name in a path leads.
#[derive(Debug, Clone)]
pub(super) enum Link {
    /// Through a lookup to one record.
    One(FieldName, Arc<EntitySchema>),
    /// To the members of a collection.
    Many(CollectionName, Arc<EntitySchema>),
}

impl<'a> Names<'a> {
    /// Makes names for our own service.
    #[must_use]
    pub fn own(schema: &'a Schema) -> Self {
        Self { schema, facts: None }
    }

    pub(super) fn entity(&self, name: &EntityName) -> Result<Arc<EntitySchema>, QueryTextError> {
        self.schema
            .entity(name.as_str())
            .cloned()
            .ok_or_else(|| QueryTextError::NotFollowed {
                entity: name.to_string(),
                name: cut(name.as_str()),
                suggestion: None,
            })
    }

    /// Returns the navigation property of a lookup to one of its targets.
    pub(super) fn navigation(&self, entity: &EntitySchema, field: &FieldName, target: &EntityName) -> String {
        let facts = self.facts.and_then(|facts| facts.get(&entity.name));
        let told = facts
            .and_then(|facts| facts.navigations.get(field))
            .and_then(|by_target| by_target.get(target));
        told.cloned().unwrap_or_else(|| {
            let many = matches!(entity.field(field).map(|f| &f.kind), Some(FieldKind::Lookup { targets }) if targets.len() > 1);
            let name = navigation_name(field);
            if many { format!("{name}_{target}") } else { name }
        })
    }

    pub(super) fn wire(&self, entity: &EntitySchema, field: &FieldName) -> Option<&'a WireType> {
        self.facts
            .and_then(|facts| facts.get(&entity.name))
            .and_then(|facts| facts.wire.get(field))
    }

    /// Finds where a name leads: a navigation property, the name of a lookup field itself, or a collection.
    pub(super) fn link(&self, entity: &EntitySchema, name: &str) -> Result<Link, QueryTextError> {
        if let Some((key, collection)) = entity.collections.get_key_value(name) {
            return Ok(Link::Many(key.clone(), self.entity(&collection.entity)?));
        }
        let lookups = || {
            entity.fields.iter().filter_map(|field| match &field.kind {
                FieldKind::Lookup { targets } => Some((&field.name, targets)),
                _ => None,
            })
        };
        for (field, targets) in lookups() {
            if field.as_str() == name {
                return match targets.as_slice() {
                    [only] => Ok(Link::One(field.clone(), self.entity(only)?)),
                    _ => Err(QueryTextError::Unsupported(
                        "a path through a lookup with several targets",
                    )),
                };
            }
        }
        for (field, targets) in lookups() {
            if let Some(target) = targets
                .iter()
                .find(|target| self.navigation(entity, field, target) == name)
            {
                return Ok(Link::One(field.clone(), self.entity(target)?));
            }
        }
        let named = lookups()
            .map(|(field, _)| field.as_str())
            .chain(entity.collections.keys().map(|key| key.as_str()));
        Err(QueryTextError::NotFollowed {
            entity: entity.name.to_string(),
            name: cut(name),
            suggestion: nearest(name, named).map(str::to_owned),
        })
    }

    /// Finds a field by its name, or a lookup field by its navigation property.
    pub(super) fn field(&self, entity: &EntitySchema, name: &str) -> Result<FieldName, QueryTextError> {
        if let Some(field) = entity.field(name) {
            return Ok(field.name.clone());
        }
        if let Ok(Link::One(field, _)) = self.link(entity, name) {
            return Ok(field);
        }
        let known = entity.fields.iter().map(|field| field.name.as_str());
        Err(QueryTextError::UnknownField {
            entity: entity.name.to_string(),
            name: cut(name),
            suggestion: nearest(name, known).map(str::to_owned),
        })
    }
}
