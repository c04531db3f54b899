//! What cannot be sent is shown with its reason, blocks only what needs it, and goes on by itself once it can.

use std::sync::Arc;

use crate::common::{World, able, entity, fields, lookup, name, schema};
use driftless_engine::{Decision, EngineError, NotPossible, Outcome};
use driftless_record::{
    Applied, Cause, CauseClass, EntitySchema, FieldKind, FieldSchema, LogKind, OperationState, RecordId,
    Schema, Value,
};
use driftless_store::LogSelection;
use driftless_testkit::backend::{Fault, Revisions};
use driftless_transport::TransportError;

/// The usual schema with one entity changed, or without it.
pub(crate) fn with(of: &str, change: impl Fn(&EntitySchema) -> Option<EntitySchema>) -> Arc<Schema> {
    let known = schema();
    let mut changed = Schema {
        version: "2".to_owned(),
        ..Schema::default()
    };
    for entity in known.entities.values() {
        match entity.name.as_str() == of {
            true => change(entity).into_iter().for_each(|entity| changed.add(entity)),
            false => changed.add((**entity).clone()),
        }
    }
    Arc::new(changed)
}

fn kim(of: &RecordId) -> driftless_record::Fields {
    fields(&[("name", Value::text("Kim")), ("account", lookup(of))])
}

/// A synced world with an account and a contact on the server, and edits of both waiting on the device.
async fn with_edits() -> (World, RecordId, RecordId) {
    let (world, account) = World::with_one_account(able()).await;
    let device = &world.devices[0];
    let contact = device.engine.create("Contact", kim(&account)).unwrap().record;
    device.engine.create("Contact", kim(&account)).unwrap();
    device.sync().await;
    let lee = fields(&[("name", Value::text("Lee"))]);
    device.engine.update("Contact", contact.as_str(), lee).unwrap();
    device
        .engine
        .update("Contact", contact.as_str(), fields(&[("account", Value::Null)]))
        .unwrap();
    device.set(&account, "city", "Oslo");
    (world, account, contact)
}

#[tokio::test]
async fn l02_edits_of_an_entity_that_left_are_shown_and_go_on_when_it_comes_back() {
    let (world, account, contact) = with_edits().await;
    let device = &world.devices[0];
    world.server().set_schema(with("Contact", |_| None));
    let report = device.sync().await;
    assert_eq!(
        (
            report.applied,
            report.pending,
            report.newly_waiting.len(),
            report.decided
        ),
        (1, 2, 1, 1)
    );
    assert_eq!(
        world.on_server(&account, "city"),
        Value::text("Oslo"),
        "others flow on"
    );
    let entry = device.open_entries().remove(0);
    assert_eq!(
        (entry.kind, entry.operations.len(), entry.title),
        (LogKind::Refused, 2, contact.to_string())
    );
    for item in device.engine.outbox().unwrap() {
        assert!(item.reason.unwrap().contains("no longer has this kind of record"));
    }
    assert!(!device.engine.status().unwrap().in_sync);
    assert_eq!(device.sync().await.log.len(), 0, "it is told once");
    let again = device.engine.resolve(entry.id, &Decision::Retry);
    assert!(
        matches!(&again, Err(EngineError::NotPossible(NotPossible::NoEntity(name))) if name.as_str() == "Contact")
    );
    world.server().set_schema(Arc::new(schema()));
    let report = device.sync().await;
    assert_eq!(
        (report.applied, report.pending, device.open_entries().len()),
        (2, 0, 0)
    );
    let record = world
        .server()
        .record(&entity("Contact"), &contact)
        .unwrap()
        .record;
    assert_eq!(record.value(&name("name")), &Value::text("Lee"));
    assert_eq!(device.text("Contact", &contact, "name").as_deref(), Some("Lee"));
    let all = driftless_record::Query::all(entity("Contact"));
    assert_eq!(
        device.engine.count(&all).unwrap(),
        2,
        "everything of the entity is here again"
    );
}

#[tokio::test]
async fn l37_edits_of_an_entity_that_left_can_be_discarded_and_leave_nothing_behind() {
    for came_back in [false, true] {
        let (world, _, contact) = with_edits().await;
        let device = &world.devices[0];
        world.server().set_schema(with("Contact", |_| None));
        device.sync().await;
        let entry = device.open_entries().remove(0);
        device.engine.resolve(entry.id, &Decision::Discard).unwrap();
        assert_eq!(device.engine.outbox().unwrap(), vec![]);
        assert!(device.engine.status().unwrap().in_sync);
        if came_back {
            world.server().set_schema(Arc::new(schema()));
            device.sync().await;
            assert_eq!(device.text("Contact", &contact, "name").as_deref(), Some("Kim"));
        }
        assert_eq!(device.sync().await.pending, 0);
    }
}

#[tokio::test]
async fn an_unknown_outcome_of_an_entity_that_left_is_shown_and_has_one_effect_in_the_end() {
    let (world, _, contact) = with_edits().await;
    let device = &world.devices[0];
    world.server().fail([Fault::ReplyCut(0)]);
    device.sync().await;
    world.server().set_schema(with("Contact", |_| None));
    device.sync().await;
    world.server().set_schema(Arc::new(schema()));
    device.sync().await;
    assert_eq!(
        (device.engine.outbox().unwrap(), device.open_entries()),
        (vec![], vec![])
    );
    let record = world
        .server()
        .record(&entity("Contact"), &contact)
        .unwrap()
        .record;
    assert_eq!(record.value(&name("name")), &Value::text("Lee"));
}

