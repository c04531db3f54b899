//! From the types of properties to the kinds of fields.

use std::collections::HashMap;

use driftless_record::{ChoiceOption, FieldKind};

use super::annotations::{Aliases, Annotations, value};
use super::metadata::WireType;
use super::vocabulary as terms;
use super::xml::Element;

/// The types that a document declares, by qualified name.
pub(super) struct Types<'a> {
    pub(super) entities: HashMap<String, &'a Element>,
    enums: HashMap<String, &'a Element>,
    definitions: HashMap<String, &'a Element>,
    /// The actions bound to one entity, by the type of that entity, each with its qualified name.
    pub(super) actions: HashMap<String, Vec<(String, &'a Element)>>,
    pub(super) aliases: &'a Aliases,
}

/// What a property becomes.
pub(super) enum Resolved {
    /// A field.
    Field(FieldKind, Option<WireType>),
    /// Nothing, for this reason.
    Nothing(&'static str),
}

impl<'a> Types<'a> {
    pub(super) fn of(schemas: &[&'a Element], aliases: &'a Aliases) -> Self {
        let index = |kind: &'a str| {
            let mut types = HashMap::new();
            for schema in schemas {
                let namespace = schema.get("Namespace").unwrap_or_default();
                for element in schema.named(kind) {
                    if let Some(name) = element.get("Name") {
                        types.insert(format!("{namespace}.{name}"), element);
                    }
                }
            }
            types
        };
        Self {
            entities: index("EntityType"),
            enums: index("EnumType"),
            definitions: index("TypeDefinition"),
            actions: bound_actions(schemas, aliases),
            aliases,
        }
    }

