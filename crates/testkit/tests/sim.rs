//! Simulated worlds: the real engine keeps its promises in each, a seed is one world, and broken parts are noticed.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;

use driftless_conflict::{ClientWins, ServerWins};
use driftless_record::{ChangeAction, Condition, OperationKind, OperationState, RequestId, Value};
use driftless_store::{Write, WriteBatch};
use driftless_testkit::sim::{Broken, Failure, MemoryStores, Plan, examine, run};
use driftless_transport::PushItem;

/// How many seeds the ordinary suite runs; `DRIFTLESS_SIM_SEEDS` and `DRIFTLESS_SIM_START` choose others.
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let start = number("DRIFTLESS_SIM_START").unwrap_or(1);
    start..start + number("DRIFTLESS_SIM_SEEDS").unwrap_or(60)
}

/// The worlds that broke a law, of all seeds: they are run once for all tests.
static FAILURES: LazyLock<Vec<Failure>> = LazyLock::new(|| {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let seeds = &seeds();
    let share = |first: usize| {
        let seeds = seeds.clone().skip(first).step_by(threads);
        let failures =
            seeds.filter_map(|seed| examine(seed, MemoryStores::default, &Broken::default()).err());
        failures.map(|failure| *failure).collect::<Vec<Failure>>()
    };
    thread::scope(|scope| {
        let shares: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || share(first)))
            .collect();
        let shares = shares
            .into_iter()
            .map(|share| share.join().expect("a world has panicked"));
        shares.flatten().collect()
    })
});

/// The laws that have a test of their own. Every world is checked for all of them, and ends over the first that it
/// breaks.
const NAMED: [&str; 13] = [
    "I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11", "L4", "L5", "L26", "L27", "L39",
];

/// Asserts that no world broke one of these laws.
fn hold(is_it: impl Fn(&str) -> bool) {
    let broke = FAILURES
        .iter()
        .filter(|failure| is_it(failure.violation.invariant));
    let broke: Vec<String> = broke.map(|failure| failure.to_string()).collect();
    assert!(
        broke.is_empty(),
        "{} worlds broke a law\n{}",
        broke.len(),
        broke.join("\n")
    );
}

fn holds(law: &str) {
    assert!(NAMED.contains(&law), "{law} is looked at twice");
    hold(|broken| broken == law);
}

#[test]
fn no_device_fails_in_any_world() {
    hold(|broken| !NAMED.contains(&broken));
}

/// One change that can never be sent keeps no other from it.
#[test]
fn l04_no_device_stops_over_its_own_data_in_any_world() {
    holds("L4");
}

/// A server refuses what refers to a record that it does not have yet.
#[test]
fn l05_nothing_is_done_before_what_it_needs_in_any_world() {
    holds("L5");
}

/// What nobody has set takes somebody else's value away.
#[test]
fn l26_nothing_is_sent_that_nobody_has_set_in_any_world() {
    holds("L26");
}

/// People agree on who was last, whatever their clocks say and whoever synchronizes first.
#[test]
fn l27_the_last_edit_wins_in_every_world() {
    holds("L27");
}

/// A person who was told "saved" has gone home by the time that something fails.
#[test]
fn i01_what_was_saved_is_there_in_every_world() {
    holds("I1");
}

/// Nobody can tell two equal effects from one that was wanted twice.
#[test]
fn i02_an_operation_has_one_effect_in_every_world() {
    holds("I2");
}

/// The server's own logic sees the states of a record in the order in which people saw them.
#[test]
fn i03_the_operations_of_a_record_go_in_order_in_every_world() {
    holds("I3");
}

/// A person decides by what he sees; it is what the server has and what he did, and nothing else.
#[test]
fn i04_a_view_is_what_is_known_and_pending_in_every_world() {
    holds("I4");
}

/// What is neither done nor told is lost.
#[test]
fn i05_no_operation_ends_without_a_reason_in_every_world() {
    holds("I5");
}

/// What a checkpoint has passed is never sent again.
#[test]
fn i06_no_checkpoint_is_ahead_of_its_rows_in_every_world() {
    holds("I6");
}

/// Once the faults stop, nobody sees something else than the others, unless he was told.
#[test]
fn i09_all_devices_end_equal_to_the_server_in_every_world() {
    holds("L39");
}

/// A person who reads "in sync" switches off.
#[test]
fn i10_in_sync_is_said_when_it_is_so_in_every_world() {
    holds("I10");
}

/// A change that can never succeed must not keep the device busy, nor the others waiting.
#[test]
fn i11_no_operation_is_tried_for_ever_in_any_world() {
    holds("I11");
}

