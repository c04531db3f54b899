//! What a person decides about entries of the log, and what cannot be decided now.

use crate::common::{World, able, entity, fields, name, without_stamps};
use crate::groups::update;
use crate::main_job::no_nameless;
use crate::sides::settings;
use driftless_engine::{Decision, Edit, EngineError, NotPossible};
use driftless_record::settings::EntityConflictRules;
use driftless_record::{
    Cause, CauseClass, Change, ChangeAction, ConflictRule, Handling, LogKind, Settings, Side, Value,
};
use driftless_store::LogSelection;

fn set(given: &[(&str, &str)]) -> Decision {
    let given: Vec<_> = given
        .iter()
        .map(|(field, value)| (*field, Value::text(*value)))
        .collect();
    Decision::Set(fields(&given))
}

#[tokio::test]
async fn setting_other_fields_leaves_no_conflict_decided_in_silence() {
    let (world, id) = World::with_two_conflicts().await;
    let device = &world.devices[0];
    let entry = device.open_entries().remove(0).id;
    for (given, left) in [
        (set(&[("status", "open")]), vec!["city", "name"]),
        (set(&[("city", "Oslo")]), vec!["name"]),
    ] {
        let given = match given {
            Decision::Set(fields) if fields.contains_key(&name("status")) => {
                Decision::Set([(name("status"), Value::Choice("open".to_owned()))].into())
            }
            other => other,
        };
        for refused in [
            device.engine.resolve(entry, &given),
            device.engine.resolve_preview(entry, &given),
        ] {
            let Err(EngineError::NotPossible(NotPossible::Undecided(fields))) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!(fields, left.iter().map(|field| name(field)).collect::<Vec<_>>());
        }
        assert_eq!(device.open_entries().len(), 1);
    }
    let all = set(&[("city", "Oslo"), ("name", "Theirs")]);
    device.engine.resolve(entry, &all).unwrap();
    assert_eq!(device.sync().await.pending, 0);
    assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"));
    assert_eq!(world.on_server(&id, "name"), Value::text("Theirs"));
}

#[tokio::test]
async fn what_the_rules_gave_to_the_server_is_not_taken_back_by_deciding_the_rest() {
    for decision in [Decision::Mine, set(&[("city", "Mine")])] {
        let (world, id) = World::with_one_account(able()).await;
        let rules = EntityConflictRules {
            rule: Some(ConflictRule::Ask),
            fields: [(name("name"), ConflictRule::ServerWins)].into(),
        };
        world.server().set_settings(Some(Settings {
            conflict_by_entity: [(entity("Account"), rules)].into(),
            ..Settings::default()
        }));
        let device = &world.devices[0];
        for field in ["name", "city"] {
            device.set(&id, field, "Mine");
            world.office(&id, field, "Theirs");
        }
        device.sync().await;
        let entry = device.open_entries().remove(0);
        let winners: Vec<_> = entry.fields.iter().map(|case| case.winner).collect();
        assert_eq!(winners, [None, Some(Side::Theirs)]);
        device.engine.resolve(entry.id, &decision).unwrap();
        assert_eq!(device.sync().await.pending, 0);
        assert_eq!(world.on_server(&id, "city"), Value::text("Mine"), "{decision:?}");
        assert_eq!(
            world.on_server(&id, "name"),
            Value::text("Theirs"),
            "{decision:?}"
        );
        assert_eq!(device.text("Account", &id, "name").as_deref(), Some("Theirs"));
    }
}

#[tokio::test]
async fn what_is_not_possible_says_why_and_what_to_do() {
    let (world, id) = World::with_two_conflicts().await;
    let device = &world.devices[0];
    let entry = device.open_entries().remove(0);
    device.engine.resolve(entry.id, &Decision::Theirs).unwrap();
    let again = device.engine.resolve(entry.id, &Decision::Mine);
    let Err(EngineError::NotPossible(reason)) = again else {
        panic!("{again:?}");
    };
    assert_eq!(reason, NotPossible::Settled(entry.id));
    assert_eq!(
        (reason.to_string(), reason.hint()),
        (
            "entry 1 is settled already".to_owned(),
            "look at the entries of the log that are open".to_owned()
        )
    );
    device.sync().await;
    let ended = device.engine.undo(entry.operations[0]);
    assert!(
        matches!(
            &ended,
            Err(EngineError::NotPossible(NotPossible::Ended {
                state: "superseded",
                ..
            }))
        ),
        "{ended:?}"
    );
    assert_eq!(device.text("Account", &id, "city").as_deref(), Some("Theirs"));
}

#[tokio::test]
async fn l32_my_delete_of_a_record_that_is_gone_meanwhile_makes_no_new_one() {
    // A delete that waits for a person says nothing of values: taking its side once the record is gone must not make
    // a record out of its key alone.
    let (world, id) = World::with_one_account(without_stamps()).await;
    let device = &world.devices[0];
    device.engine.delete("Account", id.as_str()).unwrap();
    world.office(&id, "city", "Oslo");
    device.sync().await;
    let entry = device.open_entries().remove(0).id;
    world.server().remove(&entity("Account"), &id);
    device.sync().await;
    device.engine.resolve(entry, &Decision::Mine).unwrap();
    assert_eq!(device.sync().await.pending, 0);
    assert_eq!(world.server().effects(), []);
    assert!(device.engine.get("Account", id.as_str()).is_err());
}

