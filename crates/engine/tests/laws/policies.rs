//! An app's own policy: what it decides is carried out, and whatever it does, nothing is lost and nothing stands still.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use crate::common::{World, able, entity, name, without_stamps};
use driftless_conflict::{CaseKind, ConflictCase, ConflictPolicy, Pick, Resolution};
use driftless_engine::{OutboxItem, SyncOptions};
use driftless_record::{LogKind, OperationState, RecordId, Side, Value};
use driftless_store::LogSelection;
use driftless_testkit::host::TestClock;

/// A policy made of a function, which counts the cases.
pub(crate) struct By<F>(F, AtomicUsize);

impl<F: Fn(&ConflictCase<'_>) -> Resolution + Send + Sync> ConflictPolicy for By<F> {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        self.1.fetch_add(1, Ordering::Relaxed);
        (self.0)(case)
    }
}

pub(crate) fn by<F: Fn(&ConflictCase<'_>) -> Resolution + Send + Sync>(decide: F) -> Arc<By<F>> {
    Arc::new(By(decide, AtomicUsize::new(0)))
}

/// Puts both values into one text.
fn both(case: &ConflictCase<'_>) -> Resolution {
    let made = case.fields.iter().map(|field| {
        let both = Value::text(format!("{}+{}", field.mine, field.theirs));
        (field.field.clone(), Pick::Made(both))
    });
    Resolution::fields(made, "both are kept")
}

/// A world of one device under a policy, with two accounts of the server.
async fn under(policy: Arc<dyn ConflictPolicy>) -> (World, [RecordId; 2]) {
    let mut world = World::new(1, without_stamps(), 1);
    let ids = [world.account(1, "Rome Steel"), world.account(2, "Oslo Wood")];
    world.devices[0].sync().await;
    world.devices[0].start_with(policy);
    (world, ids)
}

/// Lets device and office set a field of a record to different values.
fn contradict(world: &World, id: &RecordId, field: &str) {
    world.devices[0].set(id, field, "Mine");
    world.office(id, field, "Theirs");
}

#[tokio::test]
async fn what_an_own_policy_decides_is_sent_and_told() {
    let (world, [id, other]) = under(by(both)).await;
    contradict(&world, &id, "city");
    world.devices[0].set(&id, "name", "Rome Iron");
    contradict(&world, &other, "name");
    let report = world.devices[0].sync().await;
    assert_eq!((report.pending, report.waiting.len()), (0, 0));
    for place in ["city", "name"] {
        let of = if place == "city" { &id } else { &other };
        assert_eq!(world.on_server(of, place), Value::text("Mine+Theirs"));
        assert_eq!(
            world.devices[0].text("Account", of, place).as_deref(),
            Some("Mine+Theirs")
        );
    }
    assert_eq!(world.on_server(&id, "name"), Value::text("Rome Iron"));
    let log = world.devices[0].engine.log(&LogSelection::Latest(9)).unwrap();
    let told = log
        .iter()
        .find(|entry| entry.kind == LogKind::Overwritten)
        .unwrap();
    let case = &told.fields[0];
    assert_eq!(told.reason, "both are kept");
    assert_eq!(case.made, Some(Value::text("Mine+Theirs")));
    assert_eq!(
        (&case.mine, &case.theirs, case.winner),
        (&Value::text("Mine"), &Value::text("Theirs"), Some(Side::Mine))
    );
}

#[tokio::test]
async fn l25_a_policy_is_not_asked_where_nothing_contradicts() {
    let policy = by(|_| Resolution::keep(Side::Theirs, "never"));
    let (world, [id, other]) = under(policy.clone()).await;
    world.devices[0].set(&id, "city", "Oslo");
    world.office(&id, "name", "Rome Iron");
    world.devices[0].set(&other, "city", "Same");
    world.office(&other, "city", "Same");
    assert_eq!(world.devices[0].sync().await.pending, 0);
    assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"));
    assert_eq!(world.on_server(&id, "name"), Value::text("Rome Iron"));
    assert_eq!(policy.1.load(Ordering::Relaxed), 0);
}

