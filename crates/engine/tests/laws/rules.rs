//! Who wins is chosen by data: the administrator's settings, per entity and field, and the app's rule for one change.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{World, entity, fields, name, without_stamps};
use driftless_conflict::{ConflictCase, ConflictPolicy, Resolution};
use driftless_engine::Edit;
use driftless_record::settings::EntityConflictRules;
use driftless_record::{ConflictRule, Fields, Handling, LogKind, RecordId, Settings, Side, Value};
use driftless_store::LogSelection;

fn under(rule: ConflictRule) -> Handling {
    Handling {
        conflict: Some(rule),
        ..Handling::default()
    }
}

fn update(id: &RecordId, fields: Fields) -> Edit {
    Edit::Update {
        entity: "Account".to_owned(),
        id: id.to_string(),
        fields,
    }
}

/// Changes a field on the device under a rule, and in the office.
fn contradict(world: &World, id: &RecordId, field: &str, rule: Option<ConflictRule>) {
    let change = fields(&[(field, Value::text("Mine"))]);
    let handling = rule.map(under).unwrap_or_default();
    world.devices[0]
        .engine
        .edit(&update(id, change), handling)
        .unwrap();
    world.office(id, field, "Theirs");
}

#[tokio::test]
async fn the_rule_of_one_change_comes_before_the_administrators_and_outlives_a_restart() {
    let (mut world, id) = World::with_one_account(without_stamps()).await;
    let office_rules = EntityConflictRules {
        rule: Some(ConflictRule::ServerWins),
        fields: [(name("city"), ConflictRule::Ask)].into(),
    };
    world.server().set_settings(Some(Settings {
        conflict_by_entity: [(entity("Account"), office_rules)].into(),
        ..Settings::default()
    }));
    for (rule, field, expected, waiting) in [
        (None, "name", "Theirs", 0),
        (Some(ConflictRule::ClientWins), "name", "Mine", 0),
        (Some(ConflictRule::ServerWins), "city", "Theirs", 0),
        (None, "city", "Theirs", 1),
    ] {
        world.office(&id, field, "Seen");
        world.devices[0].sync().await;
        contradict(&world, &id, field, rule);
        world.devices[0].restart();
        let report = world.devices[0].sync().await;
        assert_eq!(
            (world.on_server(&id, field), report.waiting.len()),
            (Value::text(expected), waiting),
            "{rule:?} {field}"
        );
    }
}

#[tokio::test]
async fn l14_changes_under_different_rules_are_never_merged() {
    // Merged into one, one of the two rules would have to decide on both fields.
    let (world, id) = World::with_one_account(without_stamps()).await;
    contradict(&world, &id, "name", Some(ConflictRule::ServerWins));
    contradict(&world, &id, "city", Some(ConflictRule::ClientWins));
    let device = &world.devices[0];
    assert_eq!(device.sync().await.pending, 0);
    assert_eq!(world.on_server(&id, "name"), Value::text("Theirs"));
    assert_eq!(world.on_server(&id, "city"), Value::text("Mine"));
    let log = device.engine.log(&LogSelection::Latest(9)).unwrap();
    let decided = log
        .iter()
        .filter(|entry| entry.kind == LogKind::Overwritten)
        .map(|entry| (entry.fields[0].winner, entry.fields.len()));
    assert_eq!(
        decided.collect::<Vec<_>>(),
        [(Some(Side::Theirs), 1), (Some(Side::Mine), 1)]
    );
}

#[tokio::test]
async fn l33_a_record_that_was_deleted_is_made_again_where_the_change_says_so() {
    let (world, id) = World::with_one_account(without_stamps()).await;
    let device = &world.devices[0];
    let change = fields(&[("city", Value::text("Mine"))]);
    device
        .engine
        .edit(&update(&id, change), under(ConflictRule::ClientWins))
        .unwrap();
    world.server().remove(&entity("Account"), &id);
    assert_eq!(device.sync().await.pending, 0);
    assert_eq!(world.on_server(&id, "city"), Value::text("Mine"));
    assert_eq!(world.on_server(&id, "name"), Value::text("Rome Steel"));
}

#[tokio::test]
async fn a_delete_has_a_rule_of_its_own_too() {
    let (world, id) = World::with_one_account(without_stamps()).await;
    let device = &world.devices[0];
    let delete = Edit::Delete {
        entity: "Account".to_owned(),
        id: id.to_string(),
    };
    device
        .engine
        .edit(&delete, under(ConflictRule::ServerWins))
        .unwrap();
    world.office(&id, "city", "Oslo");
    assert_eq!(device.sync().await.pending, 0);
    assert_eq!(device.text("Account", &id, "city").as_deref(), Some("Oslo"));
}

/// Counts what it is asked, and leaves it to a person.
struct Counts(AtomicUsize);

impl ConflictPolicy for Counts {
    fn resolve(&self, _case: &ConflictCase<'_>) -> Resolution {
        self.0.fetch_add(1, Ordering::Relaxed);
        Resolution::ask("counted")
    }
}

#[tokio::test]
async fn the_rule_of_one_change_comes_before_an_own_policy() {
    let (mut world, id) = World::with_one_account(without_stamps()).await;
    let counts = Arc::new(Counts(AtomicUsize::new(0)));
    world.devices[0].start_with(counts.clone());
    contradict(&world, &id, "city", Some(ConflictRule::ClientWins));
    assert_eq!(world.devices[0].sync().await.pending, 0);
    assert_eq!(counts.0.load(Ordering::Relaxed), 0);
    contradict(&world, &id, "name", None);
    assert_eq!(world.devices[0].sync().await.pending, 1);
    assert_eq!(counts.0.load(Ordering::Relaxed), 1);
}
