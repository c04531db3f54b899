//! The proof fails where something is wrong: a proof that cannot fail proves nothing.

use std::sync::Arc;

use driftless_odata::payload::Layout;
use driftless_record::{
    EntityName, EntitySchema, FieldKind, FieldName, FieldSchema, Fields, Record, RecordId, Revision, Schema,
    Value,
};
use serde_json::{Value as Json, json};

use super::agree::{Agreement, same};
use super::effects::{Expected, effect, equal};
use crate::demo::plain::Row;

const ID: &str = "00000000-0000-0000-0000-000000000001";

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

fn account() -> (Arc<EntitySchema>, Layout) {
    let mut entity = EntitySchema::new(EntityName::parse("Account").unwrap());
    entity.key.push(name("id"));
    entity.add(FieldSchema::new(name("id"), FieldKind::Guid));
    entity.add(FieldSchema::new(
        name("city"),
        FieldKind::Text { max_chars: None },
    ));
    let decimal = FieldKind::Decimal {
        precision: Some(12),
        scale: Some(2),
    };
    entity.add(FieldSchema::new(name("revenue"), decimal));
    entity.add(FieldSchema {
        server_made: true,
        ..FieldSchema::new(name("number"), FieldKind::Text { max_chars: None })
    });
    let mut schema = Schema::default();
    schema.add(entity);
    let entity = Arc::clone(schema.entity("Account").unwrap());
    let layout = Layout::new(&schema, &entity, &[], None);
    (entity, layout)
}

fn row(given: &Json) -> Row {
    let mut row = Row::new();
    row.insert("@odata.etag".to_owned(), json!("W/\"1\""));
    row.insert("id".to_owned(), json!(ID));
    row.extend(given.as_object().unwrap().clone());
    row
}

#[test]
fn a_record_is_the_same_only_with_all_fields_and_the_revision() {
    let (entity, layout) = account();
    let fields = [
        (name("id"), Value::Guid(ID.parse().unwrap())),
        (name("city"), Value::text("Rome")),
        (name("revenue"), Value::Decimal("12.50".parse().unwrap())),
        (name("number"), Value::Null),
    ];
    let record = Record {
        entity: entity.name.clone(),
        id: RecordId::from_canonical(ID),
        revision: Some(Revision("W/\"1\"".to_owned())),
        fields: fields.into(),
    };
    for (theirs, differences) in [
        (json!({ "city": "Rome", "revenue": "12.50", "number": null }), 0),
        (json!({ "city": "Rome", "revenue": "12.50" }), 0),
        (json!({ "city": "Roma", "revenue": "12.50" }), 1),
        (json!({ "city": "Rome", "revenue": "12.51" }), 1),
        (json!({ "revenue": "12.50" }), 1),
        (
            json!({ "city": "Rome", "revenue": "12.50", "number": "ACC-1" }),
            1,
        ),
        (json!({ "city": "Rome", "revenue": "12.50", "secret": 1 }), 1),
        (
            json!({ "city": "Rome", "revenue": "12.50", "@odata.etag": "W/\"2\"" }),
            1,
        ),
    ] {
        let mut agreement = Agreement::default();
        same(&entity, &layout, &record, &row(&theirs), &mut agreement);
        assert_eq!(
            agreement.differences.len(),
            differences,
            "{theirs}: {:?}",
            agreement.differences
        );
    }
    let mut partial = record.clone();
    partial.fields.remove(&name("city"));
    let mut agreement = Agreement::default();
    same(
        &entity,
        &layout,
        &partial,
        &row(&json!({ "revenue": "12.50" })),
        &mut agreement,
    );
    assert_eq!(
        agreement.differences.len(),
        1,
        "a field that is not on the device is not the same as null"
    );
}

#[test]
fn an_effect_is_exactly_what_was_set_and_nothing_else() {
    let (entity, layout) = account();
    let set: Fields = [(name("city"), Value::text("Rome"))].into();
    let (create, update, delete) = (
        Expected {
            fields: set.clone(),
            created: true,
            deleted: false,
        },
        Expected {
            fields: set,
            created: false,
            deleted: false,
        },
        Expected {
            deleted: true,
            ..Expected::default()
        },
    );
    let before = row(&json!({ "city": "Milan", "revenue": "1.00", "number": "ACC-1" }));
    let rome = row(&json!({ "city": "Rome", "revenue": "1.00", "number": "ACC-2" }));
    let made = row(&json!({ "city": "Rome", "number": "ACC-2" }));
    let turin = row(&json!({ "city": "Turin", "revenue": "1.00" }));
    let richer = row(&json!({ "city": "Rome", "revenue": "2.00" }));
    for (expected, old, new, is_right) in [
        (&update, Some(&before), Some(&rome), true),
        (&update, Some(&before), Some(&before), false),
        (&update, Some(&before), Some(&turin), false),
        (&update, Some(&before), Some(&richer), false),
        (&update, Some(&before), None, false),
        (&update, None, Some(&rome), false),
        (&create, None, Some(&made), true),
        (&create, None, Some(&rome), false),
        (&create, Some(&made), Some(&made), false),
        (&create, None, None, false),
        (&delete, Some(&before), None, true),
        (&delete, Some(&before), Some(&before), false),
    ] {
        let outcome = effect(&entity, &layout, expected, old, new);
        assert_eq!(
            outcome.is_ok(),
            is_right,
            "{expected:?} {old:?} {new:?}: {outcome:?}"
        );
    }
}

#[test]
fn decimals_are_the_same_by_number() {
    for (left, right, same) in [
        (json!("4"), json!("4.000"), true),
        (json!("4.50"), json!("4.5"), true),
        (json!("40"), json!("4.0"), false),
        (json!("100"), json!("1"), false),
        (json!("+47 1.0"), json!("+47 1"), false),
        (json!(null), json!("0.0"), false),
    ] {
        assert_eq!(equal(&left, &right), same, "{left} {right}");
    }
}
