//! Partial accept: a field that the server forbids waits alone, and the rest of the change goes on.

use std::collections::{BTreeMap, BTreeSet};

use driftless_engine::{Decision, Edit, Outcome};
use driftless_record::{Applied, Handling, LogKind, OperationId, OperationState, RecordId, Settings, Value};
use proptest::prelude::*;

use crate::chance::{block, cases};
use crate::common::*;
use crate::watched::view_is_off;

/// What the administrator says of splitting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Allowed,
    /// Allowed, but name and city belong together.
    Tied,
    Forbidden,
}

fn settings(rule: Rule) -> Settings {
    let tied = BTreeSet::from([name("name"), name("city")]);
    let groups = BTreeMap::from([(entity("Account"), vec![tied])]);
    Settings {
        park_forbidden_field_alone: rule != Rule::Forbidden,
        field_groups: if rule == Rule::Tied {
            groups
        } else {
            BTreeMap::new()
        },
        ..Settings::default()
    }
}

/// A world with one account of the server, whose city nobody may change.
async fn world(rule: Rule) -> (World, RecordId) {
    let world = World::new(1, able(), 1);
    world.server().set_settings(Some(settings(rule)));
    let id = world.account(1, "Rome Steel");
    world.devices[0].sync().await;
    world.server().refuse(Some(no_cities));
    (world, id)
}

/// What a person does about the part that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Discard,
    /// The administrator grants the right.
    Retry,
}

proptest! {
    #![proptest_config(cases(64))]

    /// One field that is not his to set must not keep the rest of a person's work from the server; nor may it be lost,
    /// or be told as done. So it waits alone, and what it was a part of is called done when it is.
    #[test]
    fn l36_a_forbidden_field_waits_alone_where_that_is_allowed_and_both_parts_have_one_outcome(
        rule in prop_oneof![3 => Just(Rule::Allowed), 1 => Just(Rule::Tied), 1 => Just(Rule::Forbidden)],
        edits in prop::collection::vec((any::<bool>(), any::<bool>()), 1..4),
        way in prop_oneof![Just(Way::Discard), Just(Way::Retry)], later in any::<bool>(),
    ) {
        block(async {
            let (world, id) = world(rule).await;
            let device = &world.devices[0];
            let mut made: Vec<(OperationId, bool, bool)> = Vec::new();
            let (mut last_name, mut last_city) = ("Rome Steel".to_owned(), "Rome".to_owned());
            for (number, (with_name, with_city)) in edits.iter().enumerate() {
                let mut given = Vec::new();
                if *with_name {
                    last_name = format!("name {number}");
                    given.push(("name", Value::text(last_name.clone())));
                }
                if *with_city {
                    last_city = format!("city {number}");
                    given.push(("city", Value::text(last_city.clone())));
                }
                let written = device.engine.update("Account", id.as_str(), fields(&given)).unwrap();
                made.extend(written.operation.map(|operation| (operation, *with_name, *with_city)));
            }
            device.sync().await;
            device.sync().await;
            let has = |place: fn(&(OperationId, bool, bool)) -> bool| made.iter().any(place);
            let (has_name, has_city) = (has(|m| m.1), has(|m| m.2));
            let splits = rule == Rule::Allowed && has_name && has_city;
            prop_assert_eq!(view_is_off(device.store()), None);
            prop_assert_eq!(device.text("Account", &id, "city"), Some(last_city.clone()), "it is not lost");
            prop_assert_eq!(device.text("Account", &id, "name"), Some(last_name.clone()));
            let name_there = if splits || !has_city { last_name.as_str() } else { "Rome Steel" };
            prop_assert_eq!(world.on_server(&id, "name"), Value::text(name_there));
            prop_assert_eq!(world.on_server(&id, "city"), Value::text("Rome"));
            let entries = device.open_entries();
            prop_assert_eq!(entries.len(), usize::from(has_city));
            let outcome = |operation| device.engine.outcome(operation).unwrap();
            for (operation, _, with_city) in &made {
                let waits = *with_city || (has_city && !splits);
                let expected = if waits { Outcome::Parked(entries[0].id) } else { Outcome::Applied(Applied::Accepted) };
                prop_assert_eq!(outcome(*operation), expected);
            }
            let Some(entry) = entries.first() else { return Ok(()) };
            prop_assert_eq!(entry.kind, LogKind::Refused);
            let pending = device.pending();
            if splits {
                prop_assert_eq!(pending.len(), 1);
                let fields: Vec<_> = pending[0].kind.edits().unwrap().keys().cloned().collect();
                prop_assert_eq!(fields, vec![name("city")]);
                prop_assert_eq!(entry.fields[0].mine.clone(), Value::text(last_city.clone()));
            }
            if later && splits {
                // Another change of the record, before the part is settled, loses nothing either.
                let given = fields(&[("name", Value::text("Later"))]);
                let written = device.engine.update("Account", id.as_str(), given).unwrap();
                last_name = "Later".to_owned();
                device.sync().await;
                device.sync().await;
                prop_assert_eq!(world.on_server(&id, "name"), Value::text("Later"));
                let done = outcome(written.operation.unwrap());
                prop_assert_eq!(done, Outcome::Applied(Applied::Accepted), "no part of it waits");
                prop_assert_eq!(device.text("Account", &id, "city"), Some(last_city.clone()));
            }
            let open = device.open_entries().remove(0);
            match way {
                Way::Discard => device.engine.resolve(open.id, &Decision::Discard).unwrap(),
                Way::Retry => {
                    world.server().refuse(None);
                    device.engine.resolve(open.id, &Decision::Retry).unwrap()
                }
            };
            device.sync().await;
            prop_assert_eq!(device.pending(), vec![]);
            prop_assert_eq!(device.open_entries(), vec![]);
            let (name_there, city_there) = match (way, splits) {
                (Way::Retry, _) => (last_name, last_city),
                (Way::Discard, true) => (last_name, "Rome".to_owned()),
                (Way::Discard, false) => ("Rome Steel".to_owned(), "Rome".to_owned()),
            };
            for (field, value) in [("name", name_there), ("city", city_there)] {
                prop_assert_eq!(world.on_server(&id, field), Value::text(value.clone()));
                prop_assert_eq!(device.text("Account", &id, field), Some(value));
            }
            for (operation, with_name, with_city) in &made {
                let is_right = match (way, outcome(*operation)) {
                    (Way::Retry, Outcome::Applied(_)) => true,
                    (Way::Discard, Outcome::Applied(Applied::Merged)) => splits && *with_name && *with_city,
                    (Way::Discard, Outcome::Applied(Applied::Accepted)) => splits && !with_city,
                    (Way::Discard, Outcome::Reverted) => !splits || !with_name,
                    _ => false,
                };
                prop_assert!(is_right, "{:?} {:?}", (with_name, with_city), outcome(*operation));
            }
            Ok(())
        })?;
    }
}

