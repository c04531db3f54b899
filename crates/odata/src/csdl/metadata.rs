//! What a metadata document says.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{CommandName, EntityName, FieldName, Schema};

/// Why a metadata document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsdlError {
    /// The document is larger than [`MAX_BYTES`](super::MAX_BYTES).
    #[error("metadata document too large: {bytes} bytes, at most {}", super::MAX_BYTES)]
    TooLarge {
        /// The size of the document.
        bytes: usize,
    },
    /// Elements are nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("metadata document nested too deep (at most {} levels)", super::MAX_DEPTH)]
    TooDeep,
    /// The document has a document type definition or uses an entity, which no service needs and which can do harm.
    #[error("metadata document with a document type definition or an entity: refused")]
    Entities,
    /// The document is not well-formed XML.
    #[error(
        "metadata document is not XML (at byte {at}): check that the address is that of an OData service"
    )]
    NotXml {
        /// The position in the document.
        at: u64,
    },
    /// The document is XML but not CSDL of version 4.
    #[error("not the metadata of an OData 4 service: {0}")]
    NotCsdl(&'static str),
}

/// A schema with what the service says about its wire beyond the schema.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// The schema. Its version is the one that the document names, or a hash of the entities.
    pub schema: Schema,
    /// Facts about the wire, by entity; every entity of the schema has an entry.
    pub facts: BTreeMap<EntityName, EntityFacts>,
    /// What was left out, and why.
    pub notes: Vec<Note>,
}

/// Something in the document that the schema does not show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The entity or entity set.
    pub entity: String,
    /// The property, if it is about one.
    pub property: Option<String>,
    /// What was left out and why, for people.
    pub text: String,
}

/// What a service says about one entity set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntityFacts {
    /// The qualified name of the entity type.
    pub type_name: String,
    /// The properties that make up the ETag; `None` if the document does not say that there is one. An empty list
    /// says that there is one without naming its source.
    pub concurrency: Option<Vec<String>>,
    /// Whether delta links are offered; `None` if the document does not say.
    pub change_tracking: Option<bool>,
    /// Whether the entity is itself a media stream.
    pub has_stream: bool,
    /// Properties that filters must not use.
    pub not_filterable: BTreeSet<FieldName>,
    /// Properties that cannot be ordered by.
    pub not_sortable: BTreeSet<FieldName>,
    /// Properties that can be given at create and never changed.
    pub immutable: BTreeSet<FieldName>,
    /// The navigation properties behind lookup fields, by field and target.
    pub navigations: BTreeMap<FieldName, BTreeMap<EntityName, String>>,
    /// The qualified names of the actions behind commands.
    pub actions: BTreeMap<CommandName, String>,
    /// Fields whose wire form differs from what their kind suggests.
    pub wire: BTreeMap<FieldName, WireType>,
}

/// How the values of a field are written where its kind alone does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireType {
    /// A value of an enumeration type of this qualified name; several members are joined by commas.
    Enum(String),
    /// A collection of values of an enumeration type of this qualified name.
    EnumCollection(String),
    /// A 32-bit floating point number.
    Single,
}