#[tokio::test]
async fn l38_edits_that_an_entity_no_longer_takes_go_when_it_takes_them_again() {
    let (world, account, contact) = with_edits().await;
    let device = &world.devices[0];
    let frozen = with("Contact", |entity| {
        let mut entity = entity.clone();
        entity.access.update = false;
        entity.access.create = false;
        Some(entity)
    });
    let made = device.engine.create("Contact", kim(&account)).unwrap();
    world.server().set_schema(frozen);
    let report = device.sync().await;
    assert_eq!(
        (report.applied, report.pending, report.newly_waiting.len()),
        (1, 3, 2)
    );
    assert_eq!(
        world.server().effects().len(),
        3,
        "nothing was sent that the schema rules out"
    );
    for item in device.engine.outbox().unwrap() {
        assert!(matches!(item.operation.state, OperationState::Refused(_)));
        assert!(item.reason.unwrap().contains("records of this kind"));
    }
    world.server().set_schema(Arc::new(schema()));
    assert_eq!(device.sync().await.pending, 0);
    assert_eq!(device.open_entries(), vec![]);
    assert!(world.server().record(&entity("Contact"), &made.record).is_some());
    assert!(world.server().record(&entity("Contact"), &contact).is_some());
}

#[tokio::test]
async fn a_record_whose_revision_is_never_told_is_shown_and_goes_on_once_it_is() {
    let world = World::new(1, able(), 1);
    world.server().set_revisions(Revisions::Hidden);
    let (id, gone) = (world.account(1, "Rome Steel"), world.account(2, "Gone"));
    let device = &world.devices[0];
    device.sync().await;
    device.set(&id, "city", "Oslo");
    device.engine.delete("Account", gone.as_str()).unwrap();
    let made = fields(&[("name", Value::text("Made"))]);
    let made = device.engine.create("Account", made).unwrap();
    let report = device.sync().await;
    assert_eq!(
        (report.applied, report.pending, report.newly_waiting.len()),
        (1, 2, 2)
    );
    assert_eq!(
        device.engine.outcome(made.operation.unwrap()).unwrap(),
        Outcome::Applied(Applied::Accepted)
    );
    for item in device.engine.outbox().unwrap() {
        assert!(
            item.reason
                .unwrap()
                .contains("does not tell this record's revision")
        );
    }
    assert_eq!(
        world.on_server(&id, "city"),
        Value::text("Rome"),
        "nothing goes without a condition"
    );
    assert_eq!(device.sync().await.log.len(), 0, "it is told once");
    world.server().set_revisions(Revisions::Told);
    world.office(&id, "name", "Roma Steel");
    world.office(&gone, "name", "Gone");
    let report = device.sync().await;
    assert_eq!((report.applied, report.pending), (2, 0));
    assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"));
}

/// A list may tell less than the record itself: nobody is asked before that was read.
#[tokio::test]
async fn a_revision_that_was_not_told_with_the_list_is_read_with_the_record() {
    let world = World::new(1, able(), 1);
    world.server().set_revisions(Revisions::Hidden);
    let id = world.account(1, "Rome Steel");
    let device = &world.devices[0];
    device.sync().await;
    world.server().set_revisions(Revisions::Told);
    device.set(&id, "city", "Oslo");
    let report = device.sync().await;
    assert_eq!((report.applied, report.pending), (1, 0));
    assert_eq!(device.engine.log(&LogSelection::Latest(9)).unwrap(), vec![]);
    assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_before_it_is_changed_is_shown_and_holds_up_nothing() {
    let forbidden = Cause {
        class: CauseClass::Permission,
        field: None,
        other: None,
        code: "403".to_owned(),
        text: "not yours".to_owned(),
    };
    let lost = TransportError::Lost {
        host: "memory".to_owned(),
        detail: "status 500".to_owned(),
    };
    for (error, at_once) in [
        (TransportError::Refused(forbidden), true),
        (lost, false),
        (TransportError::Protocol("no record".to_owned()), false),
    ] {
        let blind = driftless_transport::Capabilities {
            compare_and_set: driftless_transport::CompareAndSet::None,
            ..able()
        };
        let (world, id) = World::with_one_account(blind).await;
        let other = world.account(2, "Other");
        let device = &world.devices[0];
        device.sync().await;
        world.server().set_unreadable(&id, Some(error.clone()));
        device.set(&id, "city", "Oslo");
        device.set(&other, "city", "Bern");
        let report = device.sync().await;
        assert_eq!((report.applied, report.pending), (1, 1), "{error}");
        assert!(report.interrupted.is_none(), "{error}");
        assert_eq!(report.newly_waiting.len(), usize::from(at_once), "{error}");
        for _ in 0..20 {
            world.pass(400_000);
            device.sync().await;
        }
        let entry = device.open_entries().remove(0);
        assert!(entry.reason.contains("cannot be read"), "{error}");
        world.server().set_unreadable(&id, None);
        device.engine.resolve(entry.id, &Decision::Retry).unwrap();
        assert_eq!(device.sync().await.pending, 0, "{error}");
        assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"), "{error}");
    }
}

#[tokio::test]
async fn a_field_that_the_schema_gains_gets_its_values_although_no_record_changed() {
    let (world, id) = World::with_one_account(able()).await;
    let device = &world.devices[0];
    device.sync().await;
    world.office(&id, "name", "Roma Steel");
    let grown = with("Account", |entity| {
        let mut entity = entity.clone();
        entity.add(FieldSchema::new(
            name("phone"),
            FieldKind::Text { max_chars: None },
        ));
        Some(entity)
    });
    world.office(&id, "phone", "123");
    device.sync().await;
    world.server().set_schema(grown);
    let report = device.sync().await;
    assert_eq!(report.received(), 1);
    assert_eq!(device.text("Account", &id, "phone").as_deref(), Some("123"));
    assert_eq!(device.sync().await.received(), 0, "read anew once");
}