    /// Decides what a property becomes.
    pub(super) fn resolve(&self, property: &Element, annotations: &Annotations<'_>) -> Resolved {
        let declared = self.aliases.expand(property.get("Type").unwrap_or("Edm.String"));
        let (type_name, collection) = match declared
            .strip_prefix("Collection(")
            .and_then(|t| t.strip_suffix(')'))
        {
            Some(inner) => (inner.to_owned(), true),
            None => (declared, false),
        };
        if let Some(found) = self.enums.get(&type_name) {
            return enumeration(found, type_name, collection, self.aliases);
        }
        // A definition's facets hold unless the property has its own.
        let (base, definition) = match self.definitions.get(&type_name) {
            Some(found) => (found.get("UnderlyingType").unwrap_or("Edm.String"), Some(*found)),
            None => (type_name.as_str(), None),
        };
        let facet = |name| {
            property
                .get(name)
                .or_else(|| definition.and_then(|found| found.get(name)))
        };
        let options = allowed_values(annotations, self.aliases);
        if collection {
            return match options {
                Some(options) if base == "Edm.String" => {
                    Resolved::Field(FieldKind::Choices { options }, None)
                }
                _ => Resolved::Nothing("collections of values are not supported"),
            };
        }
        let length = |name| facet(name).and_then(|text: &str| text.parse().ok());
        let kind = match base {
            "Edm.Boolean" => FieldKind::Bool,
            "Edm.SByte" => FieldKind::Int { bits: 8 },
            "Edm.Byte" | "Edm.Int16" => FieldKind::Int { bits: 16 },
            "Edm.Int32" => FieldKind::Int { bits: 32 },
            "Edm.Int64" => FieldKind::Int { bits: 64 },
            "Edm.Decimal" => decimal(facet("Precision"), facet("Scale"), annotations),
            "Edm.Double" => FieldKind::Double,
            "Edm.Single" => return Resolved::Field(FieldKind::Double, Some(WireType::Single)),
            "Edm.String" => match options {
                Some(options) => FieldKind::Choice { options },
                None => FieldKind::Text {
                    max_chars: length("MaxLength"),
                },
            },
            "Edm.Date" => FieldKind::Date,
            "Edm.TimeOfDay" => FieldKind::Time,
            "Edm.DateTimeOffset" => FieldKind::DateTime,
            "Edm.Duration" => FieldKind::Duration,
            "Edm.Guid" => FieldKind::Guid,
            "Edm.Binary" => FieldKind::Binary {
                max_bytes: length("MaxLength"),
            },
            "Edm.Stream" => FieldKind::File,
            other if other.starts_with("Edm.Geo") => {
                return Resolved::Nothing("geographic values are not supported");
            }
            _ => return Resolved::Nothing("values of complex types are not supported"),
        };
        Resolved::Field(kind, None)
    }
}

fn bound_actions<'a>(
    schemas: &[&'a Element],
    aliases: &Aliases,
) -> HashMap<String, Vec<(String, &'a Element)>> {
    let mut actions: HashMap<String, Vec<(String, &'a Element)>> = HashMap::new();
    for schema in schemas {
        let namespace = schema.get("Namespace").unwrap_or_default();
        for element in schema
            .named("Action")
            .filter(|action| action.is("IsBound", "true"))
        {
            let bound_to = element
                .named("Parameter")
                .next()
                .and_then(|first| first.get("Type"));
            if let (Some(name), Some(bound_to)) = (element.get("Name"), bound_to) {
                let action = (format!("{namespace}.{name}"), element);
                actions.entry(aliases.expand(bound_to)).or_default().push(action);
            }
        }
    }
    actions
}

fn decimal(precision: Option<&str>, scale: Option<&str>, annotations: &Annotations<'_>) -> FieldKind {
    // Without the facet the standard says zero.
    let scale = match scale {
        None => Some(0),
        Some(text) => text.parse::<u8>().ok(),
    };
    let currency = annotations
        .text(terms::CURRENCY)
        .or_else(|| annotations.path(terms::ISO_CURRENCY));
    let money = currency.is_some() || annotations.flag(terms::MONEY).unwrap_or_default();
    match scale {
        Some(scale) if money => FieldKind::Money {
            scale,
            currency: currency.and_then(|name| name.try_into().ok()),
        },
        _ => FieldKind::Decimal {
            precision: precision.and_then(|text| text.parse().ok()),
            scale,
        },
    }
}

fn enumeration(found: &Element, type_name: String, collection: bool, aliases: &Aliases) -> Resolved {
    let mut next = 0i64;
    let mut options = Vec::new();
    for member in found.named("Member") {
        let Some(code) = member.get("Name") else { continue };
        let number = member
            .get("Value")
            .and_then(|text| text.parse().ok())
            .unwrap_or(next);
        next = number.saturating_add(1);
        let label = label(&Annotations::inline(member, aliases))
            .unwrap_or(code)
            .to_owned();
        options.push(ChoiceOption {
            code: code.to_owned(),
            number: Some(number),
            label,
        });
    }
    let flags = found.is("IsFlags", "true");
    match (collection, flags) {
        (true, _) => Resolved::Field(
            FieldKind::Choices { options },
            Some(WireType::EnumCollection(type_name)),
        ),
        (false, true) => Resolved::Field(FieldKind::Choices { options }, Some(WireType::Enum(type_name))),
        (false, false) => Resolved::Field(FieldKind::Choice { options }, Some(WireType::Enum(type_name))),
    }
}

/// Returns the options of a text property that allows only some values.
fn allowed_values(annotations: &Annotations<'_>, aliases: &Aliases) -> Option<Vec<ChoiceOption>> {
    let annotation = annotations.get(terms::ALLOWED_VALUES)?;
    let mut options = Vec::new();
    for record in annotation
        .named("Collection")
        .flat_map(|collection| collection.named("Record"))
    {
        let code = record
            .named("PropertyValue")
            .find(|p| p.get("Property") == Some("Value"));
        let Some(code) = code.and_then(|property| value(property, "String")) else {
            continue;
        };
        let about = Annotations::inline(record, aliases);
        let number = about
            .get(terms::NUMBER)
            .and_then(|element| value(element, "Int")?.parse().ok());
        let label = label(&about)
            .or_else(|| about.text(terms::SYMBOLIC_NAME))
            .unwrap_or(code);
        options.push(ChoiceOption {
            code: code.to_owned(),
            number,
            label: label.to_owned(),
        });
    }
    Some(options)
}

/// Returns the label that people read.
pub(super) fn label<'a>(annotations: &Annotations<'a>) -> Option<&'a str> {
    annotations
        .text(terms::LABEL)
        .or_else(|| annotations.text(terms::SAP_LABEL))
}
