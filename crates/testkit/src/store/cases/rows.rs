//! Rows of the view.

use std::sync::Arc;

use driftless_record::{
    DateTime, Duration, FileValue, Lookup, RecordId, Revision, Row, RowSet, Schema, Value,
};
use driftless_store::{RecordStore, StoreError, ViewReader, Write};

use crate::store::StoreFactory;
use crate::store::sample::{
    INT, TEXT, account, batch, entity, entity_schema, field, guid, id, one_row, put_account, schema,
    schema_batch,
};

/// A row that is there keeps what a later row set does not name; the revision is always replaced.
pub fn named_columns_are_set_and_others_stay(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    store.commit(batch([put_account(1, "Alpha")])).unwrap();
    let values = vec![("employees", Value::Int(7)), ("active", Value::Bool(true))];
    let rows = one_row("Account", &account(1), None, values);
    store.commit(batch([Write::PutRows(rows)])).unwrap();
    let record = store.get(&entity("Account"), &account(1)).unwrap().unwrap();
    assert_eq!(record.revision, None);
    assert_eq!(*record.value(&field("name")), Value::text("Alpha"));
    assert_eq!(*record.value(&field("employees")), Value::Int(7));
    let known: Vec<_> = record.fields.keys().collect();
    let schema = schema();
    let mut declared: Vec<_> = schema
        .entity("Account")
        .unwrap()
        .fields
        .iter()
        .map(|f| &f.name)
        .collect();
    declared.sort_unstable();
    assert_eq!(known, declared, "a record has every field of the schema");
    assert_eq!(*record.value(&field("founded")), Value::Null);
    assert_eq!(store.get(&entity("Account"), &account(2)).unwrap(), None);
}

/// Every kind of value comes back as it was put, and null too.
pub fn every_kind_of_value_comes_back(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    for (n, values) in (1..).zip(value_samples()) {
        let rows = one_row("Account", &account(n), Some("W/\"\u{e4}'\""), values.clone());
        store.commit(batch([Write::PutRows(rows)])).unwrap();
        let record = store.get(&entity("Account"), &account(n)).unwrap().unwrap();
        assert_eq!(record.revision, Some(Revision("W/\"\u{e4}'\"".to_owned())));
        for (name, value) in values {
            assert_eq!(*record.value(&field(name)), value, "{name}");
        }
    }
    let record = store.get(&entity("Account"), &account(1)).unwrap().unwrap();
    let Value::Lookup(parent) = record.value(&field("parent")) else {
        panic!("a lookup comes back as a lookup");
    };
    assert_eq!(parent.name.as_deref(), Some("Beta"), "the display name is kept");
}

fn value_samples() -> Vec<Vec<(&'static str, Value)>> {
    let lookup = |to: &str, id: RecordId, name: Option<&str>| {
        Value::Lookup(Lookup {
            entity: entity(to),
            id,
            name: name.map(str::to_owned),
        })
    };
    let decimal = |text: &str| Value::Decimal(text.parse().unwrap());
    let at = |text: &str| Value::DateTime(text.parse::<DateTime>().unwrap());
    vec![
        vec![
            ("account_id", Value::Guid(guid(1))),
            ("name", Value::text("O'Brien; \"x\" \u{1F600} %_")),
            ("active", Value::Bool(true)),
            ("employees", Value::Int(i64::from(i32::MAX))),
            ("revenue", decimal("-1234567890.12")),
            ("rate", decimal("0.0000000000000000000000000001")),
            ("score", Value::double(-0.1)),
            ("founded", Value::Date("1848-02-29".parse().unwrap())),
            ("opens", Value::Time("08:30:00.1234567".parse().unwrap())),
            ("modified", at("2026-11-22T08:30:00.1234567+05:30")),
            ("response", Value::Duration(Duration { ticks: -1 })),
            ("logo", Value::Binary(vec![0, 255, 39])),
            ("colour", Value::Choice("red".to_owned())),
            (
                "colours",
                Value::Choices(vec!["blue".to_owned(), "red".to_owned()]),
            ),
            ("parent", lookup("Account", account(2), Some("Beta"))),
            ("owner", lookup("Contact", id("77"), None)),
            (
                "contract",
                Value::File(FileValue {
                    content: "abc".to_owned(),
                    name: "con\"tract.pdf".to_owned(),
                    media_type: "application/pdf".to_owned(),
                    size: 12,
                }),
            ),
        ],
        vec![
            ("account_id", Value::Guid(guid(2))),
            ("name", Value::text("")),
            ("active", Value::Bool(false)),
            ("employees", Value::Int(i64::from(i32::MIN))),
            ("rate", decimal("-79228162514264337593543950335")),
            ("score", Value::double(f64::NAN)),
            ("founded", Value::Date("-000044-03-15".parse().unwrap())),
            ("modified", at("0001-01-01T00:00:00Z")),
            ("logo", Value::Binary(Vec::new())),
            ("colours", Value::Choices(Vec::new())),
            ("owner", lookup("Account", account(1), Some(""))),
            ("parent", Value::Null),
            ("contract", Value::Null),
        ],
        vec![("score", Value::double(f64::NEG_INFINITY)), ("name", Value::Null)],
    ]
}