/// Holds that a conflict waits for a person with this reason and the user's value in view, and that another change went.
async fn waits(world: &World, (id, other): (&RecordId, &RecordId), reason: &str) {
    let device = &world.devices[0];
    device.set(other, "city", "Bergen");
    device.sync().await;
    let entries = device.open_entries();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert!(entries[0].reason.contains(reason), "{}", entries[0].reason);
    assert_eq!(device.text("Account", id, "city").as_deref(), Some("Mine"));
    assert_eq!(world.on_server(other, "city"), Value::text("Bergen"));
    let outbox = device.engine.outbox().unwrap();
    let is_parked = |item: &OutboxItem| matches!(item.operation.state, OperationState::Conflict(_));
    assert!(!outbox.is_empty() && outbox.iter().all(is_parked), "{outbox:?}");
}

#[tokio::test]
async fn a_policy_that_panics_costs_one_case_its_answer() {
    let policy = by(|case| {
        assert!(case.fields[0].field.as_str() != "city", "this policy is broken");
        both(case)
    });
    let (world, [id, other]) = under(policy).await;
    contradict(&world, &id, "city");
    waits(&world, (&id, &other), "policy failed on this record").await;
    // It is asked again about the next case.
    contradict(&world, &other, "name");
    world.devices[0].sync().await;
    assert_eq!(world.on_server(&other, "name"), Value::text("Mine+Theirs"));
}

/// Hangs until its channel is closed.
struct Hangs(Mutex<Receiver<()>>, AtomicUsize);

impl ConflictPolicy for Hangs {
    fn resolve(&self, _case: &ConflictCase<'_>) -> Resolution {
        self.1.fetch_add(1, Ordering::Relaxed);
        let _ = self.0.lock().unwrap().recv();
        Resolution::keep(Side::Theirs, "too late")
    }
}

#[tokio::test]
async fn a_policy_that_hangs_is_left_alone_until_the_app_starts_anew() {
    let (free, stuck) = channel();
    let policy = Arc::new(Hangs(Mutex::new(stuck), AtomicUsize::new(0)));
    let (mut world, [id, other]) = under(policy.clone()).await;
    // A clock on which a second passes as soon as somebody waits for one.
    world.devices[0].clock.go_on();
    contradict(&world, &id, "city");
    waits(&world, (&id, &other), "took longer than its 1000 ms").await;
    contradict(&world, &other, "name");
    world.devices[0].sync().await;
    let entries = world.devices[0].open_entries();
    assert!(
        entries[1].reason.contains("did not come back"),
        "{}",
        entries[1].reason
    );
    assert!(policy.1.load(Ordering::Relaxed) <= 1, "asked once at most");
    // What it says at last comes too late.
    drop(free);
    world.devices[0].sync().await;
    assert_eq!(world.devices[0].open_entries().len(), 2);
    assert_eq!(
        world.devices[0].text("Account", &other, "name").as_deref(),
        Some("Mine")
    );
    world.devices[0].start_with(by(both));
    let third = world.account(3, "Bern Glass");
    world.devices[0].sync().await;
    contradict(&world, &third, "name");
    world.devices[0].sync().await;
    assert_eq!(world.on_server(&third, "name"), Value::text("Mine+Theirs"));
}

/// Needs longer than it may.
struct Slow(Arc<TestClock>);

impl ConflictPolicy for Slow {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        let slow = case.fields.iter().any(|field| field.field.as_str() == "city");
        self.0.pass(if slow { 1001 } else { 1000 });
        both(case)
    }
}

#[tokio::test]
async fn an_answer_over_the_time_limit_is_no_answer() {
    let mut world = World::new(1, without_stamps(), 1);
    let (id, other) = (world.account(1, "Rome Steel"), world.account(2, "Oslo Wood"));
    world.devices[0].sync().await;
    let slow = Arc::new(Slow(world.devices[0].clock.clone()));
    world.devices[0].start_with(slow);
    contradict(&world, &id, "city");
    waits(&world, (&id, &other), "took longer than its 1000 ms").await;
    contradict(&world, &other, "name");
    world.devices[0].sync().await;
    assert_eq!(world.on_server(&other, "name"), Value::text("Mine+Theirs"));
}

#[tokio::test]
async fn what_a_policy_says_of_nothing_in_the_case_and_values_that_do_not_fit_decide_nothing() {
    let policy = by(|case| {
        let mut picks = vec![
            (name("id"), Pick::Made(Value::Null)),
            (name("nowhere"), Side::Theirs.into()),
            (name("city"), Pick::Made(Value::Int(1))),
        ];
        if case.fields.len() == 1 {
            picks.push((name("name"), Side::Theirs.into()));
        }
        Resolution::fields(picks, "nonsense")
    });
    let (world, [id, other]) = under(policy).await;
    world.devices[0].set(&id, "name", "Kept");
    contradict(&world, &id, "city");
    waits(&world, (&id, &other), "nonsense; but city cannot take the value").await;
    assert_eq!(
        world.devices[0].text("Account", &id, "name").as_deref(),
        Some("Kept")
    );
}

