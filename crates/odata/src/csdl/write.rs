//! Writes a schema as a metadata document.

mod actions;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use driftless_record::{ChoiceOption, CommandName, EntityName, EntitySchema, FieldKind, FieldSchema, Schema};

use super::keys;
use super::vocabulary::{self as terms, navigation_name};
use super::xml::escaped;

const HEAD: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
"#;

const REFERENCES: [&str; 3] = ["Core", "Capabilities", "Validation"];

/// Writes a schema as CSDL XML 4.0 that any OData client can read, and that reads back to the same schema.
///
/// Entity types are in `namespace`; what plain CSDL cannot say is in annotations of our own namespace `Driftless`,
/// whose terms the document declares. Every entity set is said to have ETags and delta links.
#[must_use]
pub fn write(schema: &Schema, namespace: &str) -> String {
    let mut out = String::from(HEAD);
    for alias in REFERENCES {
        let _ = writeln!(
            out,
            r#"<edmx:Reference Uri="https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.{alias}.V1.xml"><edmx:Include Namespace="Org.OData.{alias}.V1" Alias="{alias}"/></edmx:Reference>"#
        );
    }
    out.push_str("<edmx:DataServices>\n");
    own_terms(&mut out);
    let _ = writeln!(
        out,
        r#"<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="{}">"#,
        escaped(namespace)
    );
    let writer = Writer { schema, namespace };
    for entity in schema.entities.values() {
        writer.entity_type(&mut out, entity);
    }
    writer.actions(&mut out);
    writer.container(&mut out);
    out.push_str("</Schema>\n</edmx:DataServices>\n</edmx:Edmx>\n");
    out
}

/// Returns the name, without its namespace, of the type that describes what a command answers.
#[must_use]
pub fn result_type(entity: &EntityName, command: &CommandName) -> String {
    format!("{entity}{command}Result")
}

fn own_terms(out: &mut String) {
    out.push_str("<Schema xmlns=\"http://docs.oasis-open.org/odata/ns/edm\" Namespace=\"Driftless\">\n");
    for (name, type_name, applies) in terms::OWN_TERMS {
        let _ = writeln!(
            out,
            r#"<Term Name="{name}" Type="{type_name}" AppliesTo="{applies}"/>"#
        );
    }
    out.push_str("</Schema>\n");
}

