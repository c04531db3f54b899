//! Records whose keys name other records.

use std::sync::Arc;

use driftless_record::{EntitySchema, FieldKind, FieldSchema, Value};

use crate::common::*;
use crate::main_job::no_nameless;

/// Accounts and contacts, and visits whose key is an account and a number.
fn with_visits() -> driftless_record::Schema {
    let mut schema = schema();
    let mut visit = EntitySchema::new(entity("Visit"));
    for (key, kind) in [
        ("account", FieldKind::Guid),
        ("number", FieldKind::Int { bits: 32 }),
    ] {
        visit.key.push(name(key));
        visit.add(FieldSchema {
            required: true,
            ..FieldSchema::new(name(key), kind)
        });
    }
    visit.key_targets.insert(name("account"), vec![entity("Account")]);
    visit.add(FieldSchema::new(
        name("note"),
        FieldKind::Text { max_chars: None },
    ));
    schema.add(visit);
    schema
}

/// What a key names must be there before: a line must not reach the server without its order, or hang on one that
/// somebody else made meanwhile.
#[tokio::test]
async fn l05_a_record_waits_for_the_create_of_the_one_its_key_names() {
    let world = World::new(1, able(), 1);
    let device = &world.devices[0];
    world.server().set_schema(Arc::new(with_visits()));
    device.sync().await;
    world.server().refuse(Some(no_nameless));
    let bad = device
        .engine
        .create("Account", fields(&[("name", Value::text("bad"))]))
        .unwrap();
    let account = Value::Guid(bad.record.as_str().parse().unwrap());
    let visit = fields(&[
        ("account", account),
        ("number", Value::Int(1)),
        ("note", Value::text("first")),
    ]);
    let visit = device.engine.create("Visit", visit).unwrap();
    let report = device.sync().await;
    assert_eq!((report.applied, report.refused, report.pending), (0, 1, 2));
    let item = device.engine.outbox().unwrap().remove(1);
    assert_eq!(item.blocked_by, vec![bad.operation.unwrap()]);
    let touched = device.engine.undo(bad.operation.unwrap()).unwrap();
    assert!(
        touched.ended.iter().any(|(id, _)| Some(*id) == visit.operation),
        "{touched:?}"
    );
    assert_eq!(device.engine.outbox().unwrap(), vec![]);
}
