//! Schema changes.

use std::sync::Arc;

use driftless_record::{EntityName, FieldKind, FieldSchema, OperationState, Query, Schema, Timestamp, Value};
use driftless_store::{JournalReader, OperationSelection, RecordStore, StoreError, ViewReader, Write};

use crate::store::StoreFactory;
use crate::store::sample::{
    INT, TEXT, account, batch, entity, entity_schema, field, id, image, one_row, operation, put_account,
    put_operation, schema, schema_batch,
};

fn put(schema: &Schema) -> driftless_store::WriteBatch {
    batch([Write::PutSchema(Arc::new(schema.clone()))])
}

/// Operations and images stay whole, whatever becomes of their fields and entities.
pub fn a_new_schema_keeps_operations_and_images(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    let queued = operation(1, &account(1), OperationState::Queued);
    store
        .commit(batch([
            put_account(1, "Alpha"),
            put_operation(queued.clone()),
            Write::PutImage(image(1, "Alpha")),
        ]))
        .unwrap();
    let mut without_name = schema();
    let mut account_schema = (**without_name.entity("Account").unwrap()).clone();
    account_schema.fields.retain(|f| f.name != field("name"));
    account_schema.display_field = None;
    without_name.add(account_schema);
    for next in [without_name, Schema::default(), schema()] {
        store.commit(put(&next)).unwrap();
        assert_eq!(*store.schema().unwrap(), next);
        let found = store.operations(&OperationSelection::Pending(9)).unwrap();
        assert_eq!(found, std::slice::from_ref(&queued));
        assert_eq!(
            store.image(&entity("Account"), &account(1)).unwrap(),
            Some(image(1, "Alpha"))
        );
        // An operation can go on its way also while the schema does not know its entity.
        store.commit(batch([put_operation(queued.clone())])).unwrap();
    }
}

/// New fields are null, fields that are gone are gone, and values change kind where the new kind has them.
pub fn fields_come_go_and_change_kind(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let of = |fields: Vec<(&str, FieldKind)>| {
        let mut schema = Schema::default();
        schema.add(entity_schema("Thing", fields));
        schema
    };
    let first = of(vec![
        ("number", INT),
        ("a", TEXT),
        ("b", TEXT),
        ("c", INT),
        ("d", INT),
    ]);
    store.commit(put(&first)).unwrap();
    for (n, b) in [("1", "17"), ("2", "many")] {
        let values = vec![
            ("number", Value::Int(n.parse().unwrap())),
            ("a", Value::text("x")),
            ("b", Value::text(b)),
            ("c", Value::Int(5)),
            ("d", Value::Int(6)),
        ];
        let rows = one_row("Thing", &id(n), Some("r"), values);
        store.commit(batch([Write::PutRows(rows)])).unwrap();
    }
    let money = FieldKind::Decimal {
        precision: Some(18),
        scale: Some(2),
    };
    let second = of(vec![
        ("e", FieldKind::DateTime),
        ("b", INT),
        ("number", INT),
        ("c", TEXT),
        ("d", money),
    ]);
    let mut second_thing = (**second.entity("Thing").unwrap()).clone();
    second_thing.key = vec![field("number")];
    let mut second = second;
    second.add(second_thing);
    store.commit(put(&second)).unwrap();
    let store = factory.reopen(store);
    let read = |n: &str| store.get(&entity("Thing"), &id(n)).unwrap().unwrap();
    let names: Vec<_> = read("1")
        .fields
        .into_keys()
        .map(|name| name.to_string())
        .collect();
    assert_eq!(names, ["b", "c", "d", "e", "number"]);
    assert_eq!(*read("1").value(&field("b")), Value::Int(17));
    assert_eq!(*read("2").value(&field("b")), Value::Null);
    assert_eq!(*read("1").value(&field("c")), Value::text("5"));
    assert_eq!(
        *read("1").value(&field("d")),
        Value::Decimal("6.00".parse().unwrap())
    );
    assert_eq!(*read("1").value(&field("e")), Value::Null);
    assert_eq!(read("1").revision.unwrap().0, "r");
    store.commit(put(&first)).unwrap();
    assert_eq!(
        *read("1").value(&field("a")),
        Value::Null,
        "what is gone does not come back"
    );
    assert_eq!(*read("1").value(&field("c")), Value::Int(5));
}

