//! The opportunity as an entity of 20 fields, and its records as rows of a store.

use super::data::{PAGE, pages};
use anyhow::{Context as _, Result};
use driftless_odata::payload::{Layout, read_page};
use driftless_record::{EntityName, EntitySchema, FieldKind, FieldName, FieldSchema, RowSet, Schema};

/// The entity.
pub(super) const ENTITY: &str = "Opportunity";

/// Opportunities, with two lookups to entities that have no records here.
pub(super) fn schema() -> Result<Schema> {
    let mut schema = Schema {
        version: "1".to_owned(),
        ..Schema::default()
    };
    for name in ["Account", "User"] {
        schema.add(with_key(name)?);
    }
    let mut opportunity = with_key(ENTITY)?;
    "Opportunities".clone_into(&mut opportunity.set);
    let text = || FieldKind::Text { max_chars: None };
    let lookup = |target: &str| -> Result<FieldKind> {
        let targets = vec![EntityName::parse(target)?];
        Ok(FieldKind::Lookup { targets })
    };
    for (name, kind) in [
        ("Number", text()),
        ("Name", text()),
        ("AccountId", lookup("Account")?),
        ("OwnerId", lookup("User")?),
        ("Stage", text()),
        ("Priority", FieldKind::Int { bits: 32 }),
        ("Probability", FieldKind::Int { bits: 32 }),
        ("Amount", FieldKind::Int { bits: 64 }),
        ("Currency", text()),
        ("IsActive", FieldKind::Bool),
        ("Email", text()),
        ("Phone", text()),
        ("Street", text()),
        ("City", text()),
        ("Country", text()),
        ("Description", text()),
        ("CloseDate", FieldKind::Date),
    ] {
        opportunity.add(FieldSchema::new(FieldName::parse(name)?, kind));
    }
    for name in ["CreatedOn", "ModifiedOn"] {
        opportunity.add(FieldSchema {
            server_made: true,
            read_only: true,
            ..FieldSchema::new(FieldName::parse(name)?, FieldKind::DateTime)
        });
    }
    opportunity.display_field = Some(FieldName::parse("Name")?);
    opportunity.modified_field = Some(FieldName::parse("ModifiedOn")?);
    schema.add(opportunity);
    Ok(schema)
}

fn with_key(name: &str) -> Result<EntitySchema> {
    let mut entity = EntitySchema::new(EntityName::parse(name)?);
    let key = FieldName::parse("Id")?;
    entity.key.push(key.clone());
    entity.add(FieldSchema {
        required: true,
        nullable: false,
        ..FieldSchema::new(key, FieldKind::Guid)
    });
    Ok(entity)
}

/// The records as rows, a page at a time.
pub(super) fn row_sets(schema: &Schema, records: usize) -> Result<Vec<RowSet>> {
    let entity = schema.entity(ENTITY).context("the entity is missing")?;
    let layout = Layout::new(schema, entity, &[], None);
    let mut sets = Vec::with_capacity(records.div_ceil(PAGE));
    for bytes in pages(records)? {
        sets.push(read_page(&bytes, &layout)?.rows);
    }
    Ok(sets)
}
