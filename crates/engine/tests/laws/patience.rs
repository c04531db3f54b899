//! How long the engine tries what fails every time, and that it holds up nothing else meanwhile.

use crate::common::{World, able, fields, without_stamps};
use driftless_engine::{Decision, Outcome};
use driftless_record::{Applied, Cause, CauseClass, Change, ChangeAction, LogKind, OperationState, Value};
use driftless_testkit::backend::Stumble;
use driftless_transport::{Batch, Capabilities, Idempotency, TransportError};

/// More synchronizations than the engine has tries.
const MANY: usize = 40;

fn is_poison(change: &Change) -> bool {
    match &change.action {
        ChangeAction::Create(fields) | ChangeAction::Update(fields) => {
            fields.values().any(|value| *value == Value::text("poison"))
        }
        ChangeAction::Delete | ChangeAction::Command(_) => false,
    }
}

fn failing(class: CauseClass) -> Cause {
    Cause {
        class,
        field: None,
        other: None,
        code: "500".to_owned(),
        text: "disk on fire".to_owned(),
    }
}

/// How a server fails at one change every time.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Says(CauseClass),
    Errs,
    Breaks,
}

const TROUBLES: [Trouble; 4] = [
    Trouble::Says(CauseClass::Transient),
    Trouble::Says(CauseClass::Throttled),
    Trouble::Errs,
    Trouble::Breaks,
];

fn make_trouble(world: &World, trouble: Trouble) {
    let mut server = world.server();
    match trouble {
        Trouble::Says(CauseClass::Throttled) => {
            server.refuse(Some(|change| {
                is_poison(change).then(|| failing(CauseClass::Throttled))
            }));
        }
        Trouble::Says(_) => {
            server.refuse(Some(|change| {
                is_poison(change).then(|| failing(CauseClass::Transient))
            }));
        }
        Trouble::Errs => server.stumble(Some(|change| is_poison(change).then_some(Stumble::Errs))),
        Trouble::Breaks => server.stumble(Some(|change| is_poison(change).then_some(Stumble::Breaks))),
    }
}

fn back_ends() -> Vec<Capabilities> {
    let of = |idempotency, limit| Capabilities {
        idempotency,
        batch: Batch {
            limit,
            depends_on: true,
            groups: true,
        },
        ..able()
    };
    vec![
        of(Idempotency::Repeatable, 100),
        of(Idempotency::ClientKey, 100),
        of(Idempotency::ClientKey, 1),
    ]
}

#[tokio::test]
async fn i11_a_change_that_the_server_fails_at_every_time_is_shown_in_the_end_and_holds_up_nothing() {
    for capabilities in back_ends() {
        for trouble in TROUBLES {
            let told = format!(
                "{trouble:?} {:?} {:?}",
                capabilities.idempotency, capabilities.batch
            );
            let (world, id) = World::with_one_account(capabilities.clone()).await;
            let device = &world.devices[0];
            make_trouble(&world, trouble);
            let others: Vec<_> = (2..8).map(|number| world.account(number, "Other")).collect();
            device.sync().await;
            device.set(&others[0], "city", "First");
            let poison = fields(&[("city", Value::text("poison"))]);
            let poison = device.engine.update("Account", id.as_str(), poison).unwrap();
            let poison = poison.operation.unwrap();
            for (number, other) in others.iter().enumerate() {
                device.set(other, "city", &format!("Last {number}"));
            }
            device.sync().await;
            for (number, other) in others.iter().enumerate() {
                assert_eq!(
                    world.on_server(other, "city"),
                    Value::text(format!("Last {number}")),
                    "{told}"
                );
            }
            let mut shown_after = None;
            for round in 0..MANY {
                world.pass(400_000);
                world.office(&others[0], "name", &format!("Round {round}"));
                let report = device.sync().await;
                assert!(report.interrupted.is_none(), "{told}: {report:?}");
                let name = device.text("Account", &others[0], "name");
                assert_eq!(name, Some(format!("Round {round}")), "{told}: reading goes on");
                if !device.open_entries().is_empty() && shown_after.is_none() {
                    shown_after = Some(round);
                }
            }
            assert!(
                shown_after.is_some_and(|round| round >= 5),
                "{told}: {shown_after:?}"
            );
            let entry = device.open_entries().remove(0);
            assert_eq!(
                (entry.kind, &entry.operations),
                (LogKind::Refused, &vec![poison]),
                "{told}"
            );
            assert_eq!(
                entry.cause.unwrap().class,
                match trouble {
                    Trouble::Says(class) => class,
                    Trouble::Errs | Trouble::Breaks => CauseClass::Transient,
                }
            );
            assert_eq!(
                device.engine.outcome(poison).unwrap(),
                Outcome::Parked(entry.id),
                "{told}"
            );
            assert_eq!(
                device.text("Account", &id, "city").as_deref(),
                Some("poison"),
                "L36"
            );
            // The server is mended, and the person says: again.
            world.server().refuse(None);
            world.server().stumble(None);
            device.engine.resolve(entry.id, &Decision::Retry).unwrap();
            assert_eq!(device.sync().await.pending, 0, "{told}");
            assert_eq!(
                device.engine.outcome(poison).unwrap(),
                Outcome::Applied(Applied::Accepted),
                "{told}"
            );
            assert_eq!(world.on_server(&id, "city"), Value::text("poison"));
        }
    }
}