/// An edit of a field that is in conflict does not wait behind the decision to overwrite it afterwards: it joins the
/// conflict, so that a person decides about the value that they see, and nothing else is sent.
#[tokio::test]
async fn l29_an_edit_of_a_field_in_conflict_joins_the_conflict_and_overwrites_nobody_in_silence() {
    for (decision, expected) in [
        (Decision::Mine, "Mine again"),
        (Decision::Theirs, "Theirs"),
        (set(&[("name", "Both"), ("city", "Both")]), "Both"),
    ] {
        let (world, id) = World::with_two_conflicts().await;
        let device = &world.devices[0];
        let before = device.open_entries().remove(0);
        for field in ["name", "city"] {
            device.set(&id, field, "Mine again");
        }
        let entry = device.open_entries().remove(0);
        assert_eq!(entry.operations.len(), before.operations.len() + 2);
        for case in &entry.fields {
            assert_eq!(case.mine, Value::text("Mine again"));
        }
        let report = device.sync().await;
        assert_eq!(
            (report.pending, report.waiting.len()),
            (4, 1),
            "nothing goes before it is decided"
        );
        device.engine.resolve(entry.id, &decision).unwrap();
        for field in ["name", "city"] {
            assert_eq!(device.text("Account", &id, field).as_deref(), Some(expected));
        }
        let report = device.sync().await;
        assert_eq!((report.pending, report.waiting.len()), (0, 0));
        for field in ["name", "city"] {
            assert_eq!(world.on_server(&id, field), Value::text(expected), "{decision:?}");
        }
    }
}

/// The schema may change between two edits of a field, and the later one may go by another rule: it joins the conflict
/// all the same.
#[tokio::test]
async fn l29_an_edit_under_a_newer_schema_or_another_rule_joins_the_conflict() {
    let (world, id) = World::with_two_conflicts().await;
    let device = &world.devices[0];
    let mut newer = crate::common::schema();
    newer.version = "2".to_owned();
    world.server().convert(std::sync::Arc::new(newer));
    device.sync().await;
    let wins = Handling {
        conflict: Some(ConflictRule::ClientWins),
        ..Default::default()
    };
    for (field, handling) in [("name", Handling::default()), ("city", wins)] {
        let edit = Edit::Update {
            entity: "Account".to_owned(),
            id: id.as_str().to_owned(),
            fields: fields(&[(field, Value::text("Mine again"))]),
        };
        device.engine.edit(&edit, handling).unwrap();
    }
    let entry = device.open_entries().remove(0);
    for case in &entry.fields {
        assert_eq!(case.mine, Value::text("Mine again"));
    }
    device.engine.resolve(entry.id, &Decision::Theirs).unwrap();
    assert_eq!(device.sync().await.pending, 0);
    for field in ["name", "city"] {
        assert_eq!(world.on_server(&id, field), Value::text("Theirs"));
    }
}

/// The other side may go on while a person thinks: the entry shows what the server has now, so that nobody takes a value
/// that was never shown.
#[tokio::test]
async fn l31_an_open_conflict_shows_what_the_server_has_now() {
    let (world, id) = World::with_two_conflicts().await;
    let device = &world.devices[0];
    world.office(&id, "city", "Theirs again");
    device.sync().await;
    let entry = device.open_entries().remove(0);
    let theirs = |field: &str| {
        let case = entry.fields.iter().find(|case| case.field == name(field));
        case.map(|case| case.theirs.clone())
    };
    assert_eq!(theirs("city"), Some(Value::text("Theirs again")));
    assert_eq!(theirs("name"), Some(Value::text("Theirs")));
    device.engine.resolve(entry.id, &Decision::Theirs).unwrap();
    assert_eq!(
        device.text("Account", &id, "city").as_deref(),
        Some("Theirs again")
    );
}

/// Whoever mends the one value that was refused has seen nothing of what somebody else did to another field meanwhile:
/// both sides of that are weighed as ever.
#[tokio::test]
async fn l38_mending_a_refused_change_overwrites_nothing_that_was_not_shown() {
    for decision in [set(&[("name", "good")]), Decision::Retry, Decision::Mine] {
        let (world, id) = World::with_one_account(without_stamps()).await;
        let device = &world.devices[0];
        world.server().refuse(Some(no_nameless));
        let mine = fields(&[("name", Value::text("bad")), ("city", Value::text("Oslo"))]);
        device.engine.update("Account", id.as_str(), mine).unwrap();
        device.sync().await;
        world.office(&id, "city", "Bern");
        device.sync().await;
        world.server().refuse(None);
        let entry = device.open_entries().remove(0).id;
        device.engine.resolve(entry, &decision).unwrap();
        device.sync().await;
        assert_eq!(world.on_server(&id, "city"), Value::text("Bern"), "{decision:?}");
        let entries = device.open_entries();
        assert_eq!(entries.len(), 1, "{decision:?}");
        let case = entries[0].fields.iter().find(|case| case.field == name("city"));
        assert_eq!(case.unwrap().theirs, Value::text("Bern"));
    }
}

