//! What is done behind a command, and beside it in a group.

use std::sync::Arc;

use driftless_engine::{Edit, Outcome};
use driftless_record::{Effect, EffectValue, Handling, LogKind, OperationState, Schema, Value};
use driftless_store::LogSelection;
use driftless_testkit::backend::{Fault, Revisions};
use driftless_transport::{Batch, Capabilities, CompareAndSet};
use proptest::prelude::*;

use crate::chance::cases;
use crate::commands::{runs, with_commands, world_with_commands};
use crate::common::*;
use crate::groups::requests;
use crate::sides::settings;
use crate::wire::Wire;

/// The schema of a server that sets other fields when an account is closed, and to other values.
fn closes_otherwise() -> Schema {
    let mut schema = with_commands();
    let mut account = (**schema.entity("Account").unwrap()).clone();
    let close = account.commands.get_mut("Close").unwrap();
    let closed = EffectValue::Constant(Value::text("Closed"));
    close.effects = ["city", "name"]
        .map(|field| Effect::Set {
            field: name(field),
            to: closed.clone(),
        })
        .into();
    schema.add(account);
    schema
}

proptest! {
    #![proptest_config(cases(24))]

    /// A command ends as the server carries it out, which nobody here could see beforehand. What its own person did
    /// behind it was done later, so it stands, whatever time the server gives to what the command made.
    #[test]
    fn l27_what_was_done_behind_a_command_stands(stamps: bool, deletes: bool, office: bool, waits in 0..90_000i64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let (world, id) = world_with_commands(Capabilities { stamps, ..able() }).await;
            let device = &world.devices[0];
            world.pass(60_000);
            let ran = device.engine.run("Account", id.as_str(), "Win", fields(&[])).unwrap();
            let [(_, customer), (_, person)] = ran.made.try_into().unwrap();
            if office {
                world.office(&id, "name", "Of the office");
            }
            world.pass(waits);
            if deletes {
                device.engine.delete("Contact", person.as_str()).unwrap();
                device.engine.delete("Account", customer.as_str()).unwrap();
            } else {
                device.set(&customer, "name", "Mine");
            }
            world.pass(waits);
            device.sync().await;
            assert_eq!(device.pending(), vec![]);
            let accounts = world.server().all(&entity("Account"));
            let made = accounts.iter().find(|(other, _)| **other != id);
            let named = made.map(|(_, record)| record[&name("name")].clone());
            assert_eq!(named, (!deletes).then(|| Value::text("Mine")));
            assert_eq!(world.server().all(&entity("Contact")).len(), usize::from(!deletes));
            let mut log = device.engine.log(&LogSelection::Latest(9)).unwrap().into_iter();
            assert_eq!(log.find(|entry| entry.kind == LogKind::Overwritten), None);
        });
    }

    /// A server may do more with a command than was expected of it. What the command was expected to set is its own doing,
    /// whatever it set there; everything else may be somebody else's, and so may all of it once anybody could have been
    /// there between the command and the look at what it left: then both sides are weighed as ever.
    #[test]
    fn l27_what_a_command_was_expected_to_set_is_no_change_by_somebody_else(expected: bool, moved: bool, lost: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let (world, id) = world_with_commands(without_stamps()).await;
            world.server().set_settings(Some(settings(1)));
            let device = &world.devices[0];
            device.sync().await;
            let why = fields(&[("why", Value::text("dear"))]);
            device.engine.run("Account", id.as_str(), "Close", why).unwrap();
            world.server().set_schema(Arc::new(closes_otherwise()));
            let field = if expected { "city" } else { "name" };
            device.set(&id, field, "Mine");
            let wire = Wire::new(&world.backend);
            let (of, mut acts) = (id.clone(), moved);
            wire.rules.lock().unwrap().before_fetch = Some(Box::new(move |server| {
                if std::mem::take(&mut acts) {
                    server.put(&entity("Account"), &of, fields(&[("city", Value::text("Theirs")), ("name", Value::text("Theirs"))]));
                }
            }));
            if lost {
                world.server().fail(vec![Fault::ReplyLost]);
                let _ = device.engine.sync(&wire, options()).await;
            }
            device.engine.sync(&wire, options()).await.unwrap();
            assert_eq!(device.pending(), vec![]);
            assert_eq!(runs(&world)[0], "Close");
            let stands = expected && !moved && !lost;
            let theirs = if moved { "Theirs" } else { "Closed" };
            assert_eq!(world.on_server(&id, field), Value::text(if stands { "Mine" } else { theirs }));
            let log = device.engine.log(&LogSelection::Latest(9)).unwrap();
            let told = log.iter().filter(|entry| entry.kind == LogKind::Overwritten).count();
            assert_eq!(told, usize::from(!stands), "{log:?}");
        });
    }

    /// A command in a group goes with it. What it is expected to make is nothing that would have to be sent.
    #[test]
    fn l14_a_group_with_a_command_that_makes_records_is_sent(groups: bool, depends_on: bool, limit in 1..5usize, first: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let batch = Batch { limit, depends_on, groups };
            let (world, id) = world_with_commands(Capabilities { batch, ..able() }).await;
            let other = world.account(2, "Paris Paper");
            let device = &world.devices[0];
            device.sync().await;
            let run = Edit::Run {
                entity: "Account".to_owned(),
                id: id.as_str().to_owned(),
                command: "Win".to_owned(),
                parameters: fields(&[]),
            };
            let update = Edit::Update {
                entity: "Account".to_owned(),
                id: other.as_str().to_owned(),
                fields: fields(&[("city", Value::text("Oslo"))]),
            };
            let edits = if first { [run, update] } else { [update, run] };
            device.engine.edit_together(&edits, Handling::default()).unwrap();
            let sent = requests(device).await;
            assert_eq!(sent.len() == 1, limit > 1 && (groups || depends_on), "{sent:?}");
            assert_eq!(device.pending(), vec![]);
            assert_eq!(world.on_server(&other, "city"), Value::text("Oslo"));
            assert_eq!(world.server().all(&entity("Account")).len(), 3);
            assert_eq!(world.server().all(&entity("Contact")).len(), 1);
        });
    }
}