#[tokio::test]
async fn m06_between_two_tries_there_is_a_wait_that_grows() {
    for trouble in [Trouble::Says(CauseClass::Transient), Trouble::Errs] {
        let (world, id) = World::with_one_account(able()).await;
        let device = &world.devices[0];
        make_trouble(&world, trouble);
        device.set(&id, "city", "poison");
        device.sync().await;
        if let Trouble::Errs = trouble {
            // What became of it is asked at once, for the first two times.
            device.sync().await;
            device.sync().await;
        }
        let before = 2 * u32::from(matches!(trouble, Trouble::Errs));
        let state = |device: &crate::common::Device| device.engine.outbox().unwrap().remove(0).operation;
        for tries in 1..6 {
            let tried = tries + before;
            assert_eq!(state(device).rebased, tried, "{trouble:?}");
            if let OperationState::Waiting(until) = state(device).state {
                assert_eq!(until.0 - world.server().now(), 1000 << (tries - 1));
            }
            for _ in 0..3 {
                device.sync().await;
            }
            assert_eq!(state(device).rebased, tried, "{trouble:?}: asked again too early");
            world.pass((1000 << (tries - 1)) - 1);
            device.sync().await;
            assert_eq!(state(device).rebased, tried, "{trouble:?}: asked again too early");
            world.pass(1);
            device.sync().await;
        }
    }
}

#[tokio::test]
async fn l38_what_failed_every_time_can_be_changed_or_taken_back() {
    for mend in [true, false] {
        let (world, id) = World::with_one_account(able()).await;
        let device = &world.devices[0];
        make_trouble(&world, Trouble::Says(CauseClass::Transient));
        device.set(&id, "city", "poison");
        for _ in 0..MANY {
            world.pass(400_000);
            device.sync().await;
        }
        let entry = device.open_entries().remove(0);
        let expected = if mend {
            device.set(&id, "city", "Oslo");
            "Oslo"
        } else {
            device.engine.resolve(entry.id, &Decision::Discard).unwrap();
            "Rome"
        };
        let report = device.sync().await;
        assert_eq!((report.pending, device.open_entries().len()), (0, 0));
        assert_eq!(world.on_server(&id, "city"), Value::text(expected));
        assert_eq!(device.text("Account", &id, "city").as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn lost_requests_and_a_server_that_is_away_are_not_counted_as_tries() {
    let (world, id) = World::with_one_account(able()).await;
    let device = &world.devices[0];
    device.set(&id, "city", "Oslo");
    for _ in 0..MANY {
        world
            .server()
            .fail([driftless_testkit::backend::Fault::Unreachable]);
        assert!(device.sync().await.interrupted.is_some());
    }
    assert_eq!(device.engine.outbox().unwrap()[0].operation.rebased, 0);
    assert_eq!(device.sync().await.pending, 0);
}

#[tokio::test]
async fn l02_an_outcome_that_nothing_can_prove_is_shown_and_the_same_again_has_one_effect() {
    let (world, id) = World::with_one_account(Capabilities {
        idempotency: Idempotency::ClientKey,
        ..without_stamps()
    })
    .await;
    let device = &world.devices[0];
    device.set(&id, "city", "Oslo");
    world
        .server()
        .fail([driftless_testkit::backend::Fault::ReplyCut(0)]);
    let broken = TransportError::Protocol("not a record".to_owned());
    world.server().set_unreadable(&id, Some(broken));
    for _ in 0..MANY {
        world.pass(400_000);
        device.sync().await;
    }
    let entry = device.open_entries().remove(0);
    assert_eq!(entry.kind, LogKind::Unproved);
    world.server().set_unreadable(&id, None);
    device.engine.resolve(entry.id, &Decision::Retry).unwrap();
    assert_eq!(device.sync().await.pending, 0);
    assert_eq!(
        (world.on_server(&id, "city"), world.server().effects().len()),
        (Value::text("Oslo"), 1)
    );
}

/// The longest pause is kept to its end, and one that is longer than any comes from a clock that was turned: nobody waits
/// for years because a phone once believed to be in another one.
#[tokio::test]
async fn i11_a_pause_is_kept_to_its_end_and_never_outlives_a_clock_that_was_turned() {
    for turned in [0, -86_400_000] {
        let (world, id) = World::with_one_account(able()).await;
        let device = &world.devices[0];
        device.set(&id, "city", "Oslo");
        let now = world.server().now();
        // The server asks for more patience than the engine ever has.
        world.server().set_busy_until(now + 2 * 3_600_000);
        device.sync().await;
        world.server().set_busy_until(0);
        device.clock.turn(turned);
        device.sync().await;
        let expected = if turned == 0 { "Rome" } else { "Oslo" };
        assert_eq!(world.on_server(&id, "city"), Value::text(expected), "{turned}");
        world.pass(3_600_000);
        device.sync().await;
        assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"));
    }
}