/// Whoever lets his delete win has seen the record as the entry shows it: what was changed after that is shown first.
#[tokio::test]
async fn l31_a_delete_wins_only_over_what_was_shown() {
    let (world, id) = World::with_one_account(without_stamps()).await;
    let device = &world.devices[0];
    world.server().set_settings(Some(settings(3)));
    device.sync().await;
    device.engine.delete("Account", id.as_str()).unwrap();
    for city in ["Oslo", "Bern"] {
        world.office(&id, "city", city);
        device.sync().await;
        let entry = device.open_entries().remove(0);
        assert_eq!(entry.kept[&name("city")], Value::text(city), "what is shown");
    }
    world.office(&id, "city", "Paris");
    let entry = device.open_entries().remove(0).id;
    device.engine.resolve(entry, &Decision::Mine).unwrap();
    device.sync().await;
    let entry = device.open_entries().remove(0);
    assert_eq!(entry.kept[&name("city")], Value::text("Paris"));
    device.engine.resolve(entry.id, &Decision::Mine).unwrap();
    assert_eq!(device.sync().await.pending, 0);
    assert!(world.server().record(&entity("Account"), &id).is_none());
}

/// A record that comes back while a person is asked about its deletion may come back with other values.
#[tokio::test]
async fn l31_a_record_that_came_back_is_compared_anew() {
    let (world, id) = World::with_one_account(without_stamps()).await;
    let device = &world.devices[0];
    world.server().set_settings(Some(settings(3)));
    device.sync().await;
    let before = world
        .server()
        .record(&entity("Account"), &id)
        .unwrap()
        .record
        .fields;
    device.set(&id, "city", "Mine");
    world.server().remove(&entity("Account"), &id);
    device.sync().await;
    let entry = device.open_entries().remove(0).id;
    let mut back = before;
    back.insert(name("city"), Value::text("Theirs"));
    world.server().put(&entity("Account"), &id, back);
    device.sync().await;
    device.engine.resolve(entry, &Decision::Mine).unwrap();
    device.sync().await;
    assert_eq!(world.on_server(&id, "city"), Value::text("Theirs"));
    let entries = device.open_entries();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].fields[0].theirs, Value::text("Theirs"));
}

fn no_deletes(change: &Change) -> Option<Cause> {
    matches!(change.action, ChangeAction::Delete).then(|| Cause {
        class: CauseClass::Permission,
        field: None,
        other: None,
        code: "403".to_owned(),
        text: "not yours".to_owned(),
    })
}

/// Whoever lets a refused delete go again has not seen what others did to the record meanwhile.
#[tokio::test]
async fn l38_a_refused_delete_that_goes_again_is_compared_with_what_is_there() {
    for decision in [Decision::Mine, Decision::Retry] {
        let (world, id) = World::with_one_account(without_stamps()).await;
        let device = &world.devices[0];
        world.server().set_settings(Some(settings(3)));
        world.server().refuse(Some(no_deletes));
        device.sync().await;
        device.engine.delete("Account", id.as_str()).unwrap();
        device.sync().await;
        world.office(&id, "city", "Oslo");
        device.sync().await;
        world.server().refuse(None);
        let entry = device.open_entries().remove(0).id;
        device.engine.resolve(entry, &decision).unwrap();
        device.sync().await;
        assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"), "{decision:?}");
        assert_eq!(device.open_entries()[0].kind, LogKind::Conflict);
    }
}

/// What was to be changed before a delete in one change set is not lost without a word when the person lets both give
/// way.
#[tokio::test]
async fn l31_changes_that_give_way_with_a_delete_stay_in_the_entry() {
    let (world, id) = World::with_one_account(without_stamps()).await;
    let device = &world.devices[0];
    world.server().set_settings(Some(settings(3)));
    device.sync().await;
    let delete = Edit::Delete {
        entity: "Account".to_owned(),
        id: id.as_str().to_owned(),
    };
    let edits = [update(&id, "city", "Mine"), delete];
    device.engine.edit_together(&edits, Handling::default()).unwrap();
    world.office(&id, "name", "Theirs");
    device.sync().await;
    let entry = device.open_entries().remove(0);
    assert_eq!(entry.kept[&name("name")], Value::text("Theirs"));
    device.engine.resolve(entry.id, &Decision::Theirs).unwrap();
    assert_eq!(device.pending(), vec![]);
    let told = device.engine.log(&LogSelection::One(entry.id)).unwrap();
    assert_eq!(told[0].kept, fields(&[("city", Value::text("Mine"))]));
}
