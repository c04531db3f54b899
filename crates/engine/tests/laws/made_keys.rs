//! Records whose keys the server makes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use driftless_engine::Written;
use driftless_record::{
    EntitySchema, FieldKind, FieldSchema, Fields, LogKind, Lookup, Query, RecordId, Schema, Timestamp, Value,
};
use driftless_store::{FileRow, MemoryStore, ViewReader as _};
use driftless_testkit::backend::Fault;
use driftless_transport::{Batch, Capabilities, Idempotency};
use proptest::prelude::*;

use crate::chance::{block, cases, fault};
use crate::common::*;
use crate::watched::{Watched, view_is_off};

/// What the server makes its keys of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Guid,
    Number,
    Text,
}

/// Orders whose keys the server makes; contacts that refer to them, lines whose keys name them, and remarks that never
/// leave the device.
fn with_orders(kind: Kind) -> Schema {
    let made = match kind {
        Kind::Guid => FieldKind::Guid,
        Kind::Number => FieldKind::Int { bits: 32 },
        Kind::Text => FieldKind::Text { max_chars: Some(20) },
    };
    let text = FieldKind::Text { max_chars: Some(40) };
    let to_order = FieldKind::Lookup {
        targets: vec![entity("Order")],
    };
    let mut order = EntitySchema::new(entity("Order"));
    order.key.push(name("id"));
    order.add(FieldSchema {
        server_made: true,
        ..FieldSchema::new(name("id"), made.clone())
    });
    order.add(FieldSchema::new(name("name"), text.clone()));
    order.add(FieldSchema::new(name("follows"), to_order.clone()));
    let mut line = EntitySchema::new(entity("Line"));
    for (key, kind) in [("order", made), ("number", FieldKind::Int { bits: 32 })] {
        line.key.push(name(key));
        line.add(FieldSchema {
            required: true,
            ..FieldSchema::new(name(key), kind)
        });
    }
    line.key_targets.insert(name("order"), vec![entity("Order")]);
    line.add(FieldSchema::new(name("name"), text.clone()));
    let mut remark = EntitySchema::new(entity("Remark"));
    remark.local_only = true;
    remark.key.push(name("id"));
    remark.add(FieldSchema::new(name("id"), FieldKind::Guid));
    remark.add(FieldSchema::new(name("about"), to_order.clone()));
    let mut schema = schema();
    let mut contact = EntitySchema::clone(schema.entity("Contact").unwrap());
    contact.add(FieldSchema::new(name("order"), to_order));
    for entity in [order, line, remark, contact] {
        schema.add(entity);
    }
    schema
}

fn to(id: &RecordId) -> Value {
    Value::Lookup(Lookup {
        entity: entity("Order"),
        id: id.clone(),
        name: None,
    })
}