/// A person's group is one deed, and a new record is what he gave: neither is cut, whatever the administrator allows.
#[tokio::test]
async fn l36_no_group_and_no_new_record_is_split() {
    let (world, id) = world(Rule::Allowed).await;
    let device = &world.devices[0];
    let both = fields(&[("name", Value::text("Iron")), ("city", Value::text("Oslo"))]);
    let update = Edit::Update {
        entity: "Account".to_owned(),
        id: id.as_str().to_owned(),
        fields: both.clone(),
    };
    let create = Edit::Create {
        entity: "Account".to_owned(),
        fields: both.clone(),
    };
    let grouped = device
        .engine
        .edit_together(&[update], Handling::default())
        .unwrap();
    let made = device.engine.edit(&create, Handling::default()).unwrap();
    device.sync().await;
    device.sync().await;
    assert_eq!(world.on_server(&id, "name"), Value::text("Rome Steel"));
    assert!(world.server().record(&entity("Account"), &made.record).is_none());
    for written in grouped.into_iter().chain([made]) {
        let operation = written.operation.unwrap();
        let stored = device
            .pending()
            .into_iter()
            .find(|known| known.id == operation)
            .unwrap();
        assert!(matches!(stored.state, OperationState::Refused(_)), "{stored:?}");
        let edits = stored.kind.edits().unwrap();
        assert!(
            ["name", "city"]
                .iter()
                .all(|field| edits.contains_key(&name(field))),
            "{edits:?}"
        );
    }
}

/// However often a person goes on with the record, what he gave first is not done before its last part is.
#[tokio::test]
async fn l36_a_part_that_is_split_off_again_and_again_is_never_called_done() {
    let (world, id) = world(Rule::Allowed).await;
    let device = &world.devices[0];
    let both = fields(&[("name", Value::text("Iron")), ("city", Value::text("Oslo"))]);
    let first = device.engine.update("Account", id.as_str(), both).unwrap();
    let first = first.operation.unwrap();
    for number in 0..20 {
        device.sync().await;
        device.sync().await;
        let entry = device.open_entries().remove(0);
        assert_eq!(device.engine.outcome(first).unwrap(), Outcome::Parked(entry.id));
        device.set(&id, "name", &format!("Iron {number}"));
    }
    world.server().refuse(None);
    device.sync().await;
    assert_eq!(device.pending(), vec![]);
    let done = device.engine.outcome(first).unwrap();
    assert!(matches!(done, Outcome::Applied(_)), "{done:?}");
    assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"));
    assert_eq!(world.on_server(&id, "name"), Value::text("Iron 19"));
}