#[tokio::test]
async fn an_own_policy_is_asked_about_records_that_one_side_deleted() {
    let policy = by(|case| match case.kind {
        CaseKind::UpdateDelete => Resolution::keep(Side::Mine, "made again"),
        CaseKind::DeleteUpdate => Resolution::keep(Side::Theirs, "it stays"),
        _ => Resolution::ask("not expected"),
    });
    let (world, [id, other]) = under(policy).await;
    let device = &world.devices[0];
    device.set(&id, "city", "Mine");
    world.server().remove(&entity("Account"), &id);
    device.engine.delete("Account", other.as_str()).unwrap();
    world.office(&other, "city", "Theirs");
    assert_eq!(device.sync().await.pending, 0);
    assert_eq!(world.on_server(&id, "city"), Value::text("Mine"));
    assert_eq!(world.on_server(&id, "name"), Value::text("Rome Steel"));
    assert_eq!(device.text("Account", &other, "city").as_deref(), Some("Theirs"));
}

#[tokio::test]
async fn a_preview_does_not_ask_an_own_policy_and_says_so() {
    let stop = Arc::new(AtomicBool::new(false));
    let thrown = stop.clone();
    // The synchronization is stopped while the policy is asked: the change is still to be sent then.
    let policy = by(move |case| {
        thrown.store(true, Ordering::Relaxed);
        both(case)
    });
    let (world, [id, _]) = under(policy.clone()).await;
    let device = &world.devices[0];
    contradict(&world, &id, "city");
    let options = SyncOptions {
        stop,
        ..crate::common::options()
    };
    let report = device.engine.sync(&device.wire, options).await.unwrap();
    assert!(report.out_of_time);
    let preview = device.engine.preview().unwrap();
    let outbox = device.engine.outbox().unwrap();
    assert_eq!(preview.asks, [outbox[0].operation.id]);
    assert_eq!((preview.sends.len(), preview.waits.len()), (0, 0));
    assert_eq!(policy.1.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn l29_an_own_policy_sees_when_both_sides_made_their_changes() {
    let seen = Arc::new(Mutex::new(None));
    let told = seen.clone();
    let policy = by(move |case| {
        let field = &case.fields[0];
        *told.lock().unwrap() = Some((case.later(field.mine_at, field.theirs_at), field.base.clone()));
        Resolution::ask("look")
    });
    let mut world = World::new(1, able(), 1);
    let id = world.account(1, "Rome Steel");
    world.devices[0].sync().await;
    world.devices[0].start_with(policy);
    world.office(&id, "city", "Theirs");
    world.pass(10_000);
    world.devices[0].set(&id, "city", "Mine");
    world.devices[0].sync().await;
    let later = driftless_conflict::Later::Known(Side::Mine);
    assert_eq!(*seen.lock().unwrap(), Some((later, Value::text("Rome"))));
}

/// Somebody may change the record again while the policy thinks. What it said was about other values, so it is asked
/// once more.
#[tokio::test]
async fn an_answer_about_older_values_is_not_used_for_newer_ones() {
    let mut world = World::new(1, without_stamps(), 1);
    let id = world.account(1, "Rome Steel");
    world.devices[0].sync().await;
    let (backend, first, of) = (world.backend.clone(), AtomicBool::new(true), id.clone());
    let policy = by(move |case| {
        if first.swap(false, Ordering::Relaxed) {
            let newer = crate::common::fields(&[("city", Value::text("Newer"))]);
            backend.lock().unwrap().put(&entity("Account"), &of, newer);
        }
        let is_newer = case
            .fields
            .iter()
            .any(|field| field.theirs == Value::text("Newer"));
        let side = if is_newer { Side::Theirs } else { Side::Mine };
        Resolution::fields(
            case.fields
                .iter()
                .map(|field| (field.field.clone(), Pick::Side(side))),
            "by age",
        )
    });
    world.devices[0].start_with(policy.clone());
    contradict(&world, &id, "city");
    assert_eq!(world.devices[0].sync().await.pending, 0);
    assert_eq!(world.on_server(&id, "city"), Value::text("Newer"));
    assert_eq!(policy.1.load(Ordering::Relaxed), 2);
}