/// A field has the values of the one that it was called by before, in its kind, unless another field goes by that name.
pub fn a_renamed_field_keeps_its_values(factory: &mut impl StoreFactory) {
    let of = |fields: Vec<(&str, FieldKind, &[&str])>| {
        let mut schema = Schema::default();
        let names = fields
            .iter()
            .map(|(name, kind, _)| (*name, kind.clone()))
            .collect();
        let mut thing = entity_schema("Thing", names);
        for (name, _, former) in fields {
            let mut known = thing.field(name).unwrap().clone();
            known.former_names = former.iter().map(|name| field(name)).collect();
            thing.add(known);
        }
        schema.add(thing);
        schema
    };
    let store = factory.open();
    let first = of(vec![
        ("number", INT, &[]),
        ("a", TEXT, &[]),
        ("b", TEXT, &[]),
        ("c", TEXT, &[]),
    ]);
    store.commit(put(&first)).unwrap();
    let values = vec![
        ("number", Value::Int(1)),
        ("a", Value::text("x")),
        ("b", Value::text("17")),
        ("c", Value::text("y")),
    ];
    let rows = one_row("Thing", &id("1"), Some("r"), values);
    store.commit(batch([Write::PutRows(rows)])).unwrap();
    let second = of(vec![
        ("number", INT, &[]),
        ("c", TEXT, &[]),
        ("other", TEXT, &["c"]),
        ("latest", TEXT, &["later", "a"]),
        ("copy", TEXT, &["a"]),
        ("whole", INT, &["b"]),
    ]);
    store.commit(put(&second)).unwrap();
    let store = factory.reopen(store);
    let read = |name: &str| {
        let record = store.get(&entity("Thing"), &id("1")).unwrap().unwrap();
        record.value(&field(name)).clone()
    };
    assert_eq!(read("latest"), Value::text("x"));
    assert_eq!(read("copy"), Value::text("x"));
    assert_eq!(read("whole"), Value::Int(17));
    assert_eq!((read("c"), read("other")), (Value::text("y"), Value::Null));
    let values = vec![("number", Value::Int(1)), ("latest", Value::text("z"))];
    let rows = one_row("Thing", &id("1"), Some("r"), values);
    store.commit(batch([Write::PutRows(rows)])).unwrap();
    assert_eq!(
        (read("latest"), read("copy")),
        (Value::text("z"), Value::text("x"))
    );
    let back = of(vec![("number", INT, &[]), ("a", TEXT, &["latest"])]);
    store.commit(put(&back)).unwrap();
    assert_eq!(read("a"), Value::text("z"), "and back again");
}

/// When an entity leaves the schema, its rows go, but for those of unsettled records: they are there again when the
/// entity comes back, unless they have settled meanwhile.
pub fn rows_of_unsettled_records_outlive_their_entity(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    store
        .commit(batch([
            put_account(1, "pending"),
            put_operation(operation(1, &account(1), OperationState::Queued)),
            put_account(2, "imaged"),
            Write::PutImage(image(2, "imaged")),
            put_account(3, "settled"),
            put_operation(operation(3, &account(3), OperationState::Reverted)),
            put_account(4, "settles"),
            Write::PutImage(image(4, "settles")),
        ]))
        .unwrap();
    let mut without = schema();
    without.entities.remove("Account");
    without.entities.remove("Line");
    store.commit(put(&without)).unwrap();
    let store = factory.reopen(store);
    let error = store.get(&entity("Account"), &account(1)).unwrap_err();
    assert!(matches!(error, StoreError::UnknownEntity(_)));
    let error = store
        .query(&Query::all(entity("Account")), Timestamp(0))
        .unwrap_err();
    assert!(matches!(error, StoreError::UnknownEntity(_)));
    assert!(!store.schema().unwrap().entities.contains_key("Account"));
    store
        .commit(batch([Write::DropImage(entity("Account"), account(4))]))
        .unwrap();
    store.commit(schema_batch()).unwrap();
    let ids = store.ids(&entity("Account"), None, 9).unwrap();
    let ids: Vec<_> = ids.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [account(1), account(2)]);
    let record = store.get(&entity("Account"), &account(1)).unwrap().unwrap();
    assert_eq!(*record.value(&field("name")), Value::text("pending"));
}

/// A schema without keys, with two fields of one name, or with an entity under another's name changes nothing.
pub fn a_schema_that_cannot_be_stored_is_refused(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    let mut no_key = schema();
    no_key.add(entity_schema("Empty", Vec::new()));
    let mut twice = schema();
    let mut thing = entity_schema("Thing", vec![("a", TEXT), ("b", TEXT)]);
    thing.fields.push(FieldSchema::new(field("a"), INT));
    twice.add(thing);
    let mut renamed = schema();
    let thing = Arc::new(entity_schema("Thing", vec![("a", TEXT)]));
    renamed
        .entities
        .insert(EntityName::parse("Other").unwrap(), thing);
    for wrong in [no_key, twice, renamed] {
        let error = store.commit(put(&wrong)).unwrap_err();
        assert!(matches!(error, StoreError::Unfit(_)), "{error:?}");
        assert_eq!(*store.schema().unwrap(), schema());
    }
}
