//! What is done behind a command, and beside it in a group.

use driftless_engine::Edit;
use driftless_record::{Handling, LogKind, Value};
use driftless_store::LogSelection;
use driftless_transport::{Batch, Capabilities};
use proptest::prelude::*;

use crate::chance::cases;
use crate::commands::world_with_commands;
use crate::common::*;

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
            device.sync().await;
            assert_eq!(device.pending(), vec![]);
            assert_eq!(world.on_server(&other, "city"), Value::text("Oslo"));
            assert_eq!(world.server().all(&entity("Account")).len(), 3);
            assert_eq!(world.server().all(&entity("Contact")).len(), 1);
        });
    }
}
