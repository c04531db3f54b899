//! What becomes of a delete whose record somebody else has changed meanwhile.

use std::sync::{Arc, Mutex};

use driftless_conflict::{CaseKind, Resolution};
use driftless_record::{ChangeAction, FieldSchema, RecordId, Side, Value};
use driftless_transport::Capabilities;

use crate::common::*;
use crate::policies::by;
use crate::sides::settings;
use crate::stuck::with;
use crate::wire::Wire;

/// Whether the server alone makes a field, and whether it may only be read.
const CLOSED: [(bool, bool); 4] = [(true, false), (false, true), (true, true), (false, false)];

/// A world of one account whose city only the server makes, or nobody may set.
async fn with_city(server_made: bool, read_only: bool) -> (World, RecordId) {
    let (world, id) = World::with_one_account(without_stamps()).await;
    world.server().set_schema(with("Account", |account| {
        let mut account = account.clone();
        account.add(FieldSchema {
            server_made,
            read_only,
            ..account.field("city").unwrap().clone()
        });
        Some(account)
    }));
    world.devices[0].sync().await;
    (world, id)
}

/// What the server reckons for itself is no work of anybody: a delete that gave way to it would never be carried out.
#[tokio::test]
async fn a_delete_is_contradicted_only_by_what_a_person_could_have_changed() {
    for (server_made, read_only) in CLOSED {
        let (world, id) = with_city(server_made, read_only).await;
        let device = &world.devices[0];
        device.engine.delete("Account", id.as_str()).unwrap();
        world.office(&id, "city", "Oslo");
        device.sync().await;
        let is_asked = !server_made && !read_only;
        assert_eq!(device.open_entries().len(), usize::from(is_asked));
        let is_there = world.server().record(&entity("Account"), &id).is_some();
        assert_eq!(is_there, is_asked, "{server_made} {read_only}");
    }
}

/// A record that is made again has all that it had, but for what the server would refuse to be given.
#[tokio::test]
async fn l33_a_record_that_is_made_again_carries_what_may_be_given() {
    for (server_made, read_only) in CLOSED {
        let (world, id) = with_city(server_made, read_only).await;
        world.server().set_settings(Some(settings(2)));
        let device = &world.devices[0];
        device.sync().await;
        device.set(&id, "name", "Mine");
        world.server().remove(&entity("Account"), &id);
        let wire = Wire::new(&world.backend);
        device.engine.sync(&wire, options()).await.unwrap();
        let sent = std::mem::take(&mut wire.rules.lock().unwrap().sent);
        let ChangeAction::Create(given) = &sent[0].sending.change.action else {
            panic!("{sent:?}");
        };
        assert_eq!(given[&name("name")], Value::text("Mine"));
        assert_eq!(given.contains_key(&name("city")), !server_made && !read_only);
        assert_eq!(device.pending(), vec![]);
    }
}

/// Which of a delete and a change came later is told to a policy with how far the clocks can be trusted.
#[tokio::test]
async fn l29_a_policy_about_a_delete_sees_when_both_sides_acted_and_how_sure_that_is() {
    let coarse = Capabilities {
        stamp_error: 1000,
        ..able()
    };
    let (mut world, id) = World::with_one_account(coarse).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tells = seen.clone();
    world.devices[0].start_with(by(move |case| {
        let apart = case.mine_at.zip(case.theirs_at);
        let apart = apart.map(|(mine, theirs)| mine.time.millis_since(theirs.time));
        tells.lock().unwrap().push((case.kind, apart, case.doubt));
        Resolution::keep(Side::Mine, "later")
    }));
    world.pass(10_000);
    world.office(&id, "city", "Oslo");
    world.pass(10_000);
    world.devices[0].engine.delete("Account", id.as_str()).unwrap();
    world.devices[0].sync().await;
    assert_eq!(
        *seen.lock().unwrap(),
        [(CaseKind::DeleteUpdate, Some(10_000), 1000)]
    );
    assert_eq!(world.server().record(&entity("Account"), &id), None);
}

/// What was set before a delete stays if the delete gives way: it goes before it.
#[tokio::test]
async fn l12_changes_before_a_delete_stay_where_the_delete_gives_way() {
    for (office, own) in [(false, false), (false, true), (true, false), (true, true)] {
        let (world, id) = World::with_one_account(without_stamps()).await;
        world.server().set_settings(Some(settings(1)));
        let device = &world.devices[0];
        device.sync().await;
        if own {
            device.set(&id, "city", "Mine");
        }
        device.engine.delete("Account", id.as_str()).unwrap();
        if office {
            world.office(&id, "name", "Theirs");
        }
        device.sync().await;
        assert_eq!(device.pending(), vec![]);
        let left = world.server().record(&entity("Account"), &id);
        let city = left.map(|left| left.record.value(&name("city")).clone());
        let kept = Value::text(if own { "Mine" } else { "Rome" });
        assert_eq!(city, office.then_some(kept), "{office} {own}");
    }
}

/// Whoever made a record here and deleted it again wants none of this key, though somebody else has made the very same
/// one meanwhile.
#[tokio::test]
async fn l12_a_record_that_was_made_and_deleted_here_goes_where_the_server_has_it() {
    let world = World::new(1, without_stamps(), 1);
    let device = &world.devices[0];
    device.sync().await;
    let id = RecordId::guid(uuid::Uuid::from_u128(7));
    let given = fields(&[
        ("id", Value::Guid(uuid::Uuid::from_u128(7))),
        ("name", Value::text("Pump")),
    ]);
    device.engine.create("Account", given.clone()).unwrap();
    device.engine.delete("Account", id.as_str()).unwrap();
    world.server().put(&entity("Account"), &id, given);
    device.sync().await;
    assert_eq!(device.pending(), vec![]);
    assert!(world.server().record(&entity("Account"), &id).is_none());
}