#[test]
fn i12_a_seed_is_the_same_world_every_time() {
    for seed in 1..=12 {
        let plan = Plan::of_seed(seed);
        let world = || run(&plan, &MemoryStores::default(), &Broken::default());
        assert_eq!(world(), world(), "seed {seed}");
    }
    let trace = |seed| run(&Plan::of_seed(seed), &MemoryStores::default(), &Broken::default()).trace;
    assert_ne!(trace(1), trace(2));
}

/// Asserts that a broken part is noticed within 500 seeds, as one of these.
fn is_noticed(broken: &Broken, invariants: &[&str]) {
    is_noticed_where(|_| true, broken, invariants);
}

/// Asserts that a broken part is noticed within 500 worlds of a kind, as one of these.
fn is_noticed_where(kind: impl Fn(&Plan) -> bool, broken: &Broken, invariants: &[&str]) {
    let plans = (1..).map(|seed| (seed, Plan::of_seed(seed)));
    let found = plans
        .filter(|(_, plan)| kind(plan))
        .take(500)
        .find_map(|(seed, plan)| {
            let violation = run(&plan, &MemoryStores::default(), broken).violation;
            violation.map(|violation| (seed, violation))
        });
    let (seed, violation) = found.expect("it was not noticed within 500 seeds");
    assert!(
        invariants.contains(&violation.invariant),
        "seed {seed}: {violation}"
    );
}

#[test]
fn i01_a_store_that_forgets_an_operation_is_noticed() {
    fn forget(batch: &mut WriteBatch) {
        let is_it = |write: &Write| {
            matches!(write, Write::PutOperation(operation)
                if operation.entity.as_str() == "Contact" && operation.state == OperationState::Queued)
        };
        batch.writes.retain(|write| !is_it(write));
    }
    let commit = Some(forget as fn(&mut WriteBatch));
    is_noticed(
        &Broken {
            commit,
            ..Broken::default()
        },
        &["I1"],
    );
}

#[test]
fn i02_a_transport_that_sends_again_under_another_id_and_without_its_condition_is_noticed() {
    fn rename(items: &mut Vec<PushItem>) {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        for item in items {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            item.sending.id = RequestId(uuid::Uuid::from_u128(u128::from(number)));
            if let Condition::Revision(_) = item.sending.change.condition {
                item.sending.change.condition = Condition::Exists;
            }
            item.after.clear();
        }
    }
    let push = Some(rename as fn(&mut Vec<PushItem>));
    is_noticed(
        &Broken {
            push,
            ..Broken::default()
        },
        &["I2", "I3", "L27"],
    );
}

/// Where the device chooses the key and revisions are compared, what is sent again is found to be done.
#[test]
fn i02_a_store_that_forgets_that_something_was_sent_is_noticed() {
    fn forget(batch: &mut WriteBatch) {
        for write in &mut batch.writes {
            if let Write::PutOperation(operation) = write
                && matches!(
                    operation.state,
                    OperationState::InFlight(_) | OperationState::Unknown(_)
                )
            {
                operation.state = OperationState::Queued;
            }
        }
    }
    let broken = Broken {
        commit: Some(forget),
        ..Broken::default()
    };
    let makes_keys = |plan: &Plan| plan.config.server_keys;
    is_noticed_where(makes_keys, &broken, &["I2"]);
}

#[test]
fn l05_a_transport_that_turns_the_order_around_is_noticed() {
    fn turn(items: &mut Vec<PushItem>) {
        items.reverse();
        for item in items {
            item.after.clear();
        }
    }
    let push = Some(turn as fn(&mut Vec<PushItem>));
    is_noticed(
        &Broken {
            push,
            ..Broken::default()
        },
        &["L5", "L39"],
    );
}

#[test]
fn i04_a_store_that_forgets_an_image_is_noticed() {
    fn forget(batch: &mut WriteBatch) {
        let is_it = |write: &Write| matches!(write, Write::PutImage(image) if image.server.is_some());
        batch.writes.retain(|write| !is_it(write));
    }
    let commit = Some(forget as fn(&mut WriteBatch));
    is_noticed(
        &Broken {
            commit,
            ..Broken::default()
        },
        &["I4"],
    );
}

#[test]
fn i05_a_policy_that_gives_way_without_a_log_is_noticed() {
    fn forget(batch: &mut WriteBatch) {
        batch
            .writes
            .retain(|write| !matches!(write, Write::PutLog(entry) if !entry.needs_person));
    }
    let broken = Broken {
        commit: Some(forget),
        policy: Some(Arc::new(ServerWins)),
        ..Broken::default()
    };
    is_noticed(&broken, &["I5"]);
}

