//! The metadata document: the one that the schema came from as it was, or one written of the built-in schema.

use std::collections::BTreeMap;

use driftless_odata::csdl::{self, Metadata};
use driftless_record::Schema;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The namespace of the entity types of the built-in schema.
pub(crate) const NAMESPACE: &str = "Crm";

/// The vocabularies of what this server adds to a document.
const VOCABULARIES: [&str; 2] = ["Core", "Capabilities"];

/// Writes the document of the built-in schema.
pub(crate) fn built_in(schema: &Schema) -> String {
    csdl::write(schema, NAMESPACE)
}

/// Returns a document that somebody else wrote, with all its names and types, and with what this server offers beyond
/// it: ETags and delta links, unless it speaks of them. `None` if it cannot be taken apart.
pub(crate) fn served(document: &str, metadata: &Metadata) -> Option<String> {
    let parts = Parts::of(document)?;
    let mut about = String::new();
    for (name, facts) in &metadata.facts {
        let set = &metadata.schema.entity(name.as_str())?.set;
        let target = parts.sets.get(set)?;
        let terms = [
            (facts.concurrency.is_none(), ETAGS),
            (facts.change_tracking.is_none(), DELTAS),
        ];
        let missing: String = terms
            .iter()
            .filter_map(|(is_missing, term)| is_missing.then_some(*term))
            .collect();
        if !missing.is_empty() {
            about.push_str(&format!(
                "<Annotations Target=\"{target}\">{missing}</Annotations>\n"
            ));
        }
    }
    if about.is_empty() {
        return Some(document.to_owned());
    }
    let prefix = &parts.prefix;
    let references: String = VOCABULARIES
        .iter()
        .filter(|name| !document.contains(&format!("\"Org.OData.{name}.V1\"")))
        .map(|name| {
            format!(
                "<{prefix}Reference Uri=\"https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.{name}.V1.xml\">\
                 <{prefix}Include Namespace=\"Org.OData.{name}.V1\"/></{prefix}Reference>\n"
            )
        })
        .collect();
    let (begin, rest) = document.split_at_checked(parts.begin)?;
    let (middle, end) = rest.split_at_checked(parts.end.checked_sub(parts.begin)?)?;
    Some(format!(
        "{begin}{references}{middle}{SCHEMA}{about}</Schema>\n{end}"
    ))
}

const SCHEMA: &str =
    "<Schema xmlns=\"http://docs.oasis-open.org/odata/ns/edm\" Namespace=\"Driftless.Served\">\n";

const ETAGS: &str = "<Annotation Term=\"Org.OData.Core.V1.OptimisticConcurrency\"><Collection/></Annotation>";

const DELTAS: &str = "<Annotation Term=\"Org.OData.Capabilities.V1.ChangeTracking\"><Record>\
    <PropertyValue Property=\"Supported\" Bool=\"true\"/></Record></Annotation>";

/// Where things stand in a document.
struct Parts {
    /// The prefix of the elements around the schemas, such as `edmx:`.
    prefix: String,
    /// Where the element with the schemas begins.
    begin: usize,
    /// Where it ends.
    end: usize,
    /// The name by which annotations call each entity set.
    sets: BTreeMap<String, String>,
}

impl Parts {
    fn of(document: &str) -> Option<Self> {
        let mut reader = Reader::from_str(document);
        let (mut namespace, mut container) = (String::new(), String::new());
        let (mut prefix, mut begin, mut sets) = (String::new(), None, BTreeMap::new());
        loop {
            let position = usize::try_from(reader.buffer_position()).ok()?;
            match reader.read_event().ok()? {
                Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                    "DataServices" => {
                        begin = Some(position);
                        if let Some(name) = element.name().prefix() {
                            prefix = format!("{}:", name.as_ref());
                        }
                    }
                    "Schema" => namespace = attribute(&element, "Namespace")?,
                    "EntityContainer" => {
                        container = format!("{namespace}.{}", attribute(&element, "Name")?);
                    }
                    "EntitySet" => {
                        let set = attribute(&element, "Name")?;
                        let target = format!("{container}/{set}");
                        sets.entry(set).or_insert(target);
                    }
                    _ => {}
                },
                Event::End(element) if element.local_name().as_ref() == "DataServices" => {
                    return Some(Self {
                        prefix,
                        begin: begin?,
                        end: position,
                        sets,
                    });
                }
                Event::Eof => return None,
                _ => {}
            }
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    Some(attribute.value.into_owned())
}