/// A command whose reply was lost may have been run long ago. Until that is known nothing else is done about it, however
/// often the server has no time to answer, and whoever was there in between is not overlooked.
#[tokio::test]
async fn l08_a_command_that_may_have_been_run_is_asked_for_again_until_that_is_known() {
    for command in ["Close", "Win"] {
        let capabilities = Capabilities {
            compare_and_set: CompareAndSet::None,
            ..without_stamps()
        };
        let (world, id) = world_with_commands(capabilities).await;
        world.server().set_settings(Some(settings(1)));
        world.server().set_revisions(Revisions::Hidden);
        let device = &world.devices[0];
        device.sync().await;
        let ran = device
            .engine
            .run("Account", id.as_str(), command, fields(&[]))
            .unwrap();
        let of = ran.made.first().map_or(&id, |(_, made)| made).clone();
        device.set(&of, "name", "Mine");
        // The first answer is lost, and then the server is busy for a minute, whatever it is asked.
        let wire = Wire::new(&world.backend);
        world.server().fail(vec![Fault::ReplyLost]);
        wire.rules.lock().unwrap().before_push = Some(Box::new(|server| {
            let busy = !server.effects().is_empty();
            server.set_busy_until(if busy { server.now() + 60_000 } else { 0 });
        }));
        device.engine.sync(&wire, options()).await.unwrap();
        let sent = device.pending().remove(0);
        assert!(matches!(sent.state, OperationState::Unknown(_)), "{sent:?}");
        let on_server = world
            .server()
            .all(&entity("Account"))
            .into_keys()
            .find(|other| (*other == id) == (of == id))
            .unwrap();
        world.office(&on_server, "name", "Theirs");
        world.pass(40 * 60 * 1000);
        device.sync().await;
        assert_eq!(device.pending(), vec![]);
        assert_eq!(runs(&world), [command], "once");
        let outcome = device.engine.outcome(ran.operation.unwrap()).unwrap();
        assert!(matches!(outcome, Outcome::Applied(_)), "{command}: {outcome:?}");
        assert_eq!(world.on_server(&on_server, "name"), Value::text("Theirs"));
        let log = device.engine.log(&LogSelection::Latest(9)).unwrap();
        assert!(
            log.iter().any(|entry| entry.kind == LogKind::Overwritten),
            "{log:?}"
        );
    }
}
