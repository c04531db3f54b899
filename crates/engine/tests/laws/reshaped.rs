//! What waits when the server's schema changes: it goes by the new names and kinds, and what does not fit is told of.

use std::sync::Arc;

use driftless_engine::{Decision, EngineError, NotPossible};
use driftless_record::{
    CauseClass, ChoiceOption, EntitySchema, FieldKind, FieldSchema, LogEntry, RecordId, Schema, Value,
};
use driftless_testkit::backend::{Fault, Habits, Values};
use driftless_transport::{Capabilities, Idempotency, TransportError};

use crate::common::{Device, World, able, entity, fields, name, schema};

/// The usual schema with another form of accounts.
pub(crate) fn with(version: u32, change: impl Fn(&mut EntitySchema)) -> Arc<Schema> {
    let mut changed = schema();
    let mut account = EntitySchema::clone(changed.entity("Account").unwrap());
    change(&mut account);
    changed.add(account);
    changed.version = version.to_string();
    Arc::new(changed)
}

fn change(account: &mut EntitySchema, field: &str, change: impl Fn(&mut FieldSchema)) {
    for field in account
        .fields
        .iter_mut()
        .filter(|known| known.name == name(field))
    {
        change(field);
    }
}

/// Gives a field another name, which tells the one before.
pub(crate) fn rename(account: &mut EntitySchema, old: &str, new: &str) {
    change(account, old, |field| {
        let old = std::mem::replace(&mut field.name, name(new));
        field.former_names.insert(0, old);
    });
}

fn whole(account: &mut EntitySchema) {
    change(account, "city", |field| field.kind = FieldKind::Int { bits: 64 });
}

fn without_city(account: &mut EntitySchema) {
    account.fields.retain(|field| field.name != name("city"));
}

/// A world of one account whose server takes nothing that does not fit its schema.
async fn strict() -> (World, RecordId) {
    let (world, id) = World::with_one_account(able()).await;
    world.server().set_habits(Habits {
        values: Values::Checked,
        ..Habits::default()
    });
    (world, id)
}

fn the_entry(device: &Device) -> LogEntry {
    let mut open = device.open_entries();
    assert_eq!(open.len(), 1, "{open:?}");
    open.remove(0)
}

/// A name is no meaning: what was typed into a field is still meant for it when the administrator calls it otherwise.
#[tokio::test]
async fn i01_an_edit_of_a_field_that_was_renamed_goes_under_the_new_name() {
    let (world, id) = strict().await;
    let device = &world.devices[0];
    device.set(&id, "city", "Oslo");
    let made = fields(&[("name", Value::text("New")), ("city", Value::text("Bern"))]);
    let made = device.engine.create("Account", made).unwrap().record;
    let renamed = with(2, |account| rename(account, "city", "town"));
    world.server().convert(renamed);
    let report = device.sync().await;
    assert_eq!((report.applied, report.pending, report.waiting.len()), (2, 0, 0));
    assert_eq!(world.on_server(&id, "town"), Value::text("Oslo"));
    assert_eq!(world.on_server(&made, "town"), Value::text("Bern"));
    assert_eq!(device.text("Account", &id, "town").as_deref(), Some("Oslo"));
}

/// What the person saw goes along: otherwise his own unchanged base would look like a change by somebody else.
#[tokio::test]
async fn i01_a_delete_and_a_conflict_survive_a_rename() {
    let (world, id) = strict().await;
    let other = world.account(2, "Other");
    let device = &world.devices[0];
    device.sync().await;
    device.engine.delete("Account", id.as_str()).unwrap();
    let rules = driftless_record::Settings {
        conflict: driftless_record::ConflictRule::Ask,
        ..Default::default()
    };
    world.server().set_settings(Some(rules));
    world.office(&other, "city", "Bern");
    device.set(&other, "city", "Oslo");
    world.server().fail([Fault::Unreachable]);
    device.sync().await;
    world.server().heal();
    let report = device.sync().await;
    assert_eq!((report.pending, report.waiting.len()), (1, 1));
    world
        .server()
        .convert(with(2, |account| rename(account, "city", "town")));
    device.sync().await;
    let entry = the_entry(device);
    assert_eq!(entry.fields[0].field, name("town"));
    assert_eq!(device.text("Account", &other, "town").as_deref(), Some("Oslo"));
    device.engine.resolve(entry.id, &Decision::Theirs).unwrap();
    assert_eq!(device.sync().await.pending, 0);
    assert_eq!(world.on_server(&other, "town"), Value::text("Bern"));
    assert!(world.server().record(&entity("Account"), &id).is_none());
}

