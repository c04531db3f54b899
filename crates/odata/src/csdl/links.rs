//! From navigation properties to lookups and collections.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_record::{
    Collection, CollectionName, EntityName, EntitySchema, FieldKind, FieldName, FieldSchema,
};

use super::annotations::Annotations;
use super::metadata::EntityFacts;
use super::read::Reader;
use super::vocabulary as terms;
use super::xml::Element;

/// A navigation property with what is needed to make a lookup or a collection of it.
struct Navigation<'a> {
    name: &'a str,
    element: &'a Element,
    target: Option<EntityName>,
    many: bool,
}

impl<'a> Reader<'a> {
    fn navigations(&self, lineage: &[(String, &'a Element)]) -> Vec<Navigation<'a>> {
        let elements = lineage
            .iter()
            .flat_map(|(_, element)| element.named("NavigationProperty"));
        let read = |element: &'a Element| {
            let declared = self.types.aliases.expand(element.get("Type").unwrap_or_default());
            let inner = declared
                .strip_prefix("Collection(")
                .and_then(|rest| rest.strip_suffix(')'));
            Navigation {
                name: element.get("Name").unwrap_or_default(),
                element,
                many: inner.is_some(),
                target: self.names.get(inner.unwrap_or(&declared)).cloned(),
            }
        };
        elements.map(read).collect()
    }

    /// Makes lookups of the key properties behind navigation properties.
    pub(super) fn lookups(
        &mut self,
        entity: &mut EntitySchema,
        facts: &mut EntityFacts,
        lineage: &[(String, &'a Element)],
    ) {
        let mut targets: BTreeMap<FieldName, Vec<EntityName>> = BTreeMap::new();
        for navigation in self
            .navigations(lineage)
            .into_iter()
            .filter(|navigation| !navigation.many)
        {
            let Some(target) = navigation.target else {
                let text = "the navigation property leads to an entity without a set";
                self.note(entity.name.as_str(), Some(navigation.name), text);
                continue;
            };
            let constraints: Vec<&Element> = navigation.element.named("ReferentialConstraint").collect();
            let property = match constraints.as_slice() {
                [one] => one.get("Property").and_then(|name| FieldName::parse(name).ok()),
                _ => None,
            };
            let own = property.as_ref().and_then(|name| entity.field(name));
            let is_lookup = own.is_some_and(|field| matches!(field.kind, FieldKind::Lookup { .. }));
            let Some(field) = own.map(|field| field.name.clone()) else {
                let text = "the navigation property has no single key property of its own";
                self.note(entity.name.as_str(), Some(navigation.name), text);
                continue;
            };
            facts
                .navigations
                .entry(field.clone())
                .or_default()
                .insert(target.clone(), navigation.name.to_owned());
            if is_lookup {
                continue;
            }
            let known = if entity.is_key(&field) {
                entity.key_targets.entry(field).or_default()
            } else {
                targets.entry(field).or_default()
            };
            if !known.contains(&target) {
                known.push(target);
            }
        }
        for (name, targets) in targets {
            if let Some(field) = entity.fields.iter_mut().find(|field| field.name == name) {
                field.kind = FieldKind::Lookup { targets };
                facts.wire.remove(&name);
            }
        }
    }

    /// Reads the collections that our own documents tell by annotation.
    pub(super) fn collections(&mut self, entity: &mut EntitySchema) {
        let Some(facts) = self.out.facts.get(&entity.name).filter(|_| self.own) else {
            return;
        };
        let Some(element) = self.types.entities.get(&facts.type_name) else {
            return;
        };
        let about = Annotations::of(element, &facts.type_name, self.targets);
        for text in about.texts(terms::COLLECTIONS).unwrap_or_default() {
            let parts: Vec<&str> = text.split(' ').collect();
            let [name, child, via, rest @ ..] = parts.as_slice() else {
                continue;
            };
            let parsed = (
                CollectionName::parse(name),
                EntityName::parse(child),
                FieldName::parse(via),
            );
            if let (Ok(name), Ok(child), Ok(via)) = parsed {
                let cascade_delete = rest.contains(&"cascade");
                entity.collections.insert(
                    name,
                    Collection {
                        entity: child,
                        via,
                        cascade_delete,
                    },
                );
            }
        }
    }

    /// Makes collections of navigation properties to many, once all lookups are known.
    pub(super) fn link_collections(&mut self) {
        if self.own {
            return;
        }
        let names: Vec<EntityName> = self.out.schema.entities.keys().cloned().collect();
        for name in names {
            let Some(facts) = self.out.facts.get(&name) else {
                continue;
            };
            let lineage = self.lineage(&facts.type_name.clone());
            let mut found = BTreeMap::new();
            for navigation in self
                .navigations(&lineage)
                .into_iter()
                .filter(|navigation| navigation.many)
            {
                let child = navigation
                    .target
                    .as_ref()
                    .and_then(|target| self.out.schema.entity(target.as_str()));
                let Some(child) = child.cloned() else { continue };
                match (
                    self.via(&name, &child, navigation.element),
                    CollectionName::parse(navigation.name),
                ) {
                    (Some(via), Ok(collection)) => {
                        let cascade_delete = navigation
                            .element
                            .named("OnDelete")
                            .any(|on| on.is("Action", "Cascade"));
                        found.insert(
                            collection,
                            Collection {
                                entity: child.name.clone(),
                                via,
                                cascade_delete,
                            },
                        );
                    }
                    _ => {
                        let text = "the collection has no lookup in its members that leads back";
                        self.note(name.as_str(), Some(navigation.name), text);
                    }
                }
            }
            if let Some(entity) = self.out.schema.entities.get_mut(&name) {
                Arc::make_mut(entity).collections = found;
            }
        }
    }

    /// Returns the lookup field of the child that leads back: the partner's, else the only one that can.
    fn via(&self, parent: &EntityName, child: &EntitySchema, element: &Element) -> Option<FieldName> {
        let points_back = |field: &&FieldSchema| matches!(&field.kind, FieldKind::Lookup { targets } if targets.contains(parent));
        if let Some(partner) = element.get("Partner") {
            let navigations = &self.out.facts.get(&child.name)?.navigations;
            let behind = |(_, by_target): &(&FieldName, &BTreeMap<EntityName, String>)| {
                by_target.values().any(|name| name == partner)
            };
            let field = navigations.iter().find(behind).map(|(field, _)| field.clone())?;
            return child.field(&field).filter(points_back).map(|_| field);
        }
        let mut candidates = child.fields.iter().filter(points_back);
        let only = candidates.next()?;
        candidates.next().is_none().then(|| only.name.clone())
    }
}
