//! Annotations: inline and by target, with aliases expanded.

use std::collections::HashMap;

use super::vocabulary::WELL_KNOWN;
use super::xml::Element;

/// The aliases that a document declares, with their namespaces.
#[derive(Debug, Default)]
pub(super) struct Aliases(HashMap<String, String>);

impl Aliases {
    pub(super) fn of(root: &Element) -> Self {
        let mut aliases: HashMap<String, String> = WELL_KNOWN
            .iter()
            .map(|(alias, namespace)| ((*alias).to_owned(), (*namespace).to_owned()))
            .collect();
        let includes = root
            .named("Reference")
            .flat_map(|reference| reference.named("Include"));
        let schemas = root
            .named("DataServices")
            .flat_map(|services| services.named("Schema"));
        for element in includes.chain(schemas) {
            if let (Some(alias), Some(namespace)) = (element.get("Alias"), element.get("Namespace")) {
                aliases.insert(alias.to_owned(), namespace.to_owned());
            }
        }
        Self(aliases)
    }

    /// Returns a qualified name with its alias expanded; `Collection(…)` is kept.
    pub(super) fn expand(&self, name: &str) -> String {
        if let Some(inner) = name
            .strip_prefix("Collection(")
            .and_then(|rest| rest.strip_suffix(')'))
        {
            return format!("Collection({})", self.expand(inner));
        }
        match name.rsplit_once('.') {
            Some((prefix, last)) if self.0.contains_key(prefix) => format!("{}.{last}", self.0[prefix]),
            _ => name.to_owned(),
        }
    }

    /// Returns an annotation target with the alias of its first segment expanded.
    fn expand_target(&self, target: &str) -> String {
        match target.split_once('/') {
            Some((first, rest)) => format!("{}/{rest}", self.expand_overload(first)),
            None => self.expand_overload(target),
        }
    }

    /// Returns a qualified name, or that of an overload with the types of its parameters, with aliases expanded.
    fn expand_overload(&self, name: &str) -> String {
        match name.strip_suffix(')').and_then(|name| name.split_once('(')) {
            Some((name, types)) => {
                let types: Vec<String> = types.split(',').map(|of| self.expand(of)).collect();
                format!("{}({})", self.expand(name), types.join(","))
            }
            None => self.expand(name),
        }
    }
}

/// The annotations of one thing.
#[derive(Debug, Default, Clone)]
pub(super) struct Annotations<'a>(Vec<(String, &'a Element)>);

impl<'a> Annotations<'a> {
    /// Collects the annotations inside an element and those that target it by name.
    pub(super) fn of(element: &'a Element, target: &str, by_target: &Targets<'a>) -> Self {
        let mut found = Self::inline(element, by_target.aliases);
        if let Some(more) = by_target.by_name.get(target) {
            found.0.extend(more.iter().cloned());
        }
        found
    }

    /// Returns the annotations with those that target the same thing by another name after them.
    pub(super) fn and(mut self, target: &str, by_target: &Targets<'a>) -> Self {
        self.0
            .extend(by_target.by_name.get(target).into_iter().flatten().cloned());
        self
    }

    pub(super) fn inline(element: &'a Element, aliases: &Aliases) -> Self {
        let annotations = element
            .named("Annotation")
            .filter(|annotation| annotation.get("Qualifier").is_none());
        Self(
            annotations
                .map(|a| (aliases.expand(a.get("Term").unwrap_or_default()), a))
                .collect(),
        )
    }

    pub(super) fn get(&self, term: &str) -> Option<&'a Element> {
        self.0
            .iter()
            .find(|(name, _)| name == term)
            .map(|(_, element)| *element)
    }

    /// Returns a boolean annotation; a term without value is true.
    pub(super) fn flag(&self, term: &str) -> Option<bool> {
        let element = self.get(term)?;
        Some(match value(element, "Bool") {
            Some(text) => text.eq_ignore_ascii_case("true"),
            None => true,
        })
    }

    pub(super) fn text(&self, term: &str) -> Option<&'a str> {
        self.get(term).and_then(|element| value(element, "String"))
    }

    pub(super) fn path(&self, term: &str) -> Option<&'a str> {
        let element = self.get(term)?;
        value(element, "Path").or_else(|| value(element, "PropertyPath"))
    }

    pub(super) fn texts(&self, term: &str) -> Option<Vec<&'a str>> {
        self.get(term).map(items)
    }

    /// Returns a property of a record annotation.
    pub(super) fn record_flag(&self, term: &str, property: &str) -> Option<bool> {
        let value_of = property_value(self.get(term)?, property)?;
        Some(value(value_of, "Bool").is_none_or(|text| text.eq_ignore_ascii_case("true")))
    }

    /// Returns the paths in a collection that is a property of a record annotation.
    pub(super) fn record_paths(&self, term: &str, property: &str) -> Vec<&'a str> {
        self.get(term)
            .and_then(|element| property_value(element, property))
            .map(items)
            .unwrap_or_default()
    }
}

/// Returns a constant, written as attribute or as child element.
pub(super) fn value<'a>(element: &'a Element, kind: &str) -> Option<&'a str> {
    element.get(kind).or_else(|| {
        element
            .children
            .iter()
            .find(|child| child.name == kind)
            .map(|c| c.text.as_str())
    })
}

/// Returns the value of a property in the record inside an element.
pub(super) fn property_value<'a>(element: &'a Element, property: &str) -> Option<&'a Element> {
    let records = element.children.iter().filter(|child| child.name == "Record");
    let holder = records.into_iter().next().unwrap_or(element);
    holder
        .children
        .iter()
        .find(|child| child.name == "PropertyValue" && child.get("Property") == Some(property))
}

/// Returns the texts and paths in the collection inside an element.
fn items(element: &Element) -> Vec<&str> {
    let kinds = ["String", "PropertyPath", "Path", "NavigationPropertyPath"];
    let collections = element.children.iter().filter(|child| child.name == "Collection");
    let items = collections.flat_map(|collection| &collection.children);
    items
        .filter(|item| kinds.contains(&item.name.as_str()))
        .map(|item| item.text.as_str())
        .collect()
}

/// The annotations that stand apart from what they are about, by expanded target.
pub(super) struct Targets<'a> {
    pub(super) aliases: &'a Aliases,
    by_name: HashMap<String, Vec<(String, &'a Element)>>,
}

impl<'a> Targets<'a> {
    pub(super) fn of(schemas: &[&'a Element], aliases: &'a Aliases) -> Self {
        let mut by_name: HashMap<String, Vec<(String, &'a Element)>> = HashMap::new();
        for block in schemas.iter().flat_map(|schema| schema.named("Annotations")) {
            if block.get("Qualifier").is_some() {
                continue;
            }
            let target = aliases.expand_target(block.get("Target").unwrap_or_default());
            by_name
                .entry(target)
                .or_default()
                .extend(Annotations::inline(block, aliases).0);
        }
        Self { aliases, by_name }
    }
}