fn text(out: &mut String, term: &str, value: &str) {
    let _ = write!(out, r#"<Annotation Term="{term}" String="{}"/>"#, escaped(value));
}

fn flag(out: &mut String, term: &str, value: bool) {
    let _ = write!(out, r#"<Annotation Term="{term}" Bool="{value}"/>"#);
}

fn texts<T: AsRef<str>>(out: &mut String, term: &str, values: impl IntoIterator<Item = T>) {
    let _ = write!(out, r#"<Annotation Term="{term}"><Collection>"#);
    for value in values {
        let _ = write!(out, "<String>{}</String>", escaped(value.as_ref()));
    }
    out.push_str("</Collection></Annotation>");
}

/// What a field is to what it stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    /// A part of the key.
    Key,
    /// The whole key, which a device makes.
    DeviceKey,
}

struct Writer<'a> {
    schema: &'a Schema,
    namespace: &'a str,
}

impl Writer<'_> {
    /// Returns the base if the entity's fields and key begin with those of the base, as inheritance asks for.
    fn real_base(&self, entity: &EntitySchema) -> Option<&EntitySchema> {
        let base = self.schema.entity(entity.base.as_ref()?.as_str())?;
        (entity.fields.starts_with(&base.fields) && entity.key == base.key && !self.is_circular(entity))
            .then_some(base)
    }

    fn is_circular(&self, entity: &EntitySchema) -> bool {
        let mut seen = BTreeSet::from([&entity.name]);
        let mut next = entity.base.as_ref();
        while let Some(name) = next {
            if !seen.insert(name) || seen.len() > 8 {
                return true;
            }
            next = self
                .schema
                .entity(name.as_str())
                .and_then(|base| base.base.as_ref());
        }
        false
    }

    fn entity_type(&self, out: &mut String, entity: &EntitySchema) {
        let base = self.real_base(entity);
        let _ = write!(out, r#"<EntityType Name="{}""#, entity.name);
        if let Some(base) = base {
            let _ = write!(out, r#" BaseType="{}.{}""#, escaped(self.namespace), base.name);
        }
        if entity.is_abstract {
            out.push_str(r#" Abstract="true""#);
        }
        out.push('>');
        if base.is_none() {
            out.push_str("<Key>");
            for name in &entity.key {
                let _ = write!(out, r#"<PropertyRef Name="{name}"/>"#);
            }
            out.push_str("</Key>");
        }
        out.push('\n');
        let inherited = base.map_or(0, |base| base.fields.len());
        for field in entity.fields.iter().skip(inherited) {
            let is_key = entity.is_key(&field.name);
            let role = match (is_key, entity.key.len() == 1 && field.kind == FieldKind::Guid) {
                (true, true) => Role::DeviceKey,
                (true, false) => Role::Key,
                (false, _) => Role::Plain,
            };
            self.property(out, "Property", field, role);
        }
        self.navigations(out, entity, inherited);
        self.about(out, entity, base.is_some());
        out.push_str("</EntityType>\n");
    }

    fn about(&self, out: &mut String, entity: &EntitySchema, inherits: bool) {
        if entity.label != entity.name.as_str() {
            text(out, terms::LABEL, &entity.label);
        }
        if let Some(base) = entity.base.as_ref().filter(|_| !inherits) {
            text(out, terms::BASE, base.as_str());
        }
        keys::write(out, &entity.alternate_keys);
        if let Some(field) = &entity.display_field {
            text(out, terms::DISPLAY_FIELD, field.as_str());
        }
        if let Some(field) = &entity.modified_field {
            text(out, terms::MODIFIED_FIELD, field.as_str());
        }
        if entity.append_only {
            flag(out, terms::APPEND_ONLY, true);
        }
        if entity.local_only {
            flag(out, terms::LOCAL_ONLY, true);
        }
        if !entity.collections.is_empty() {
            let told = entity.collections.iter().map(|(name, collection)| {
                let cascade = if collection.cascade_delete { " cascade" } else { "" };
                format!("{name} {} {}{cascade}", collection.entity, collection.via)
            });
            texts(out, terms::COLLECTIONS, told);
        }
    }

    /// Writes a property or a parameter.
    fn property(&self, out: &mut String, element: &str, field: &FieldSchema, role: Role) {
        let _ = write!(
            out,
            r#"<{element} Name="{}" Type="{}""#,
            field.name,
            self.edm_type(&field.kind)
        );
        let nullable = field.nullable && role == Role::Plain;
        if !nullable {
            out.push_str(r#" Nullable="false""#);
        }
        facets(out, &field.kind);
        out.push('>');
        if field.label != field.name.as_str() {
            text(out, terms::LABEL, &field.label);
        }
        if field.nullable != nullable {
            flag(out, terms::NULLABLE, field.nullable);
        }
        if field.server_made {
            flag(out, terms::COMPUTED, true);
        }
        if field.read_only != field.server_made {
            flag(out, terms::READ_ONLY, field.read_only);
        }
        let device_made = role == Role::DeviceKey;
        if field.required != (!nullable && !field.server_made && !device_made) {
            flag(out, terms::REQUIRED, field.required);
        }
        if field.each_transition_matters {
            flag(out, terms::TRANSITIONS, true);
        }
        if field.searchable {
            flag(out, terms::SEARCHABLE, true);
        }
        if !field.former_names.is_empty() {
            texts(out, terms::FORMER_NAMES, &field.former_names);
        }
        match &field.kind {
            FieldKind::Money { currency, .. } => match currency {
                Some(currency) => text(out, terms::CURRENCY, currency.as_str()),
                None => flag(out, terms::MONEY, true),
            },
            FieldKind::Choice { options } | FieldKind::Choices { options } => allowed_values(out, options),
            FieldKind::Lookup { targets } => {
                texts(out, terms::TARGETS, targets.iter().map(EntityName::as_str))
            }
            _ => {}
        }
        let _ = writeln!(out, "</{element}>");
    }

    fn edm_type(&self, kind: &FieldKind) -> &'static str {
        match kind {
            FieldKind::Bool => "Edm.Boolean",
            FieldKind::Int { bits: 8 } => "Edm.SByte",
            FieldKind::Int { bits: 16 } => "Edm.Int16",
            FieldKind::Int { bits: 32 } => "Edm.Int32",
            FieldKind::Int { .. } => "Edm.Int64",
            FieldKind::Decimal { .. } | FieldKind::Money { .. } => "Edm.Decimal",
            FieldKind::Double => "Edm.Double",
            FieldKind::Text { .. } | FieldKind::Choice { .. } => "Edm.String",
            FieldKind::Date => "Edm.Date",
            FieldKind::Time => "Edm.TimeOfDay",
            FieldKind::DateTime => "Edm.DateTimeOffset",
            FieldKind::Duration => "Edm.Duration",
            FieldKind::Guid => "Edm.Guid",
            FieldKind::Binary { .. } => "Edm.Binary",
            FieldKind::Choices { .. } => "Collection(Edm.String)",
            FieldKind::Lookup { targets } => self.lookup_type(targets),
            FieldKind::File => "Edm.Stream",
        }
    }

    /// The type of the targets' key, if it is one property of the same type in all of them.
    fn lookup_type(&self, targets: &[EntityName]) -> &'static str {
        let mut types = targets.iter().map(|target| {
            let entity = self.schema.entity(target.as_str())?;
            match entity.key.as_slice() {
                [one] => match &entity.field(one)?.kind {
                    kind @ (FieldKind::Guid | FieldKind::Int { .. } | FieldKind::Text { .. }) => {
                        Some(self.edm_type(kind))
                    }
                    _ => None,
                },
                _ => None,
            }
        });
        match types.next().flatten() {
            Some(first) if types.all(|other| other == Some(first)) => first,
            _ => "Edm.String",
        }
    }

    fn navigations(&self, out: &mut String, entity: &EntitySchema, inherited: usize) {
        let mut taken: BTreeSet<String> = entity.fields.iter().map(|field| field.name.to_string()).collect();
        for field in entity.fields.iter().skip(inherited) {
            let FieldKind::Lookup { targets } = &field.kind else {
                continue;
            };
            for target in targets {
                let Some(key) = self
                    .schema
                    .entity(target.as_str())
                    .map(|target| target.key.as_slice())
                else {
                    continue;
                };
                let [key] = key else { continue };
                let mut name = navigation_name(&field.name);
                if targets.len() > 1 {
                    name = format!("{name}_{target}");
                }
                if !taken.insert(name.clone()) {
                    continue;
                }
                let _ = writeln!(
                    out,
                    r#"<NavigationProperty Name="{name}" Type="{}.{target}"><ReferentialConstraint Property="{}" ReferencedProperty="{key}"/></NavigationProperty>"#,
                    escaped(self.namespace),
                    field.name
                );
            }
        }
        for (name, collection) in &entity.collections {
            if self.schema.entity(collection.entity.as_str()).is_none() || !taken.insert(name.to_string()) {
                continue;
            }
            let cascade = if collection.cascade_delete {
                r#"<OnDelete Action="Cascade"/>"#
            } else {
                ""
            };
            let _ = writeln!(
                out,
                r#"<NavigationProperty Name="{name}" Type="Collection({}.{})">{cascade}</NavigationProperty>"#,
                escaped(self.namespace),
                collection.entity
            );
        }
    }

    fn container(&self, out: &mut String) {
        out.push_str("<EntityContainer Name=\"Container\">\n");
        for entity in self.schema.entities.values() {
            let _ = write!(
                out,
                r#"<EntitySet Name="{}" EntityType="{}.{}">"#,
                escaped(&entity.set),
                escaped(self.namespace),
                entity.name
            );
            let _ = write!(
                out,
                r#"<Annotation Term="{}"><Collection/></Annotation>"#,
                terms::CONCURRENCY
            );
            restriction(out, terms::CHANGE_TRACKING, "Supported", true);
            let access = [
                (terms::INSERT, "Insertable", entity.access.create),
                (terms::UPDATE, "Updatable", entity.access.update),
                (terms::DELETE, "Deletable", entity.access.delete),
            ];
            for (term, property, allowed) in access {
                if !allowed {
                    restriction(out, term, property, false);
                }
            }
            out.push_str("</EntitySet>\n");
        }
        text(out, terms::SCHEMA_VERSION, &self.schema.version);
        out.push_str("\n</EntityContainer>\n");
    }
}

fn restriction(out: &mut String, term: &str, property: &str, value: bool) {
    let _ = write!(
        out,
        r#"<Annotation Term="{term}"><Record><PropertyValue Property="{property}" Bool="{value}"/></Record></Annotation>"#
    );
}

fn facets(out: &mut String, kind: &FieldKind) {
    match kind {
        FieldKind::Decimal { precision, scale } => {
            if let Some(precision) = precision {
                let _ = write!(out, r#" Precision="{precision}""#);
            }
            match scale {
                Some(scale) => {
                    let _ = write!(out, r#" Scale="{scale}""#);
                }
                None => out.push_str(r#" Scale="variable""#),
            }
        }
        FieldKind::Money { scale, .. } => {
            let _ = write!(out, r#" Scale="{scale}""#);
        }
        FieldKind::Text {
            max_chars: Some(length),
        }
        | FieldKind::Binary {
            max_bytes: Some(length),
        } => {
            let _ = write!(out, r#" MaxLength="{length}""#);
        }
        FieldKind::DateTime | FieldKind::Time | FieldKind::Duration => out.push_str(r#" Precision="7""#),
        _ => {}
    }
}

fn allowed_values(out: &mut String, options: &[ChoiceOption]) {
    let _ = write!(
        out,
        r#"<Annotation Term="{}"><Collection>"#,
        terms::ALLOWED_VALUES
    );
    for option in options {
        let _ = write!(
            out,
            r#"<Record><PropertyValue Property="Value" String="{}"/>"#,
            escaped(&option.code)
        );
        if option.label != option.code {
            text(out, terms::LABEL, &option.label);
        }
        if let Some(number) = option.number {
            let _ = write!(out, r#"<Annotation Term="{}" Int="{number}"/>"#, terms::NUMBER);
        }
        out.push_str("</Record>");
    }
    out.push_str("</Collection></Annotation>");
}
