//! What becomes of a command on a record that somebody else has changed meanwhile.

use std::sync::{Arc, Mutex};

use driftless_conflict::{CaseKind, ConflictCase, Later, Resolution};
use driftless_engine::{Decision, EngineError, NotPossible, Outcome};
use driftless_record::{LogKind, RecordId, Side, Stamp, Value};
use driftless_store::LogSelection;
use driftless_transport::Capabilities;

use crate::commands::{runs, world_with_commands};
use crate::common::*;
use crate::policies::by;
use crate::wire::Wire;

/// Lets the office set the status of an account.
fn set_status(world: &World, id: &RecordId, to: Value) {
    world
        .server()
        .put(&entity("Account"), id, fields(&[("status", to)]));
}

fn status(code: &str) -> Value {
    Value::Choice(code.to_owned())
}

fn run(device: &Device, command: &str, id: &RecordId) -> driftless_record::OperationId {
    let given = match command {
        "Close" => fields(&[("why", Value::text("dear"))]),
        _ => fields(&[]),
    };
    let done = device.engine.run("Account", id.as_str(), command, given).unwrap();
    done.operation.unwrap()
}

/// Where somebody else has done the same, nothing is left to be done. If he did something else, or what a command makes
/// besides is still missing, a person should see both sides: the server would refuse the command.
#[tokio::test]
async fn a_command_is_not_needed_any_more_only_where_the_same_was_done() {
    for (command, meanwhile, why, is_done) in [
        ("Close", "lost", "dear", true),
        ("Close", "lost", "late", false),
        ("Close", "won", "dear", false),
        ("Win", "lost", "dear", false),
        ("Win", "won", "dear", false),
    ] {
        let (world, id) = world_with_commands(able()).await;
        let device = &world.devices[0];
        let ran = run(device, command, &id);
        let both = fields(&[("status", status(meanwhile)), ("city", Value::text(why))]);
        world.server().put(&entity("Account"), &id, both);
        device.sync().await;
        assert_eq!(runs(&world), Vec::<String>::new(), "{command} on {meanwhile}");
        let entries = device.open_entries();
        assert_eq!(entries.len(), usize::from(!is_done), "{command} on {meanwhile}");
        let Some(entry) = entries.first() else {
            assert_eq!(device.engine.outbox().unwrap(), vec![]);
            assert_eq!(device.engine.outcome(ran).unwrap(), Outcome::Superseded);
            let log = device.engine.log(&LogSelection::Latest(9)).unwrap();
            assert_eq!(log[0].kept, fields(&[("why", Value::text("dear"))]));
            continue;
        };
        assert_eq!(entry.fields.len(), 1, "{entry:?}");
        let picked = [(name("status"), Side::Mine)].into();
        for mine in [Decision::Mine, Decision::Pick(picked)] {
            let Err(EngineError::NotPossible(refused)) = device.engine.resolve(entry.id, &mine) else {
                panic!("it cannot be run");
            };
            assert_eq!(refused, NotPossible::NotAllowed(entry.id, vec![name("status")]));
        }
        device.engine.resolve(entry.id, &Decision::Theirs).unwrap();
        assert_eq!(device.engine.outbox().unwrap(), vec![]);
        assert_eq!(device.text("Account", &id, "status").as_deref(), Some(meanwhile));
    }
}

#[tokio::test]
async fn a_command_on_a_record_that_was_deleted_meanwhile_waits_for_a_person() {
    let (world, id) = world_with_commands(able()).await;
    let device = &world.devices[0];
    run(device, "Close", &id);
    world.server().remove(&entity("Account"), &id);
    let report = device.sync().await;
    assert_eq!(report.pending, 1);
    let entries = device.open_entries();
    assert_eq!(entries.len(), 1);
    assert!(
        entries[0].reason.contains("was deleted on the server"),
        "{}",
        entries[0].reason
    );
    assert_eq!(runs(&world), Vec::<String>::new());
}

