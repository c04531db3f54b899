//! Bulk loads.

use driftless_record::{CollectionName, Expr, Query, Timestamp, Value, query};
use driftless_store::{RecordStore, ViewReader, Write};

use crate::store::StoreFactory;
use crate::store::sample::{account, batch, entity, field, id, one_row, put_account, schema_batch};

/// While an entity is loading, its rows are seen by `get` and `ids` but by no query, also not through a collection.
pub fn loading_rows_are_hidden_from_queries_alone(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    let values = vec![("number", Value::Int(1)), ("account", lookup_to_first())];
    let contact = one_row("Contact", &id("1"), None, values);
    store
        .commit(batch([
            put_account(1, "Alpha"),
            Write::BeginLoad(entity("Contact")),
            Write::PutRows(contact),
        ]))
        .unwrap();
    let count = |of: &Query| {
        let found = store.query(of, Timestamp(0)).unwrap().len() as u64;
        assert_eq!(store.count(of, Timestamp(0)).unwrap(), found);
        found
    };
    let contacts = Query::all(entity("Contact"));
    let with_contact = Query::all(entity("Account")).filter(Expr::Any(query::Collected {
        scope: 0,
        through: Vec::new(),
        collection: CollectionName::parse("contacts").unwrap(),
        body: None,
    }));
    assert_eq!((count(&contacts), count(&with_contact)), (0, 0));
    assert_eq!(store.loading().unwrap(), [entity("Contact")]);
    assert!(store.get(&entity("Contact"), &id("1")).unwrap().is_some());
    assert_eq!(store.ids(&entity("Contact"), None, 9).unwrap().len(), 1);
    store.commit(batch([Write::EndLoad(entity("Contact"))])).unwrap();
    assert_eq!((count(&contacts), count(&with_contact)), (1, 1));
    assert_eq!(store.loading().unwrap(), []);
}

fn lookup_to_first() -> Value {
    Value::Lookup(driftless_record::Lookup {
        entity: entity("Account"),
        id: account(1),
        name: None,
    })
}

/// A load that was cut goes on after reopening; rows that come again are set again, not doubled.
pub fn a_load_survives_reopening_and_takes_rows_twice(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    let load = Write::BeginLoad(entity("Account"));
    store
        .commit(batch([
            load.clone(),
            put_account(1, "old"),
            put_account(2, "Beta"),
        ]))
        .unwrap();
    let store = factory.reopen(store);
    assert_eq!(store.loading().unwrap(), [entity("Account")]);
    let end = Write::EndLoad(entity("Account"));
    store
        .commit(batch([
            load,
            put_account(1, "Alpha"),
            put_account(3, "Gamma"),
            end.clone(),
            end,
        ]))
        .unwrap();
    let found = store.query(&Query::all(entity("Account")), Timestamp(0)).unwrap();
    let names: Vec<_> = found
        .iter()
        .map(|record| record.value(&field("name")).to_string())
        .collect();
    assert_eq!(names, ["Alpha", "Beta", "Gamma"]);
}