/// A value that another kind of field says as well is the same value; one that it cannot say is kept, and shown.
#[tokio::test]
async fn i01_a_value_takes_the_new_kind_of_its_field_or_is_kept_and_told() {
    let (world, id) = strict().await;
    let others = [world.account(2, "Two"), world.account(3, "Three")];
    let device = &world.devices[0];
    device.sync().await;
    device.set(&id, "city", "17");
    device.set(&others[0], "city", "Oslo");
    device.set(&others[0], "name", "Second");
    device.set(&others[1], "name", "Third");
    world.server().convert(with(2, whole));
    let report = device.sync().await;
    assert_eq!(
        (report.applied, report.pending, report.newly_waiting.len()),
        (2, 2, 1)
    );
    assert_eq!(world.on_server(&id, "city"), Value::Int(17));
    assert_eq!(
        world.on_server(&others[1], "name"),
        Value::text("Third"),
        "others go on"
    );
    let entry = the_entry(device);
    let cause = entry.cause.clone().unwrap();
    assert_eq!(
        (cause.class, cause.field),
        (CauseClass::Validation, Some(name("city")))
    );
    assert_eq!(
        (&entry.fields[0].field, &entry.fields[0].mine),
        (&name("city"), &Value::text("Oslo"))
    );
    assert!(entry.reason.contains("(city)"), "{}", entry.reason);
    assert_eq!(device.sync().await.log.len(), 0, "it is told once");
    let five = fields(&[("city", Value::Int(5))]);
    device.engine.resolve(entry.id, &Decision::Set(five)).unwrap();
    assert_eq!(device.sync().await.pending, 0);
    assert_eq!(world.on_server(&others[0], "city"), Value::Int(5));
    assert_eq!(world.on_server(&others[0], "name"), Value::text("Second"));
}

#[tokio::test]
async fn i01_a_value_that_lost_its_kind_goes_on_by_itself_when_the_kind_comes_back() {
    let (mut world, id) = strict().await;
    world.office(&id, "city", "12");
    world.devices[0].sync().await;
    world.devices[0].set(&id, "city", "Oslo");
    world.server().convert(with(2, whole));
    world.devices[0].sync().await;
    let shown = world.devices[0].text("Account", &id, "city");
    assert_eq!(shown.as_deref(), Some("12"), "what the field can keep");
    world.devices[0].restart();
    world.server().convert(with(3, |_| {}));
    let device = &world.devices[0];
    let report = device.sync().await;
    assert_eq!((report.applied, report.pending), (1, 0));
    assert_eq!(device.open_entries(), vec![]);
    assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"));
}

/// The rest of a change is no worse for a field that is gone: it goes without it, or whole when the field is back.
#[tokio::test]
async fn i01_an_edit_of_a_field_that_is_gone_is_kept_and_goes_on_without_it_or_when_it_is_back() {
    for is_back in [true, false] {
        let (world, id) = strict().await;
        let device = &world.devices[0];
        let both = fields(&[("city", Value::text("Oslo")), ("name", Value::text("Steel"))]);
        device.engine.update("Account", id.as_str(), both).unwrap();
        let made = fields(&[("city", Value::text("Bern")), ("name", Value::text("New"))]);
        let made = device.engine.create("Account", made).unwrap().record;
        let kim = fields(&[
            ("name", Value::text("Kim")),
            ("account", crate::common::lookup(&made)),
        ]);
        device.engine.create("Contact", kim).unwrap();
        world.server().convert(with(2, without_city));
        let report = device.sync().await;
        assert_eq!(
            (report.applied, report.pending, report.newly_waiting.len()),
            (0, 3, 2)
        );
        let outbox = device.engine.outbox().unwrap();
        assert!(
            outbox[2]
                .reason
                .clone()
                .unwrap()
                .contains("has to be on the server before")
        );
        assert!(
            outbox[0]
                .reason
                .clone()
                .unwrap()
                .contains("no longer has a field")
        );
        assert_eq!(device.text("Account", &id, "name").as_deref(), Some("Steel"));
        if is_back {
            world
                .server()
                .convert(with(3, |account| rename(account, "city", "town")));
            world.office(&id, "town", "Rome");
            assert_eq!(device.sync().await.pending, 0);
            assert_eq!(world.on_server(&made, "town"), Value::text("Bern"));
            assert_eq!(device.open_entries(), vec![]);
            continue;
        }
        for entry in device.open_entries() {
            assert_eq!(entry.cause.as_ref().unwrap().class, CauseClass::Unsupported);
            let other = Decision::Without([name("name")].into());
            let split = device.engine.resolve(entry.id, &other);
            let of_create = entry.fields[0].base.is_null();
            assert_eq!(
                matches!(split, Err(EngineError::NotPossible(NotPossible::Whole(_)))),
                of_create,
                "{split:?}"
            );
            if of_create {
                let without = Decision::Without([name("city")].into());
                device.engine.resolve(entry.id, &without).unwrap();
                let entries = device.engine.log(&driftless_store::LogSelection::One(entry.id));
                assert_eq!(entries.unwrap()[0].kept[&name("city")], Value::text("Bern"));
            }
        }
        device.sync().await;
        assert_eq!(world.on_server(&made, "name"), Value::text("New"));
        let entry = the_entry(device);
        assert_eq!(entry.record.unwrap().1, id);
        assert_eq!(device.engine.outbox().unwrap().len(), 1, "the contact has gone");
    }
}