/// The record may be as it should be again since the list was read: a person is asked about what is, not about what was.
#[tokio::test]
async fn what_stands_against_a_command_is_read_anew_before_a_person_is_asked() {
    let (world, id) = world_with_commands(able()).await;
    let device = &world.devices[0];
    run(device, "Win", &id);
    set_status(&world, &id, status("lost"));
    let wire = Wire::new(&world.backend);
    let again = id.clone();
    wire.rules.lock().unwrap().before_fetch = Some(Box::new(move |server| {
        server.put(&entity("Account"), &again, fields(&[("status", Value::Null)]));
    }));
    device.engine.sync(&wire, options()).await.unwrap();
    assert_eq!(device.open_entries(), vec![]);
    assert_eq!(runs(&world), ["Win"]);
}

/// What a policy was told of a command.
#[derive(Debug, PartialEq)]
struct Told {
    kind: CaseKind,
    command: Option<String>,
    mine: Option<Value>,
    later: Later,
    apart: Option<i64>,
    doubt: i64,
}

fn told(case: &ConflictCase<'_>) -> Told {
    let time = |stamp: Option<Stamp>| stamp.map(|stamp| stamp.time);
    Told {
        kind: case.kind,
        command: case.command.map(str::to_owned),
        mine: case.mine.get(&name("city")).cloned(),
        later: case.later(case.mine_at, case.theirs_at),
        apart: time(case.mine_at)
            .zip(time(case.theirs_at))
            .map(|(mine, theirs)| mine.millis_since(theirs)),
        doubt: case.doubt,
    }
}

/// A policy can judge a command only by what it is told: which one, what it would make of the record, when both sides
/// acted and how far the clocks can be trusted.
#[tokio::test]
async fn l29_a_policy_sees_which_command_it_was_and_when_both_sides_acted() {
    let coarse = Capabilities {
        stamp_error: 1000,
        ..able()
    };
    let (mut world, id) = world_with_commands(coarse).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tells = seen.clone();
    world.devices[0].start_with(by(move |case| {
        tells.lock().unwrap().push(told(case));
        Resolution::keep(Side::Mine, "look")
    }));
    world.pass(10_000);
    world.office(&id, "city", "Oslo");
    world.pass(10_000);
    run(&world.devices[0], "Close", &id);
    world.devices[0].sync().await;
    let expected = Told {
        kind: CaseKind::CommandOnChanged,
        command: Some("Close".to_owned()),
        mine: Some(Value::text("dear")),
        later: Later::Known(Side::Mine),
        apart: Some(10_000),
        doubt: 1000,
    };
    assert_eq!(*seen.lock().unwrap(), [expected]);
    assert_eq!(runs(&world), ["Close"]);
}

/// A command that gives way ends, and the log says so. One that would make records is not given up without a word:
/// others may rest on them.
#[tokio::test]
async fn a_command_that_a_policy_lets_give_way_ends_unless_it_makes_records() {
    for (command, is_asked) in [("Close", false), ("Win", true)] {
        let (mut world, id) = world_with_commands(able()).await;
        world.devices[0].start_with(by(|_| Resolution::keep(Side::Theirs, "the office knows")));
        let device = &world.devices[0];
        let ran = run(device, command, &id);
        set_status(&world, &id, status("open"));
        device.sync().await;
        assert_eq!(runs(&world), Vec::<String>::new());
        let log = device.engine.log(&LogSelection::Latest(9)).unwrap();
        let entry = log
            .iter()
            .find(|entry| entry.reason.contains("the office knows"))
            .unwrap();
        let winners: Vec<_> = entry.fields.iter().map(|case| case.winner).collect();
        if is_asked {
            assert_eq!((entry.kind, winners), (LogKind::Conflict, vec![None]));
            assert_eq!(device.open_entries().len(), 1);
        } else {
            assert_eq!(
                (entry.kind, winners),
                (LogKind::Overwritten, vec![Some(Side::Theirs)])
            );
            assert_eq!(device.engine.outcome(ran).unwrap(), Outcome::Superseded);
            assert_eq!(entry.kept, fields(&[("why", Value::text("dear"))]));
            assert_eq!(device.text("Account", &id, "status").as_deref(), Some("open"));
        }
    }
}