#[test]
fn i06_a_store_that_keeps_a_checkpoint_without_its_rows_is_noticed() {
    fn forget(batch: &mut WriteBatch) {
        let ends = batch
            .writes
            .iter()
            .any(|write| matches!(write, Write::PutNote(name, _) if name == "entity/Account"));
        if ends {
            batch
                .writes
                .retain(|write| !matches!(write, Write::PutRows(rows) if rows.rows.len() > 1));
        }
    }
    let commit = Some(forget as fn(&mut WriteBatch));
    is_noticed(
        &Broken {
            commit,
            ..Broken::default()
        },
        &["I6", "I10"],
    );
}

#[test]
fn i09_a_store_that_forgets_a_delete_is_noticed_and_told_in_few_steps() {
    fn forget(batch: &mut WriteBatch) {
        for write in &mut batch.writes {
            if let Write::PutOperation(operation) = write
                && matches!(operation.kind, OperationKind::Delete { .. })
                && operation.state == OperationState::Queued
            {
                operation.state = OperationState::Superseded;
            }
        }
    }
    let broken = Broken {
        commit: Some(forget),
        ..Broken::default()
    };
    let failure = (1..=500).find_map(|seed| examine(seed, MemoryStores::default, &broken).err());
    let failure = failure.expect("it was not noticed within 500 seeds");
    assert!(failure.plan.steps.len() <= 4, "{failure}");
    assert!(
        failure.story.iter().any(|line| line.contains("deletes account")),
        "{failure}"
    );
    let again = run(&failure.plan, &MemoryStores::default(), &broken);
    assert_eq!(again.violation.unwrap(), failure.violation);
}

/// Sees that a store that does this to every commit is noticed.
fn commit_is_noticed(commit: fn(&mut WriteBatch), invariants: &[&str]) {
    let broken = Broken {
        commit: Some(commit),
        ..Broken::default()
    };
    is_noticed(&broken, invariants);
}

#[test]
fn i10_a_store_that_takes_no_new_schema_is_noticed() {
    fn forget(batch: &mut WriteBatch) {
        let is_new = |write: &Write| matches!(write, Write::PutSchema(schema) if schema.version != "1");
        batch.writes.retain(|write| !is_new(write));
    }
    commit_is_noticed(forget, &["I10", "L39", "device", "I6"]);
}

#[test]
fn l26_a_transport_that_sends_what_nobody_has_set_is_noticed() {
    fn add(items: &mut Vec<PushItem>) {
        for item in items {
            if let ChangeAction::Update(fields) = &mut item.sending.change.action {
                fields
                    .entry("name".try_into().unwrap())
                    .or_insert(Value::text("v0"));
            }
        }
    }
    let broken = Broken {
        push: Some(add),
        ..Broken::default()
    };
    is_noticed(&broken, &["L26"]);
}

/// What the server forbids is a change of its own from then on, and lost like any other.
#[test]
fn i05_a_store_that_forgets_what_was_split_off_is_noticed() {
    fn forget(batch: &mut WriteBatch) {
        let splits = |write: &Write| matches!(write, Write::PutLog(entry) if entry.reason.contains("goes without that"));
        if batch.writes.iter().any(splits) {
            let is_part = |write: &Write| matches!(write, Write::PutOperation(operation) if matches!(operation.state, OperationState::Refused(_)));
            batch.writes.retain(|write| !is_part(write));
        }
    }
    commit_is_noticed(forget, &["I5"]);
}

#[test]
fn l27_a_policy_that_lets_the_device_win_is_noticed() {
    let broken = Broken {
        policy: Some(Arc::new(ClientWins)),
        ..Broken::default()
    };
    is_noticed(&broken, &["L27"]);
}

#[test]
fn l27_a_transport_that_forgets_the_condition_is_noticed() {
    fn forget(items: &mut Vec<PushItem>) {
        for item in items {
            if let Condition::Revision(_) = item.sending.change.condition {
                item.sending.change.condition = Condition::Exists;
            }
        }
    }
    let broken = Broken {
        push: Some(forget),
        ..Broken::default()
    };
    is_noticed(&broken, &["L27", "I2", "I3"]);
}

/// Who must win is known in enough worlds for the comparison to mean something.
#[test]
fn l27_the_last_edit_is_reckoned_independently_in_many_worlds() {
    let compared: usize = (1..=60)
        .map(|seed| run(&Plan::of_seed(seed), &MemoryStores::default(), &Broken::default()).compared)
        .sum();
    assert!(compared > 40, "{compared}");
}
