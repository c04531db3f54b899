//! Entity schemas as they are stored in the catalogue.

use std::collections::BTreeMap;

use driftless_record::{
    Access, ChoiceOption, Collection, CollectionName, CommandName, CommandSchema, EntityName, EntitySchema,
    FieldKind, FieldName, FieldSchema,
};
use serde::{Deserialize, Serialize};

use super::Unreadable;

#[derive(Debug, Serialize, Deserialize)]
struct EntityV1 {
    v: u8,
    name: EntityName,
    set: String,
    label: String,
    base: Option<EntityName>,
    is_abstract: bool,
    key: Vec<FieldName>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    key_targets: BTreeMap<FieldName, Vec<EntityName>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    alternate_keys: Vec<Vec<FieldName>>,
    fields: Vec<FieldV1>,
    collections: BTreeMap<CollectionName, CollectionV1>,
    /// In the form that travels in metadata, which is a public one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    commands: BTreeMap<CommandName, CommandSchema>,
    display_field: Option<FieldName>,
    modified_field: Option<FieldName>,
    create: bool,
    update: bool,
    delete: bool,
    append_only: bool,
    local_only: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct CollectionV1 {
    entity: EntityName,
    via: FieldName,
    cascade_delete: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct FieldV1 {
    name: FieldName,
    label: String,
    kind: KindV1,
    required: bool,
    nullable: bool,
    read_only: bool,
    server_made: bool,
    each_transition_matters: bool,
    searchable: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    former_names: Vec<FieldName>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindV1 {
    Bool,
    Int(u8),
    Decimal(Option<u8>, Option<u8>),
    Money(u8, Option<FieldName>),
    Double,
    Text(Option<u32>),
    Date,
    Time,
    DateTime,
    Duration,
    Guid,
    Binary(Option<u32>),
    Choice(Vec<OptionV1>),
    Choices(Vec<OptionV1>),
    Lookup(Vec<EntityName>),
    File,
}

#[derive(Debug, Serialize, Deserialize)]
struct OptionV1(String, Option<i64>, String);

/// Writes an entity.
pub(crate) fn encode_entity(entity: &EntitySchema) -> Result<String, Unreadable> {
    let collections = entity.collections.iter().map(|(name, collection)| {
        let stored = CollectionV1 {
            entity: collection.entity.clone(),
            via: collection.via.clone(),
            cascade_delete: collection.cascade_delete,
        };
        (name.clone(), stored)
    });
    Ok(serde_json::to_string(&EntityV1 {
        v: 1,
        name: entity.name.clone(),
        set: entity.set.clone(),
        label: entity.label.clone(),
        base: entity.base.clone(),
        is_abstract: entity.is_abstract,
        key: entity.key.clone(),
        key_targets: entity.key_targets.clone(),
        alternate_keys: entity.alternate_keys.clone(),
        fields: entity.fields.iter().map(write_field).collect(),
        collections: collections.collect(),
        commands: entity.commands.clone(),
        display_field: entity.display_field.clone(),
        modified_field: entity.modified_field.clone(),
        create: entity.access.create,
        update: entity.access.update,
        delete: entity.access.delete,
        append_only: entity.append_only,
        local_only: entity.local_only,
    })?)
}

/// Reads an entity.
pub(crate) fn decode_entity(payload: &str) -> Result<EntitySchema, Unreadable> {
    let stored: EntityV1 = serde_json::from_str(payload)?;
    let collections = stored.collections.into_iter().map(|(name, collection)| {
        let read = Collection {
            entity: collection.entity,
            via: collection.via,
            cascade_delete: collection.cascade_delete,
        };
        (name, read)
    });
    Ok(EntitySchema {
        name: stored.name,
        set: stored.set,
        label: stored.label,
        base: stored.base,
        is_abstract: stored.is_abstract,
        key: stored.key,
        key_targets: stored.key_targets,
        alternate_keys: stored.alternate_keys,
        fields: stored.fields.into_iter().map(read_field).collect(),
        collections: collections.collect(),
        commands: stored.commands,
        display_field: stored.display_field,
        modified_field: stored.modified_field,
        access: Access {
            create: stored.create,
            update: stored.update,
            delete: stored.delete,
        },
        append_only: stored.append_only,
        local_only: stored.local_only,
    })
}

fn write_field(field: &FieldSchema) -> FieldV1 {
    FieldV1 {
        name: field.name.clone(),
        label: field.label.clone(),
        kind: write_kind(&field.kind),
        required: field.required,
        nullable: field.nullable,
        read_only: field.read_only,
        server_made: field.server_made,
        each_transition_matters: field.each_transition_matters,
        searchable: field.searchable,
        former_names: field.former_names.clone(),
    }
}

fn read_field(field: FieldV1) -> FieldSchema {
    FieldSchema {
        name: field.name,
        label: field.label,
        kind: read_kind(field.kind),
        required: field.required,
        nullable: field.nullable,
        read_only: field.read_only,
        server_made: field.server_made,
        each_transition_matters: field.each_transition_matters,
        searchable: field.searchable,
        former_names: field.former_names,
    }
}

fn write_kind(kind: &FieldKind) -> KindV1 {
    match kind {
        FieldKind::Bool => KindV1::Bool,
        FieldKind::Int { bits } => KindV1::Int(*bits),
        FieldKind::Decimal { precision, scale } => KindV1::Decimal(*precision, *scale),
        FieldKind::Money { scale, currency } => KindV1::Money(*scale, currency.clone()),
        FieldKind::Double => KindV1::Double,
        FieldKind::Text { max_chars } => KindV1::Text(*max_chars),
        FieldKind::Date => KindV1::Date,
        FieldKind::Time => KindV1::Time,
        FieldKind::DateTime => KindV1::DateTime,
        FieldKind::Duration => KindV1::Duration,
        FieldKind::Guid => KindV1::Guid,
        FieldKind::Binary { max_bytes } => KindV1::Binary(*max_bytes),
        FieldKind::Choice { options } => KindV1::Choice(write_options(options)),
        FieldKind::Choices { options } => KindV1::Choices(write_options(options)),
        FieldKind::Lookup { targets } => KindV1::Lookup(targets.clone()),
        FieldKind::File => KindV1::File,
    }
}

fn read_kind(kind: KindV1) -> FieldKind {
    match kind {
        KindV1::Bool => FieldKind::Bool,
        KindV1::Int(bits) => FieldKind::Int { bits },
        KindV1::Decimal(precision, scale) => FieldKind::Decimal { precision, scale },
        KindV1::Money(scale, currency) => FieldKind::Money { scale, currency },
        KindV1::Double => FieldKind::Double,
        KindV1::Text(max_chars) => FieldKind::Text { max_chars },
        KindV1::Date => FieldKind::Date,
        KindV1::Time => FieldKind::Time,
        KindV1::DateTime => FieldKind::DateTime,
        KindV1::Duration => FieldKind::Duration,
        KindV1::Guid => FieldKind::Guid,
        KindV1::Binary(max_bytes) => FieldKind::Binary { max_bytes },
        KindV1::Choice(options) => FieldKind::Choice {
            options: read_options(options),
        },
        KindV1::Choices(options) => FieldKind::Choices {
            options: read_options(options),
        },
        KindV1::Lookup(targets) => FieldKind::Lookup { targets },
        KindV1::File => FieldKind::File,
    }
}

fn write_options(options: &[ChoiceOption]) -> Vec<OptionV1> {
    let write = |option: &ChoiceOption| OptionV1(option.code.clone(), option.number, option.label.clone());
    options.iter().map(write).collect()
}

fn read_options(options: Vec<OptionV1>) -> Vec<ChoiceOption> {
    let read = |OptionV1(code, number, label)| ChoiceOption { code, number, label };
    options.into_iter().map(read).collect()
}
