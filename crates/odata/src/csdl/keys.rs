//! Alternate keys: properties whose values together no two records have.

use std::fmt::Write as _;

use driftless_record::{EntitySchema, FieldName};

use super::annotations::{Annotations, property_value, value};
use super::vocabulary as terms;
use super::xml::Element;

/// Reads the alternate keys of an entity. One with a property that is no field of it is left out.
pub(super) fn read(entity: &EntitySchema, about: &[&Annotations<'_>]) -> Vec<Vec<FieldName>> {
    let terms = [terms::ALTERNATE_KEYS, terms::COMMUNITY_KEYS];
    let said = about
        .iter()
        .flat_map(|about| terms.iter().filter_map(|term| about.get(term)));
    let keys = said.flat_map(records).filter_map(|key| {
        let parts = property_value(key, "Key")?;
        let fields: Option<Vec<FieldName>> = records(parts).map(|part| field(entity, part)).collect();
        fields.filter(|fields| !fields.is_empty())
    });
    let mut found: Vec<Vec<FieldName>> = Vec::new();
    for key in keys {
        if !found.contains(&key) {
            found.push(key);
        }
    }
    found
}

/// Returns the records in the collection inside an element.
fn records(element: &Element) -> impl Iterator<Item = &Element> {
    let collections = element.named("Collection");
    collections.flat_map(|collection| collection.named("Record"))
}

/// Returns the field that a part of a key names.
fn field(entity: &EntitySchema, part: &Element) -> Option<FieldName> {
    let name = property_value(part, "Name")?;
    let path = value(name, "PropertyPath")
        .or_else(|| value(name, "Path"))
        .or_else(|| value(name, "String"))?;
    entity.field(path).map(|field| field.name.clone())
}

/// Writes the alternate keys of an entity.
pub(super) fn write(out: &mut String, keys: &[Vec<FieldName>]) {
    if keys.is_empty() {
        return;
    }
    let _ = write!(
        out,
        r#"<Annotation Term="{}"><Collection>"#,
        terms::ALTERNATE_KEYS
    );
    for key in keys {
        out.push_str(r#"<Record><PropertyValue Property="Key"><Collection>"#);
        for name in key {
            let _ = write!(
                out,
                r#"<Record><PropertyValue Property="Name" PropertyPath="{name}"/><PropertyValue Property="Alias" String="{name}"/></Record>"#
            );
        }
        out.push_str("</Collection></PropertyValue></Record>");
    }
    out.push_str("</Collection></Annotation>");
}
