//! The built-in schema holds together.

use driftless_record::FieldKind;

use super::schema;

/// The entities that the offline table of the field service product names.
const OFFLINE: [&str; 22] = [
    "Account",
    "ActivityPointer",
    "Appointment",
    "Attachment",
    "Case",
    "Competitor",
    "CompetitorAddress",
    "Connection",
    "ConnectionRole",
    "Contact",
    "Currency",
    "ServiceVisit",
    "Email",
    "Lead",
    "Opportunity",
    "OpportunityProduct",
    "PhoneCall",
    "Position",
    "Product",
    "Task",
    "Team",
    "User",
];

#[test]
fn every_offline_entity_is_there() {
    let schema = schema().unwrap();
    for name in OFFLINE {
        assert!(schema.entity(name).is_some(), "{name}");
    }
}

#[test]
fn every_name_that_is_used_is_declared() {
    let schema = schema().unwrap();
    for entity in schema.entities.values() {
        assert!(entity.guid_key().is_some(), "{}", entity.name);
        for name in entity.display_field.iter().chain(&entity.modified_field) {
            assert!(entity.field(name).is_some(), "{}.{name}", entity.name);
        }
        for field in &entity.fields {
            match &field.kind {
                FieldKind::Lookup { targets } => {
                    assert!(
                        targets.iter().all(|target| schema.entities.contains_key(target)),
                        "{field:?}"
                    );
                }
                FieldKind::Money {
                    currency: Some(name), ..
                } => {
                    assert!(entity.field(name).is_some(), "{}.{name}", entity.name);
                }
                _ => {}
            }
        }
        for (name, collection) in &entity.collections {
            let child = schema.entities.get(&collection.entity).unwrap();
            assert!(child.field(&collection.via).is_some(), "{}.{name}", entity.name);
        }
    }
}

#[test]
fn sets_have_names_of_their_own() {
    let schema = schema().unwrap();
    let sets: std::collections::BTreeSet<_> = schema.entities.values().map(|entity| &entity.set).collect();
    assert_eq!(sets.len(), schema.entities.len());
}