#[derive(Debug, Clone)]
enum Step {
    Order,
    Name { of: usize, value: u8 },
    Follow { of: usize, other: usize },
    Contact { of: usize },
    Line { of: usize },
    Remark { of: usize },
    Delete { of: usize },
    Sync(Fault),
    Office { of: usize, value: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let of = || 0usize..4;
    prop_oneof![
        3 => Just(Step::Order),
        2 => (of(), 0u8..3).prop_map(|(of, value)| Step::Name { of, value }),
        2 => (of(), of()).prop_map(|(of, other)| Step::Follow { of, other }),
        2 => of().prop_map(|of| Step::Contact { of }),
        2 => of().prop_map(|of| Step::Line { of }),
        1 => of().prop_map(|of| Step::Remark { of }),
        1 => of().prop_map(|of| Step::Delete { of }),
        4 => fault().prop_map(Step::Sync),
        1 => (of(), 0u8..3).prop_map(|(of, value)| Step::Office { of, value }),
    ]
}

/// The ids under which one device has made things, and what it knows of them.
#[derive(Default)]
struct Made {
    orders: Vec<RecordId>,
    lines: i64,
    /// The files of orders and lines, as they were attached.
    files: Vec<FileRow>,
}

fn play(world: &World, step: &Step, made: &mut Made) {
    let device = &world.devices[0];
    let of = |at: &usize| (!made.orders.is_empty()).then(|| made.orders[at % made.orders.len()].clone());
    let write = |what: &str, given: &[(&str, Value)]| -> Written {
        device.engine.create(what, fields(given)).unwrap()
    };
    match step {
        Step::Order => {
            let order = write("Order", &[("name", Value::text("new"))]).record;
            made.files.extend(device.attach("Order", &order));
            made.orders.push(order);
        }
        Step::Name { of: at, value } => {
            if let Some(id) = of(at) {
                let given = fields(&[("name", Value::text(format!("v{value}")))]);
                device.engine.update("Order", id.as_str(), given).unwrap();
            }
        }
        Step::Follow { of: at, other } => {
            if let (Some(id), Some(other)) = (of(at), of(other)) {
                let given = fields(&[("follows", to(&other))]);
                device.engine.update("Order", id.as_str(), given).unwrap();
            }
        }
        Step::Contact { of: at } => {
            if let Some(id) = of(at) {
                write("Contact", &[("name", Value::text("Kim")), ("order", to(&id))]);
            }
        }
        Step::Line { of: at } => {
            if let Some(id) = of(at) {
                let order = device.engine.entity("Order").unwrap();
                let key = id.key_values(&order).unwrap().remove(0);
                made.lines += 1;
                let line = write("Line", &[("order", key), ("number", Value::Int(made.lines))]).record;
                made.files.extend(device.attach("Line", &line));
            }
        }
        Step::Remark { of: at } => {
            if let Some(id) = of(at) {
                write("Remark", &[("about", to(&id))]);
            }
        }
        Step::Delete { of: at } => {
            // Nothing may refer to it then, as the back end would have it.
            let Some(id) = of(at) else { return };
            let now = device.engine.get("Order", id.as_str()).unwrap().id;
            let named = |fields: &Fields| fields.values().any(|value| *value == to(&now));
            let all = |what| device.engine.query(&Query::all(entity(what))).unwrap();
            let held = ["Order", "Contact", "Remark"]
                .into_iter()
                .flat_map(all)
                .any(|record| named(&record.fields));
            if !held && all("Line").is_empty() {
                device.engine.delete("Order", id.as_str()).unwrap();
                made.orders.retain(|other| *other != id);
            }
        }
        Step::Office { of: at, value } => {
            let id = world.server().all(&entity("Order")).into_keys().nth(*at);
            if let Some(id) = id {
                let given = fields(&[("name", Value::text(format!("o{value}")))]);
                world.server().put(&entity("Order"), &id, given);
            }
        }
        Step::Sync(_) => {}
    }
}

fn filled(fields: Fields) -> Fields {
    fields.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

fn view(world: &World, of: &str) -> BTreeMap<RecordId, Fields> {
    let all = world.devices[0].engine.query(&Query::all(entity(of))).unwrap();
    all.into_iter()
        .map(|record| (record.id, filled(record.fields)))
        .collect()
}

/// Finds what refers to an order that is not there.
fn leads_nowhere(store: &MemoryStore) -> Option<String> {
    let schema = store.schema().unwrap();
    let of = ["Order", "Contact", "Remark"]
        .into_iter()
        .filter(|of| schema.entity(of).is_some());
    let all = |of: &str| store.query(&Query::all(entity(of)), Timestamp(0)).unwrap();
    for record in of.flat_map(all) {
        for value in record.fields.values() {
            if let Value::Lookup(to) = value
                && to.entity == entity("Order")
                && store.get(&to.entity, &to.id).unwrap().is_none()
            {
                return Some(format!("{} {} refers to {}", record.entity, record.id, to.id));
            }
        }
    }
    None
}

/// Every file is with the record that it was attached to, under whatever id, and with no other.
fn files_are_with_their_records(device: &Device, files: &[FileRow]) -> Result<(), TestCaseError> {
    for file in files {
        let Ok(record) = device.engine.get(file.entity.as_str(), file.id.as_str()) else {
            continue;
        };
        let found = device.store().files(&file.entity, &record.id).unwrap();
        let expected = files
            .iter()
            .filter(|other| (&other.entity, &other.id) == (&file.entity, &file.id));
        let expected = expected.map(|other| FileRow {
            id: record.id.clone(),
            ..other.clone()
        });
        prop_assert_eq!(found, expected.collect::<Vec<_>>());
        if record.id != file.id {
            prop_assert_eq!(device.store().files(&file.entity, &file.id).unwrap(), vec![]);
        }
    }
    Ok(())
}

/// The back end has never heard of a temporary id, whatever was sent.
fn nothing_temporary_was_told(world: &World, temporary: &[RecordId]) -> Result<(), TestCaseError> {
    for effect in world.server().effects() {
        let told = format!("{:?}", effect.change);
        for id in temporary {
            let words = told.split(|c: char| !(c.is_alphanumeric() || "-~".contains(c)));
            for word in words {
                prop_assert!(word != id.as_str(), "{} was told in {}", id, told);
            }
        }
    }
    Ok(())
}

fn able_to(limit: usize, depends_on: bool) -> Capabilities {
    Capabilities {
        batch: Batch {
            limit,
            depends_on,
            groups: depends_on,
        },
        ..without_stamps()
    }
}

proptest! {
    #![proptest_config(cases(48))]

    /// A device cannot ask for a key while it is offline, so it makes one up; it must be as good as the server's to
    /// whoever works with the record, now and in years, and must never be seen outside.
    #[test]
    fn l35_a_key_that_the_server_makes_replaces_the_temporary_one_everywhere_at_once(
        kind in prop_oneof![Just(Kind::Guid), Just(Kind::Number), Just(Kind::Text)],
        limit in 1usize..5,
        depends_on in any::<bool>(),
        steps in prop::collection::vec(step(), 1..30),
        seed in any::<u64>(),
    ) {
        block(async {
            let found = Arc::new(Mutex::new(Vec::new()));
            let mut world = World::over(1, (with_orders(kind), able_to(limit, depends_on)), seed, |_| {
                Arc::new(Watched::new(found.clone(), |store| view_is_off(store).or_else(|| leads_nowhere(store))))
            });
            world.devices[0].sync().await;
            let mut made = Made::default();
            let mut all = Vec::new();
            for step in &steps {
                world.pass(7);
                play(&world, step, &mut made);
                if let Step::Sync(fault) = step {
                    world.server().fail([*fault]);
                    world.devices[0].sync_or_die().await;
                    world.server().heal();
                }
                all.extend(made.orders.last().cloned());
                nothing_temporary_was_told(&world, &all)?;
                files_are_with_their_records(&world.devices[0], &made.files)?;
                for id in &made.orders {
                    let found = world.devices[0].engine.get("Order", id.as_str());
                    prop_assert!(found.is_ok(), "{} leads nowhere", id);
                }
                // What refers to an order refers to one that is there, under the same id.
                let orders = view(&world, "Order");
                for of in ["Order", "Contact", "Remark"] {
                    for (id, fields) in view(&world, of) {
                        for value in fields.values() {
                            if let Value::Lookup(to) = value {
                                prop_assert!(orders.contains_key(&to.id), "{} {} refers to {}", of, id, to.id);
                            }
                        }
                    }
                }
            }
            for _ in 0..8 {
                world.pass(400_000);
                world.devices[0].sync().await;
                for entry in world.devices[0].open_entries() {
                    world.devices[0].engine.resolve(entry.id, &driftless_engine::Decision::Mine).unwrap();
                }
            }
            prop_assert_eq!(&*found.lock().unwrap(), &Vec::<String>::new());
            prop_assert_eq!(world.devices[0].engine.outbox().unwrap(), vec![]);
            files_are_with_their_records(&world.devices[0], &made.files)?;
            for of in ["Order", "Contact", "Line"] {
                let there: BTreeMap<_, _> =
                    world.server().all(&entity(of)).into_iter().map(|(id, fields)| (id, filled(fields))).collect();
                prop_assert_eq!(view(&world, of), there, "{}", of);
            }
            for id in &made.orders {
                let record = world.devices[0].engine.get("Order", id.as_str()).unwrap();
                prop_assert!(record.id != *id, "{} is still temporary", id);
                prop_assert!(world.server().record(&entity("Order"), &record.id).is_some());
                let given = fields(&[("name", Value::text("by its old id"))]);
                let written = world.devices[0].engine.update("Order", id.as_str(), given).unwrap();
                prop_assert_eq!(written.record, record.id);
            }
            Ok(())
        })?;
    }
}

/// A back end that remembers no request and makes the keys itself gives nothing to look for: to send again might make
/// a second order, so a person is asked.
#[tokio::test]
async fn l35_a_lost_create_under_a_key_of_the_server_is_never_sent_again_unasked() {
    for idempotency in [Idempotency::ClientKey, Idempotency::None] {
        let mut world = World::new(
            1,
            Capabilities {
                idempotency,
                ..able_to(10, false)
            },
            1,
        );
        world.server().set_schema(Arc::new(with_orders(Kind::Number)));
        world.devices[0].sync().await;
        let order = world.devices[0]
            .engine
            .create("Order", fields(&[("name", Value::text("one"))]))
            .unwrap();
        let child = fields(&[("name", Value::text("Kim")), ("order", to(&order.record))]);
        let child = world.devices[0].engine.create("Contact", child).unwrap();
        world.server().fail([Fault::ReplyLost]);
        world.devices[0].sync_or_die().await;
        for _ in 0..4 {
            world.pass(400_000);
            world.devices[0].sync().await;
        }
        assert_eq!(world.server().all(&entity("Order")).len(), 1);
        let entries = world.devices[0].open_entries();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].kind, LogKind::Unproved);
        let waits = world.devices[0].engine.outbox().unwrap().pop().unwrap();
        assert_eq!(Some(waits.operation.id), child.operation);
        assert_eq!(waits.blocked_by, vec![order.operation.unwrap()]);
        assert_eq!(world.server().all(&entity("Contact")).len(), 0);
    }
}
