//! Reads a metadata document.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use driftless_record::{Access, EntityName, EntitySchema, FieldKind, FieldName, FieldSchema};

use super::annotations::{Aliases, Annotations, Targets};
use super::keys;
use super::metadata::{CsdlError, EntityFacts, Metadata, Note, WireType};
use super::types::{Resolved, Types, label};
use super::vocabulary as terms;
use super::xml::{self, Element};

/// The deepest inheritance that is followed.
const MAX_BASES: usize = 16;

/// The names by which services call the date-time of the last change, in lower case.
const MODIFIED: [&str; 11] = [
    "modifiedat",
    "modifiedon",
    "updatedat",
    "updatedon",
    "lastmodifiedat",
    "lastmodifieddate",
    "lastmodified",
    "lastupdated",
    "changedat",
    "changedon",
    "sys_updated_on",
];

/// The names by which services call the display name of a record, in lower case.
const DISPLAY: [&str; 8] = [
    "name",
    "fullname",
    "displayname",
    "title",
    "subject",
    "label",
    "number",
    "description",
];

/// Reads a metadata document (CSDL XML 4.0 or 4.01) of any service.
///
/// Every entity set becomes an entity. Unknown annotations are ignored; what the schema cannot show is left out and
/// told in the notes.
///
/// # Errors
/// [`CsdlError`] if the document is not CSDL, exceeds a limit, or uses entities.
pub fn read(document: &[u8]) -> Result<Metadata, CsdlError> {
    let root = xml::parse(document)?;
    if root.name != "Edmx" {
        return Err(CsdlError::NotCsdl(
            "the document does not begin with an Edmx element",
        ));
    }
    if !root
        .get("Version")
        .is_some_and(|version| version.starts_with("4."))
    {
        return Err(CsdlError::NotCsdl("the version is not 4.0 or 4.01"));
    }
    let services = root
        .named("DataServices")
        .next()
        .ok_or(CsdlError::NotCsdl("there is no DataServices element"))?;
    let schemas: Vec<&Element> = services.named("Schema").collect();
    let aliases = Aliases::of(&root);
    let targets = Targets::of(&schemas, &aliases);
    let types = Types::of(&schemas, &aliases);
    let mut reader = Reader {
        types: &types,
        targets: &targets,
        own: false,
        names: HashMap::new(),
        out: Metadata::default(),
    };
    reader.containers(&schemas);
    Ok(reader.out)
}

pub(super) struct Reader<'a> {
    pub(super) types: &'a Types<'a>,
    pub(super) targets: &'a Targets<'a>,
    /// Whether this project wrote the document, so that nothing needs to be guessed.
    pub(super) own: bool,
    /// The entity of each entity type that has a set.
    pub(super) names: HashMap<String, EntityName>,
    pub(super) out: Metadata,
}

struct Set<'a> {
    name: EntityName,
    type_name: String,
    element: &'a Element,
    target: String,
}

impl<'a> Reader<'a> {
    pub(super) fn note(&mut self, entity: &str, property: Option<&str>, text: &str) {
        self.out.notes.push(Note {
            entity: entity.to_owned(),
            property: property.map(str::to_owned),
            text: text.to_owned(),
        });
    }