/// Nobody can know today what will be asked for tomorrow: a new record that lacks it is mended, not lost.
#[tokio::test]
async fn i01_a_new_record_that_lacks_what_is_required_now_is_told_and_mended() {
    let (world, _) = strict().await;
    let device = &world.devices[0];
    let [whole, lacking, given_later] = ["whole", "lacking", "later"].map(|title| {
        let mut given = fields(&[("name", Value::text(title))]);
        if title == "whole" {
            given.extend(fields(&[("city", Value::text("Oslo"))]));
        }
        device.engine.create("Account", given).unwrap().record
    });
    device.set(&given_later, "city", "Bern");
    let required = with(2, |account| {
        change(account, "city", |field| field.required = true);
        // What the server gives, or nobody may, is missing in no new record.
        for (title, server_made) in [("number", true), ("rank", false)] {
            account.add(FieldSchema {
                required: true,
                server_made,
                read_only: !server_made,
                ..FieldSchema::new(name(title), FieldKind::Bool)
            });
        }
    });
    world.server().convert(required);
    let report = device.sync().await;
    assert_eq!(
        (report.applied, report.pending, report.newly_waiting.len()),
        (3, 1, 1)
    );
    assert_eq!(world.on_server(&whole, "city"), Value::text("Oslo"));
    assert_eq!(world.on_server(&given_later, "city"), Value::text("Bern"));
    let entry = the_entry(device);
    let cause = entry.cause.clone().unwrap();
    assert_eq!(
        (cause.class, cause.field),
        (CauseClass::Validation, Some(name("city")))
    );
    let named: Vec<_> = entry.fields.iter().map(|case| case.field.as_str()).collect();
    assert_eq!(named, ["city"], "what is missing, and nothing else");
    let rome = fields(&[("city", Value::text("Rome"))]);
    device.engine.resolve(entry.id, &Decision::Set(rome)).unwrap();
    assert_eq!(device.sync().await.pending, 0);
    assert_eq!(world.on_server(&lacking, "city"), Value::text("Rome"));
}

/// A field that may not be emptied any more says so in one of two ways, and each is enough.
#[tokio::test]
async fn i01_a_field_that_may_not_be_emptied_any_more_is_told_before_it_is_sent() {
    for (required, nullable) in [(true, true), (false, false), (true, false), (false, true)] {
        let (world, id) = strict().await;
        let device = &world.devices[0];
        let emptied = fields(&[("city", Value::Null)]);
        device.engine.update("Account", id.as_str(), emptied).unwrap();
        world.server().convert(with(2, |account| {
            change(account, "city", |field| {
                (field.required, field.nullable) = (required, nullable);
            });
        }));
        device.sync().await;
        let may_be = nullable && !required;
        assert_eq!(
            device.open_entries().len(),
            usize::from(!may_be),
            "{required} {nullable}"
        );
        let there = if may_be { Value::Null } else { Value::text("Rome") };
        assert_eq!(world.on_server(&id, "city"), there);
    }
}

