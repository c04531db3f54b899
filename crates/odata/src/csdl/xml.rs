//! A small tree of XML elements, read with limits and without entities.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::metadata::CsdlError;

/// The largest metadata document that is read, in bytes.
pub const MAX_BYTES: usize = 64 << 20;
/// The deepest nesting of elements that is read.
pub const MAX_DEPTH: usize = 32;

/// An element, by local name; prefixes are not kept.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Self>,
    pub(super) text: String,
}

impl Element {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.get(name)
            .is_some_and(|found| found.eq_ignore_ascii_case(value))
    }

    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// What a schema does not need: left out of the tree.
const SKIPPED: [&str; 4] = ["Function", "ActionImport", "FunctionImport", "Term"];

pub(super) fn parse(bytes: &[u8]) -> Result<Element, CsdlError> {
    if bytes.len() > MAX_BYTES {
        return Err(CsdlError::TooLarge { bytes: bytes.len() });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| CsdlError::NotXml {
            at: error.valid_up_to() as u64,
        })?
        .trim_start_matches('\u{feff}');
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|_| CsdlError::NotXml {
            at: reader.error_position(),
        })?;
        let not_xml = CsdlError::NotXml {
            at: reader.buffer_position(),
        };
        match event {
            Event::Start(start) => {
                if open.len() > MAX_DEPTH {
                    return Err(CsdlError::TooDeep);
                }
                open.push(element(&start).ok_or(not_xml)??);
            }
            Event::Empty(start) => {
                let child = element(&start).ok_or(not_xml.clone())??;
                close(&mut open, child).ok_or(not_xml)?;
            }
            Event::End(_) => {
                let child = open.pop().ok_or(not_xml.clone())?;
                close(&mut open, child).ok_or(not_xml)?;
            }
            Event::Text(text) => {
                if let Some(parent) = open.last_mut() {
                    parent.text.push_str(text.trim());
                }
            }
            Event::CData(data) => {
                if let Some(parent) = open.last_mut() {
                    parent.text.push_str(&data);
                }
            }
            Event::GeneralRef(reference) => {
                let c = match &*reference {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "apos" => '\'',
                    _ => match reference.resolve_char_ref() {
                        Ok(Some(c)) => c,
                        _ => return Err(CsdlError::Entities),
                    },
                };
                if let Some(parent) = open.last_mut() {
                    parent.text.push(c);
                }
            }
            Event::DocType(_) => return Err(CsdlError::Entities),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => {
                let root = open.pop().filter(|_| open.is_empty()).ok_or(not_xml)?;
                return root
                    .children
                    .into_iter()
                    .next()
                    .ok_or(CsdlError::NotCsdl("the document is empty"));
            }
        }
    }
}

fn close(open: &mut [Element], child: Element) -> Option<()> {
    let parent = open.last_mut()?;
    if !SKIPPED.contains(&child.name.as_str()) {
        parent.children.push(child);
    }
    Some(())
}

/// Reads the name and attributes of an element; `None` if they are malformed.
fn element(start: &BytesStart<'_>) -> Option<Result<Element, CsdlError>> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let Ok(value) = quick_xml::escape::unescape(&attribute.value) else {
            return Some(Err(CsdlError::Entities));
        };
        attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
    }
    let name = start.local_name().as_ref().to_owned();
    Some(Ok(Element {
        name,
        attributes,
        ..Element::default()
    }))
}

/// Writes text for an attribute value; control characters that XML cannot carry become U+FFFD.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
