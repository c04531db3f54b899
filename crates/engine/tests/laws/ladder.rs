//! The ladder of exactly-once effects: each rung against a back end that can do just that much and no more.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_engine::{Decision, Outcome, SyncReport};
use driftless_record::{
    ChangeAction, EntitySchema, Fields, LogKind, OperationId, RecordId, RequestId, Schema, Value,
};
use driftless_testkit::backend::{Fault, Habits, Taken};
use driftless_transport::{Batch, Capabilities, Idempotency};
use proptest::prelude::*;

use crate::chance::{block, cases};
use crate::commands::world_with_commands;
use crate::common::*;

/// What a back end does about a request that it may have had before, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rung {
    /// It remembers requests by the headers of OASIS Repeatable Requests.
    Repeatable,
    /// It remembers idempotency keys for a day.
    Key,
    /// The device makes the key, and a create has the condition that there is no such record: 412.
    CreateOnly,
    /// The device makes the key, and a create on a key that is taken fails: 409.
    Post,
    /// It makes the key, and keeps in a field which operation made a record.
    Marker,
    /// It makes the key, and tells nothing.
    Nothing,
}

impl Rung {
    fn capabilities(self, limit: usize, depends_on: bool) -> Capabilities {
        Capabilities {
            idempotency: match self {
                Self::Repeatable => Idempotency::Repeatable,
                Self::Key => Idempotency::Key,
                Self::CreateOnly | Self::Post => Idempotency::ClientKey,
                Self::Marker => Idempotency::Marker,
                Self::Nothing => Idempotency::None,
            },
            batch: Batch {
                limit,
                depends_on,
                groups: false,
            },
            ..without_stamps()
        }
    }

    fn habits(self) -> Habits {
        Habits {
            taken: if self == Self::CreateOnly {
                Taken::Precondition
            } else {
                Taken::Conflict
            },
            ..Habits::default()
        }
    }

    fn schema(self) -> Schema {
        let mut schema = schema();
        if matches!(self, Self::Marker | Self::Nothing) {
            let mut account = EntitySchema::clone(schema.entity("Account").unwrap());
            for field in &mut account.fields {
                field.server_made |= field.name == name("id");
            }
            schema.add(account);
        }
        schema
    }

    async fn world(self, limit: usize, depends_on: bool, seed: u64) -> World {
        let world = World::new(1, self.capabilities(limit, depends_on), seed);
        world.server().set_habits(self.habits());
        world.server().set_schema(Arc::new(self.schema()));
        world.devices[0].sync().await;
        world
    }
}

#[derive(Debug, Clone)]
enum Step {
    Create,
    Set {
        of: usize,
    },
    Delete {
        of: usize,
    },
    Sync(Fault),
    /// So many minutes pass, in which nothing that is on its way stays there.
    Pass(i64),
}

/// Whatever can become of a request: `harmless` ones do no harm at a back end that knows no request again.
fn fault(harmless: bool) -> BoxedStrategy<Fault> {
    let some = prop_oneof![
        3 => Just(Fault::None),
        1 => Just(Fault::Unreachable),
        2 => Just(Fault::RequestLost),
        3 => Just(Fault::ReplyLost),
        1 => (0usize..3).prop_map(Fault::ReplyCut),
        1 => Just(Fault::KilledBefore),
        2 => Just(Fault::KilledAfter),
    ];
    if harmless {
        some.boxed()
    } else {
        prop_oneof![3 => some, 1 => Just(Fault::Late), 1 => Just(Fault::Twice)].boxed()
    }
}

fn steps(harmless: bool) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Create),
        3 => (0usize..4).prop_map(|of| Step::Set { of }),
        1 => (0usize..4).prop_map(|of| Step::Delete { of }),
        5 => fault(harmless).prop_map(Step::Sync),
        2 => (1i64..9).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..24)
}

/// What one device has made.
#[derive(Default)]
struct Made {
    records: Vec<RecordId>,
    operations: Vec<OperationId>,
    count: usize,
}

impl Made {
    fn play(&mut self, world: &World, step: &Step) {
        let engine = &world.devices[0].engine;
        self.count += 1;
        // No two values are equal, so that an effect is proved by nothing but itself.
        let given: Fields = fields(&[("name", Value::text(format!("v{}", self.count)))]);
        let at = |of: &usize| of.checked_rem(self.records.len());
        let written = match step {
            Step::Create => {
                let written = engine.create("Account", given).unwrap();
                self.records.push(written.record.clone());
                Some(written)
            }
            Step::Set { of } => at(of).map(|at| {
                engine
                    .update("Account", self.records[at].as_str(), given)
                    .unwrap()
            }),
            Step::Delete { of } => at(of).map(|at| {
                let id = self.records.remove(at);
                engine.delete("Account", id.as_str()).unwrap()
            }),
            Step::Sync(_) | Step::Pass(_) => None,
        };
        self.operations
            .extend(written.and_then(|written| written.operation));
    }
}

