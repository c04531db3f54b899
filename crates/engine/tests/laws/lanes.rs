//! Urgent work goes first, with what it needs, and breaks no record's order.

use driftless_engine::Edit;
use driftless_record::{Handling, Lookup, OperationId, RecordId, Urgency, Value};
use driftless_transport::Batch;
use proptest::prelude::*;

use crate::chance::cases;
use crate::common::*;
use crate::groups::{able_to, requests, update};

proptest! {
    #![proptest_config(cases(40))]

    /// Urgent work overtakes what it does not need, and nothing else: what it needs comes with it, and the order on a
    /// record is the order in which it was made.
    #[test]
    fn l03_lanes_never_break_the_order_on_a_record(
        work in prop::collection::vec((0..5usize, 0..3usize, any::<bool>()), 1..14),
        limit in 1..4usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let world = World::new(1, able_to(Batch { limit, depends_on: true, groups: true }), 1);
            let ids: Vec<RecordId> = (1..5).map(|number| world.account(number, "Rome Steel")).collect();
            world.devices[0].sync().await;
            let engine = &world.devices[0].engine;
            let mut made: Vec<(OperationId, RecordId, Urgency)> = Vec::new();
            for (number, (account, urgency, is_contact)) in work.iter().enumerate() {
                let urgency = [Urgency::Background, Urgency::Normal, Urgency::Urgent][*urgency];
                let handling = Handling { urgency, ..Handling::default() };
                let edit = match ids.get(*account) {
                    Some(id) if !is_contact => update(id, "city", &format!("city {number}")),
                    known => Edit::Create {
                        entity: "Contact".to_owned(),
                        fields: fields(&[
                            ("name", Value::text(format!("contact {number}"))),
                            ("account", known.map_or(Value::Null, lookup)),
                        ]),
                    },
                };
                let written = engine.edit(&edit, handling).unwrap();
                made.push((written.operation.unwrap(), written.record, urgency));
            }
            world.devices[0].sync().await;
            let done: Vec<OperationId> =
                world.server().effects().iter().flat_map(|effect| effect.operations.clone()).collect();
            assert_eq!(done.len(), made.len(), "everything went");
            let place = |id: &OperationId| done.iter().position(|other| other == id).unwrap();
            for (at, (id, record, urgency)) in made.iter().enumerate() {
                for (later, other, theirs) in &made[at + 1..] {
                    if record == other {
                        assert!(place(id) < place(later), "the order on a record");
                    }
                    // As urgent as whatever comes behind it on its record.
                    let lane = |of: &RecordId, own: &Urgency| {
                        made.iter().filter(|(_, record, _)| record == of).map(|(.., urgency)| *urgency).max().unwrap_or(*own)
                    };
                    if lane(record, urgency) == Urgency::Background && *theirs == Urgency::Urgent && record != other {
                        assert!(place(later) < place(id), "the urgent one first");
                    }
                }
            }
        });
    }

    /// What urgent work needs is as urgent as the work itself, however many steps are between.
    #[test]
    fn l03_what_urgent_work_needs_goes_with_it(
        others in 1..5usize, at in 0..5usize, background in any::<bool>(), steps in 0..3usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let world = World::new(1, able_to(Batch { limit: 1, depends_on: true, groups: true }), 1);
            let device = &world.devices[0];
            device.sync().await;
            let make = |of: &str, given: &[(&str, Value)], urgency| {
                let edit = Edit::Create { entity: of.to_owned(), fields: fields(given) };
                device.engine.edit(&edit, Handling { urgency, ..Handling::default() }).unwrap()
            };
            let usual = if background { Urgency::Background } else { Urgency::Normal };
            let accounts: Vec<_> = (0..=others)
                .map(|number| make("Account", &[("name", Value::text(format!("account {number}")))], usual))
                .collect();
            let needed = &accounts[at % accounts.len()];
            let mut chain = vec![needed.operation.unwrap()];
            let mut last = needed.record.clone();
            for step in 0..=steps {
                let urgency = if step == steps { Urgency::Urgent } else { usual };
                let made = if step % 2 == 0 {
                    make("Contact", &[("name", Value::text("Ann")), ("account", lookup(&last))], urgency)
                } else {
                    let main = Value::Lookup(Lookup { entity: entity("Contact"), id: last, name: None });
                    make("Account", &[("name", Value::text("Its own")), ("main", main)], urgency)
                };
                chain.push(made.operation.unwrap());
                last = made.record;
            }
            let sent: Vec<OperationId> = requests(device).await.concat();
            assert_eq!(sent.len(), others + chain.len());
            assert_eq!(sent[..chain.len()], chain);
        });
    }
}