#[tokio::test]
async fn i01_a_value_that_a_field_takes_no_more_waits_for_it() {
    type Form = fn(&mut EntitySchema);
    let narrower: [(Form, CauseClass); 3] = [
        (
            |account| {
                change(account, "city", |field| {
                    field.kind = FieldKind::Text { max_chars: Some(3) }
                })
            },
            CauseClass::Validation,
        ),
        (
            |account| change(account, "city", |field| field.read_only = true),
            CauseClass::Unsupported,
        ),
        (
            |account| {
                let option = ChoiceOption {
                    code: "Rome".to_owned(),
                    number: None,
                    label: "Rome".to_owned(),
                };
                let options = vec![option];
                change(account, "city", |field| {
                    field.kind = FieldKind::Choice {
                        options: options.clone(),
                    };
                });
            },
            CauseClass::Validation,
        ),
    ];
    for (form, class) in narrower {
        let (world, id) = strict().await;
        let device = &world.devices[0];
        device.set(&id, "city", "Oslo");
        world.server().convert(with(2, form));
        assert_eq!(device.sync().await.pending, 1);
        let entry = the_entry(device);
        assert_eq!(entry.cause.unwrap().class, class);
        assert_eq!(entry.fields[0].mine, Value::text("Oslo"));
        let fits = device.engine.get("Account", id.as_str());
        assert!(fits.is_ok(), "the view stays readable");
        world.server().convert(with(3, |_| {}));
        assert_eq!(device.sync().await.pending, 0);
        assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"));
    }
}

/// A change that may be on the server already is not told of by names that it was not sent by.
#[tokio::test]
async fn i02_what_was_sent_under_an_older_schema_has_one_effect_and_goes_on_under_the_new_one() {
    for fault in [Fault::ReplyLost, Fault::RequestLost] {
        for reshape in [0, 1] {
            let (world, id) = strict().await;
            let device = &world.devices[0];
            let both = fields(&[("city", Value::text("17")), ("name", Value::text("Steel"))]);
            device.engine.update("Account", id.as_str(), both).unwrap();
            world.server().fail([fault]);
            world.server().go_away();
            device
                .engine
                .sync(&device.wire, crate::common::options())
                .await
                .ok();
            world.server().come_back();
            let next = with(2, |account| match reshape {
                0 => rename(account, "city", "town"),
                _ => whole(account),
            });
            world.server().convert(next);
            for _ in 0..3 {
                world.pass(400_000);
                device.sync().await;
            }
            let (field, value) = match reshape {
                0 => ("town", Value::text("17")),
                _ => ("city", Value::Int(17)),
            };
            assert_eq!(world.on_server(&id, field), value, "{fault:?}");
            assert_eq!(world.on_server(&id, "name"), Value::text("Steel"));
            assert_eq!(
                (device.pending().len(), device.open_entries()),
                (0, vec![]),
                "{fault:?}"
            );
            assert_eq!(world.server().effects().len(), 1, "{fault:?}");
        }
    }
}

/// What a person saw when he deleted a record goes by the names and kinds of today, though the delete was on its way when
/// they changed: what somebody else has written since is asked about, and what nobody has touched is no change.
#[tokio::test]
async fn l25_a_delete_that_was_lost_under_an_older_schema_is_judged_by_what_its_person_saw() {
    let renamed = with(2, |account| rename(account, "city", "town"));
    for (now, written) in [(renamed, true), (with(2, whole), false)] {
        let (world, id) = World::with_one_account(Capabilities {
            idempotency: Idempotency::ClientKey,
            ..able()
        })
        .await;
        let device = &world.devices[0];
        world.server().set_settings(Some(driftless_record::Settings {
            conflict: driftless_record::ConflictRule::Ask,
            ..Default::default()
        }));
        world.office(&id, "city", "17");
        device.sync().await;
        device.engine.delete("Account", id.as_str()).unwrap();
        world.server().fail([Fault::RequestLost]);
        let broken = TransportError::Protocol("not a record".to_owned());
        world.server().set_unreadable(&id, Some(broken));
        device.sync().await;
        assert_eq!(device.engine.status().unwrap().unknown, 1);
        world.server().set_unreadable(&id, None);
        world.server().convert(now);
        if written {
            world.office(&id, "town", "Oslo");
        }
        world.pass(400_000);
        device.sync().await;
        device.sync().await;
        assert_eq!(
            device.open_entries().len(),
            usize::from(written),
            "{:#?}",
            device.open_entries()
        );
        assert_eq!(world.server().record(&entity("Account"), &id).is_some(), written);
    }
}