/// Removed records are gone; removing what is not there is no error.
pub fn removed_rows_are_gone(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    store
        .commit(batch([put_account(1, "Alpha"), put_account(2, "Beta")]))
        .unwrap();
    store
        .commit(batch([Write::RemoveRows(
            entity("Account"),
            vec![account(1), account(9)],
        )]))
        .unwrap();
    assert_eq!(store.get(&entity("Account"), &account(1)).unwrap(), None);
    assert!(store.get(&entity("Account"), &account(2)).unwrap().is_some());
    store
        .commit(batch([
            put_account(1, "Again"),
            Write::RemoveRows(entity("Account"), vec![account(2)]),
            put_account(2, "Beta"),
        ]))
        .unwrap();
    assert_eq!(store.ids(&entity("Account"), None, 9).unwrap().len(), 2);
}

/// Ids come in the order of their text, page by page, with revisions.
pub fn ids_come_in_order_and_in_pages(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    let ids = ["10", "9", "-3", "1", "100"];
    let rows = ids.iter().map(|text| Row {
        id: id(text),
        revision: Some(Revision(format!("r{text}"))),
        values: vec![Value::Int(text.parse().unwrap())],
    });
    let rows = RowSet {
        entity: entity("Contact"),
        columns: vec![field("number")].into(),
        rows: rows.collect(),
    };
    store.commit(batch([Write::PutRows(rows)])).unwrap();
    let mut sorted = ids;
    sorted.sort_unstable();
    let mut found = Vec::new();
    loop {
        let after = found.last().map(|(id, _): &(RecordId, _)| id.clone());
        let page = store.ids(&entity("Contact"), after.as_ref(), 2).unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        found.extend(page);
    }
    let texts: Vec<_> = found.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(texts, sorted);
    for (id, revision) in &found {
        assert_eq!(revision.as_ref().unwrap().0, format!("r{id}"));
    }
    assert_eq!(store.ids(&entity("Contact"), None, 0).unwrap(), []);
}

/// Names that databases confuse or reserve are names like any other.
pub fn names_that_look_alike_stay_apart(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let names = [
        "key",
        "KEY",
        "Key",
        "id",
        "Id",
        "revision",
        "rowid",
        "select",
        "c1",
        "table",
        "\u{c4}pfel",
        "\u{e4}pfel",
    ];
    let mut all = Schema::default();
    for entity in ["select", "SELECT", "Select", "outbox", "e1", "sqlite_master"] {
        all.add(entity_schema(
            entity,
            names.iter().map(|name| (*name, TEXT)).collect(),
        ));
    }
    store
        .commit(batch([Write::PutSchema(Arc::new(all.clone()))]))
        .unwrap();
    for entity in all.entities.keys() {
        let values = names
            .iter()
            .map(|name| (*name, Value::text(format!("{entity}.{name}"))))
            .collect();
        let rows = one_row(entity.as_str(), &id("1"), None, values);
        store.commit(batch([Write::PutRows(rows)])).unwrap();
    }
    for entity in all.entities.keys() {
        let record = store.get(entity, &id("1")).unwrap().unwrap();
        for name in names {
            assert_eq!(
                *record.value(&field(name)),
                Value::text(format!("{entity}.{name}"))
            );
        }
    }
}

/// Entities and fields that the schema does not have are an error, not a guess.
pub fn unknown_names_are_refused(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let mut small = Schema::default();
    small.add(entity_schema("Thing", vec![("number", INT), ("name", TEXT)]));
    store.commit(batch([Write::PutSchema(Arc::new(small))])).unwrap();
    for wrong in ["thing", "THING", "Account"] {
        let error = store.get(&entity(wrong), &id("1")).unwrap_err();
        assert!(matches!(error, StoreError::UnknownEntity(name) if name == wrong));
        assert!(store.ids(&entity(wrong), None, 1).is_err());
    }
    for columns in [vec!["Name"], vec!["name", "name"], vec!["name", "number", "more"]] {
        let values = columns.iter().map(|name| (*name, Value::Null)).collect();
        let rows = one_row("Thing", &id("1"), None, values);
        let error = store.commit(batch([Write::PutRows(rows)])).unwrap_err();
        assert!(matches!(error, StoreError::Unfit(_)), "{error:?}");
    }
    let mut rows = one_row("Thing", &id("1"), None, vec![("name", Value::Null)]);
    rows.rows[0].values.clear();
    let error = store.commit(batch([Write::PutRows(rows)])).unwrap_err();
    assert!(matches!(error, StoreError::Unfit(_)), "{error:?}");
}