fn effects(world: &World) -> BTreeMap<OperationId, usize> {
    let mut effects = BTreeMap::new();
    for operation in world
        .server()
        .effects()
        .iter()
        .flat_map(|effect| &effect.operations)
    {
        *effects.entry(*operation).or_default() += 1;
    }
    effects
}

/// No operation has two effects, and nothing has happened to a record behind an operation whose outcome is unknown.
fn is_in_order(world: &World) -> Result<(), TestCaseError> {
    let effects = effects(world);
    for (operation, count) in &effects {
        prop_assert_eq!(*count, 1, "operation {} had {} effects", operation, count);
    }
    let mut unknown: BTreeMap<RecordId, RequestId> = BTreeMap::new();
    for item in world.devices[0].engine.outbox().unwrap() {
        let sending = item.operation.state.sending();
        // What travels together is settled together.
        let earlier = unknown.get(&item.operation.record);
        prop_assert!(
            earlier.is_none() || earlier == sending.as_ref() || !effects.contains_key(&item.operation.id),
            "{} had an effect before an earlier one was settled",
            item.operation.id
        );
        if let Some(sending) = sending {
            unknown.entry(item.operation.record).or_insert(sending);
        }
    }
    Ok(())
}

async fn climb(
    rung: Rung,
    (limit, depends_on): (usize, bool),
    steps: &[Step],
    seed: u64,
) -> Result<(), TestCaseError> {
    let mut world = rung.world(limit, depends_on, seed).await;
    let mut made = Made::default();
    for step in steps {
        world.pass(7);
        made.play(&world, step);
        match step {
            Step::Sync(fault) => {
                world.server().fail([*fault]);
                world.devices[0].sync_or_die().await;
                world.server().heal();
            }
            Step::Pass(minutes) => {
                world.server().arrive();
                world.pass(60_000 * minutes);
            }
            Step::Create | Step::Set { .. } | Step::Delete { .. } => {}
        }
        is_in_order(&world)?;
    }
    world.server().arrive();
    for _ in 0..8 {
        world.pass(700_000);
        world.devices[0].sync().await;
        is_in_order(&world)?;
    }
    let open = world.devices[0].open_entries();
    if rung == Rung::Nothing {
        for entry in open {
            prop_assert_eq!(entry.kind, LogKind::Unproved);
            world.devices[0]
                .engine
                .resolve(entry.id, &Decision::Discard)
                .unwrap();
        }
        return Ok(());
    }
    prop_assert_eq!(open, vec![]);
    prop_assert_eq!(world.devices[0].engine.outbox().unwrap(), vec![]);
    let effects = effects(&world);
    for operation in &made.operations {
        let outcome = world.devices[0].engine.outcome(*operation).unwrap();
        if matches!(outcome, Outcome::Applied(_)) {
            prop_assert_eq!(
                effects.get(operation),
                Some(&1),
                "{} is called applied",
                operation
            );
        }
    }
    prop_assert_eq!(world.server().all(&entity("Account")).len(), made.records.len());
    Ok(())
}

proptest! {
    #![proptest_config(cases(40))]

    /// Rungs 1 to 4: the back end knows the request again, or the key that the device has made, so whatever arrives late
    /// or twice does nothing.
    #[test]
    fn l09_one_effect_where_the_back_end_knows_requests_or_the_device_makes_the_keys(
        rung in prop_oneof![
            Just(Rung::Repeatable), Just(Rung::Key), Just(Rung::CreateOnly), Just(Rung::Post),
        ],
        limit in 1usize..4,
        depends_on in any::<bool>(),
        steps in steps(false),
        seed in any::<u64>(),
    ) {
        block(climb(rung, (limit, depends_on), &steps, seed))?;
    }

    /// Rungs 5 and 6: a create whose outcome is unknown is looked for by its marker, once nothing can be on its way any
    /// more; without a marker it is never sent again unasked.
    #[test]
    fn l09_one_effect_where_the_back_end_makes_the_keys(
        rung in prop_oneof![Just(Rung::Marker), Just(Rung::Nothing)],
        limit in 1usize..4,
        depends_on in any::<bool>(),
        steps in steps(true),
        seed in any::<u64>(),
    ) {
        block(climb(rung, (limit, depends_on), &steps, seed))?;
    }
}

fn word(world: &World) -> Option<&'static str> {
    let outbox = world.devices[0].engine.outbox().unwrap();
    outbox.first().map(|item| item.operation.state.word())
}