    fn containers(&mut self, schemas: &[&'a Element]) {
        let mut sets: Vec<Set<'a>> = Vec::new();
        let mut version = None;
        for schema in schemas {
            let namespace = schema.get("Namespace").unwrap_or_default();
            for container in schema.named("EntityContainer") {
                let target = format!("{namespace}.{}", container.get("Name").unwrap_or_default());
                let about = Annotations::of(container, &target, self.targets);
                version = version.or(about.text(terms::SCHEMA_VERSION));
                for set in container.named("EntitySet") {
                    self.set(set, &target, &mut sets);
                }
                for singleton in container.named("Singleton") {
                    self.note(
                        singleton.get("Name").unwrap_or_default(),
                        None,
                        "singletons are not supported",
                    );
                }
            }
        }
        self.own = version.is_some();
        let mut entities: Vec<EntitySchema> = sets.iter().filter_map(|set| self.entity(set)).collect();
        for entity in &mut entities {
            self.collections(entity);
            self.commands(entity);
        }
        for entity in entities {
            self.out.schema.add(entity);
        }
        self.link_collections();
        self.out.schema.version = match version {
            Some(version) => version.to_owned(),
            None => format!("{:016x}", fingerprint(&self.out.schema.entities)),
        };
    }

    fn set(&mut self, element: &'a Element, container: &str, sets: &mut Vec<Set<'a>>) {
        let set = element.get("Name").unwrap_or_default();
        let type_name = self
            .types
            .aliases
            .expand(element.get("EntityType").unwrap_or_default());
        if !self.types.entities.contains_key(&type_name) {
            return self.note(set, None, "the entity type is not in the document");
        }
        let simple = type_name.rsplit('.').next().unwrap_or_default();
        let taken = |name: &str| sets.iter().any(|other| other.name.as_str() == name);
        let name = if taken(simple) || self.names.contains_key(&type_name) {
            set
        } else {
            simple
        };
        match EntityName::parse(name) {
            Ok(name) if !taken(name.as_str()) => {
                self.names
                    .entry(type_name.clone())
                    .or_insert_with(|| name.clone());
                sets.push(Set {
                    name,
                    type_name,
                    element,
                    target: format!("{container}/{set}"),
                });
            }
            _ => self.note(set, None, "the name cannot be used for an entity"),
        }
    }

    /// Returns an entity type after its base types, outermost first, each with its qualified name.
    pub(super) fn lineage(&self, type_name: &str) -> Vec<(String, &'a Element)> {
        let mut lineage = Vec::new();
        let mut next = Some(type_name.to_owned());
        while let Some(name) = next.take().filter(|_| lineage.len() < MAX_BASES) {
            let Some(element) = self.types.entities.get(&name) else {
                break;
            };
            next = element
                .get("BaseType")
                .map(|base| self.types.aliases.expand(base));
            lineage.push((name, *element));
        }
        lineage.reverse();
        lineage
    }

    fn entity(&mut self, set: &Set<'a>) -> Option<EntitySchema> {
        let lineage = self.lineage(&set.type_name);
        let (_, own_type) = lineage.last()?;
        let about_type = Annotations::of(own_type, &set.type_name, self.targets);
        let about_set = Annotations::of(set.element, &set.target, self.targets);
        let mut entity = EntitySchema::new(set.name.clone());
        entity.set = set.element.get("Name").unwrap_or_default().to_owned();
        label(&about_type)
            .unwrap_or(set.name.as_str())
            .clone_into(&mut entity.label);
        entity.is_abstract = own_type.is("Abstract", "true");
        entity.base = match about_type.text(terms::BASE) {
            Some(name) => EntityName::parse(name).ok(),
            None => lineage
                .iter()
                .rev()
                .nth(1)
                .and_then(|(base, _)| self.names.get(base).cloned()),
        };
        entity.key = self.key(set.name.as_str(), &lineage)?;
        let mut facts = EntityFacts {
            type_name: set.type_name.clone(),
            ..EntityFacts::default()
        };
        facts.has_stream = lineage.iter().any(|(_, element)| element.is("HasStream", "true"));
        for (type_name, element) in &lineage {
            for property in element.named("Property") {
                let name = property.get("Name").unwrap_or_default();
                let about = Annotations::of(property, &format!("{type_name}/{name}"), self.targets);
                self.property(&mut entity, &mut facts, property, &about);
            }
        }
        if let Some(missing) = entity.key.iter().find(|name| entity.field(name).is_none()) {
            let text = "the key has a type that is not supported: the entity is left out";
            self.note(set.name.as_str(), Some(missing.as_ref()), text);
            return None;
        }
        self.lookups(&mut entity, &mut facts, &lineage);
        entity.alternate_keys = keys::read(&entity, &[&about_type, &about_set]);
        describe(&mut entity, &about_type, self.own);
        entity.access = Access {
            create: about_set.record_flag(terms::INSERT, "Insertable").unwrap_or(true),
            update: about_set.record_flag(terms::UPDATE, "Updatable").unwrap_or(true),
            delete: about_set.record_flag(terms::DELETE, "Deletable").unwrap_or(true),
        };
        restrictions(&mut facts, &about_set, &about_type);
        self.out.facts.insert(set.name.clone(), facts);
        Some(entity)
    }

    fn key(&mut self, entity: &str, lineage: &[(String, &'a Element)]) -> Option<Vec<FieldName>> {
        let keys = lineage
            .iter()
            .rev()
            .find_map(|(_, element)| element.named("Key").next());
        let names = keys.into_iter().flat_map(|key| key.named("PropertyRef"));
        let fields: Option<Vec<FieldName>> = names
            .map(|name| FieldName::parse(name.get("Name").unwrap_or_default()).ok())
            .collect();
        let fields = fields.filter(|fields| !fields.is_empty());
        if fields.is_none() {
            self.note(
                entity,
                None,
                "there is no key that can be used: the entity is left out",
            );
        }
        fields
    }

    fn property(
        &mut self,
        entity: &mut EntitySchema,
        facts: &mut EntityFacts,
        property: &Element,
        about: &Annotations<'_>,
    ) {
        let text = property.get("Name").unwrap_or_default();
        let is_key = entity.key.iter().any(|name| name.as_str() == text);
        let (mut field, wire) = match self.field(property, about, is_key) {
            Ok(read) => read,
            Err(why) => return self.note(entity.name.as_str(), Some(text), why),
        };
        if is_key && entity.key.len() == 1 && field.kind == FieldKind::Guid {
            // A device makes it.
            field.required = about.flag(terms::REQUIRED).unwrap_or_default();
        }
        facts.wire.extend(wire.map(|wire| (field.name.clone(), wire)));
        if about.flag(terms::IMMUTABLE).unwrap_or_default() {
            facts.immutable.insert(field.name.clone());
        }
        entity.add(field);
    }

    /// Reads a property or a parameter; the error says why it is left out.
    pub(super) fn field(
        &self,
        element: &Element,
        about: &Annotations<'_>,
        is_key: bool,
    ) -> Result<(FieldSchema, Option<WireType>), &'static str> {
        let name = FieldName::parse(element.get("Name").unwrap_or_default())
            .map_err(|_| "the name cannot be used for a field")?;
        let (kind, wire) = match self.types.resolve(element, about) {
            Resolved::Nothing(why) => return Err(why),
            Resolved::Field(kind, wire) => (kind, wire),
        };
        let mut field = FieldSchema::new(name, kind);
        if let Some(label) = label(about) {
            label.clone_into(&mut field.label);
        }
        let control = about
            .get(terms::SAP_FIELD_CONTROL)
            .and_then(|element| element.get("EnumMember"));
        let control_is = |word: &str| control.is_some_and(|control| control.ends_with(word));
        let nullable = !is_key && !element.is("Nullable", "false");
        field.nullable = about.flag(terms::NULLABLE).unwrap_or(nullable);
        field.server_made = about.flag(terms::COMPUTED).unwrap_or_default();
        field.read_only = about
            .flag(terms::READ_ONLY)
            .unwrap_or(field.server_made || control_is("/ReadOnly"));
        let has_default = element.get("DefaultValue").is_some()
            || about.flag(terms::COMPUTED_DEFAULT).unwrap_or_default()
            || about.get(terms::OPTIONAL_PARAMETER).is_some();
        let needed = !nullable && !has_default && !field.server_made;
        field.required = about
            .flag(terms::REQUIRED)
            .unwrap_or(needed || control_is("/Mandatory"));
        field.each_transition_matters = about.flag(terms::TRANSITIONS).unwrap_or_default();
        field.searchable = about.flag(terms::SEARCHABLE).unwrap_or_default();
        let former = about.texts(terms::FORMER_NAMES).unwrap_or_default();
        field.former_names = former
            .into_iter()
            .filter_map(|name| FieldName::parse(name).ok())
            .collect();
        if let Some(targets) = about.texts(terms::TARGETS) {
            let targets = targets
                .into_iter()
                .filter_map(|target| EntityName::parse(target).ok())
                .collect();
            field.kind = FieldKind::Lookup { targets };
        }
        Ok((field, wire))
    }
}

/// Fills in what the document says of the entity as a whole, or what names suggest where it says nothing.
fn describe(entity: &mut EntitySchema, about: &Annotations<'_>, own: bool) {
    entity.append_only = about.flag(terms::APPEND_ONLY).unwrap_or_default();
    entity.local_only = about.flag(terms::LOCAL_ONLY).unwrap_or_default();
    let named = |text: &str| FieldName::parse(text).ok();
    entity.display_field = about.text(terms::DISPLAY_FIELD).and_then(named);
    entity.modified_field = about.text(terms::MODIFIED_FIELD).and_then(named);
    if own {
        return;
    }
    let is_text = |field: &&FieldSchema| matches!(field.kind, FieldKind::Text { .. });
    let called = |name: &str, field: &FieldSchema| field.name.as_str().eq_ignore_ascii_case(name);
    if entity.display_field.is_none() {
        let fields = || {
            entity
                .fields
                .iter()
                .filter(is_text)
                .filter(|field| !entity.key.contains(&field.name))
        };
        // What the server writes by itself (who made the record, say) names no record.
        let written = || fields().filter(|field| !field.read_only);
        let by_name = DISPLAY
            .iter()
            .find_map(|name| fields().find(|field| called(name, field)));
        entity.display_field = by_name
            .or_else(|| written().find(|field| field.required))
            .or_else(|| written().next())
            .map(|field| field.name.clone());
    }
    if entity.modified_field.is_none() {
        let mut times = MODIFIED
            .iter()
            .filter_map(|name| entity.fields.iter().find(|field| called(name, field)));
        entity.modified_field = times
            .find(|field| field.kind == FieldKind::DateTime)
            .map(|field| field.name.clone());
    }
    if let Some(display) = entity.display_field.clone()
        && let Some(field) = entity.fields.iter_mut().find(|field| field.name == display)
    {
        field.searchable = true;
    }
}

fn restrictions(facts: &mut EntityFacts, about_set: &Annotations<'_>, about_type: &Annotations<'_>) {
    let concurrency = about_set
        .texts(terms::CONCURRENCY)
        .or_else(|| about_type.texts(terms::CONCURRENCY));
    facts.concurrency = concurrency.map(|paths| paths.into_iter().map(str::to_owned).collect());
    facts.change_tracking = about_set
        .record_flag(terms::CHANGE_TRACKING, "Supported")
        .or_else(|| about_set.get(terms::CHANGE_TRACKING).map(|_| true));
    let fields = |paths: Vec<&str>| -> BTreeSet<FieldName> {
        paths
            .into_iter()
            .filter_map(|path| FieldName::parse(path).ok())
            .collect()
    };
    facts.not_filterable = fields(about_set.record_paths(terms::FILTER, "NonFilterableProperties"));
    facts.not_sortable = fields(about_set.record_paths(terms::SORT, "NonSortableProperties"));
}

/// A hash (FNV-1a) of the entities, which changes if anything in the schema does.
fn fingerprint(entities: &BTreeMap<EntityName, Arc<EntitySchema>>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in format!("{entities:?}").bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}