async fn sync(world: &World) -> SyncReport {
    world.devices[0].sync().await
}

/// A request can lie in a proxy for minutes: a look that finds nothing proves nothing before that is over.
#[tokio::test]
async fn l10_a_create_that_no_marker_tells_of_stays_unknown_as_long_as_it_may_be_on_its_way() {
    for arrives in [true, false] {
        let world = Rung::Marker.world(10, false, 1).await;
        let given = fields(&[("name", Value::text("Rome Steel"))]);
        world.devices[0].engine.create("Account", given).unwrap();
        world
            .server()
            .fail([if arrives { Fault::Late } else { Fault::RequestLost }]);
        sync(&world).await;
        for _ in 0..4 {
            assert_eq!(word(&world), Some("unknown"));
            assert_eq!(world.server().effects().len(), 0);
            world.pass(120_000);
            sync(&world).await;
        }
        world.server().arrive();
        world.pass(120_000);
        for _ in 0..2 {
            sync(&world).await;
            world.pass(700_000);
        }
        assert_eq!(word(&world), None, "{arrives}");
        assert_eq!(world.server().effects().len(), 1, "{arrives}");
    }
}

/// Where nothing can be looked for, sending it again might make it twice: a person decides, and an edit of the record is
/// no such decision.
#[tokio::test]
async fn l10_a_create_that_may_have_been_made_is_repeated_by_a_person_alone() {
    for decides in [true, false] {
        let world = Rung::Nothing.world(10, false, 1).await;
        let engine = &world.devices[0].engine;
        let given = fields(&[("name", Value::text("Rome Steel"))]);
        let made = engine.create("Account", given).unwrap();
        world.server().fail([Fault::RequestLost]);
        sync(&world).await;
        engine
            .update(
                "Account",
                made.record.as_str(),
                fields(&[("city", Value::text("Rome"))]),
            )
            .unwrap();
        for _ in 0..3 {
            world.pass(700_000);
            sync(&world).await;
        }
        assert_eq!(world.server().effects(), vec![]);
        let entry = world.devices[0].open_entries().remove(0);
        assert_eq!(entry.kind, LogKind::Unproved);
        if decides {
            engine.resolve(entry.id, &Decision::Retry).unwrap();
            sync(&world).await;
        }
        let creates = |world: &World| {
            let server = world.server();
            let all = server.effects().iter();
            all.filter(|effect| matches!(effect.change.action, ChangeAction::Create(_)))
                .count()
        };
        assert_eq!(creates(&world), usize::from(decides));
        assert_eq!(world.devices[0].open_entries().is_empty(), decides);
    }
}

/// Of a command that need not change its own record nothing tells whether it was run, and neither an edit of the record
/// nor time makes it run twice.
#[tokio::test]
async fn l10_a_command_that_may_have_been_run_is_run_again_by_a_person_alone() {
    for idempotency in [Idempotency::ClientKey, Idempotency::Marker, Idempotency::None] {
        for decides in [true, false] {
            let (world, id) = world_with_commands(Capabilities {
                idempotency,
                ..able()
            })
            .await;
            let device = &world.devices[0];
            device
                .engine
                .run("Account", id.as_str(), "Meet", fields(&[]))
                .unwrap();
            world.server().fail([Fault::ReplyLost]);
            for _ in 0..3 {
                sync(&world).await;
                world.pass(700_000);
            }
            let entry = device.open_entries().remove(0);
            assert_eq!(entry.kind, LogKind::Unproved, "{idempotency:?}");
            device.set(&id, "city", "Oslo");
            sync(&world).await;
            if decides {
                device.engine.resolve(entry.id, &Decision::Retry).unwrap();
                sync(&world).await;
            }
            let met = world.server().all(&entity("Contact")).len();
            assert_eq!(met, 1 + usize::from(decides), "{idempotency:?}");
        }
    }
}

/// A key is remembered for a day or so: what was sent before that is read back, not sent again under it.
#[tokio::test]
async fn l10_a_key_that_may_be_forgotten_proves_nothing() {
    let world = Rung::Key.world(10, false, 1).await;
    let id = world.account(1, "Rome Steel");
    sync(&world).await;
    world.devices[0].set(&id, "city", "Oslo");
    world.server().fail([Fault::ReplyCut(0)]);
    sync(&world).await;
    assert_eq!(word(&world), Some("unknown"));
    world.server().forget_requests();
    world.pass(21 * 3_600_000);
    let report = sync(&world).await;
    assert_eq!((report.applied, report.pending), (1, 0));
    assert_eq!(world.server().effects().len(), 1);
}
