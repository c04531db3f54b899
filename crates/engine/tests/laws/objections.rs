//! Values that the server does not take, put to a policy before a person is asked: a name that another record has, and
//! a lookup to a record that is gone.

use std::sync::{Arc, Mutex};

use driftless_conflict::{CaseKind, ConflictCase, ConflictPolicy, Pick, Resolution};
use driftless_engine::{Decision, Edit, Outcome, Written};
use driftless_record::{
    CauseClass, ConflictRule, Handling, LogEntry, LogKind, RecordId, Settings, Side, Value,
};
use driftless_store::{LogSelection, MemoryStore};
use driftless_transport::{Batch, Capabilities};
use proptest::prelude::{TestCaseError, prop_assert, prop_assert_eq};

use crate::chance::block;
use crate::clash::with_unique_names;
use crate::common::*;
use crate::policies::by;
use crate::sides::settings;
use crate::watched::view_is_off;
use crate::wire::Wire;

/// What a policy says of a value that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Theirs,
    Mine,
    /// Another value, which the server takes.
    Made,
    /// Another value, which the server does not take either.
    MadeInVain,
    /// The very value that the server has something against.
    MadeTheSame,
    /// A value that is none of the field.
    MadeOfAnotherKind,
    Ask,
    Panic,
}

const ALL: [Says; 8] = [
    Says::Theirs,
    Says::Mine,
    Says::Made,
    Says::MadeInVain,
    Says::MadeTheSame,
    Says::MadeOfAnotherKind,
    Says::Ask,
    Says::Panic,
];

struct Saying {
    says: Says,
    /// The value that helps, and one that does not.
    values: [Value; 2],
    expected: CaseKind,
}

impl ConflictPolicy for Saying {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        assert_eq!(case.kind, self.expected);
        assert_eq!(case.fields.len(), 1, "the case has the field");
        let made = |value: &Value| {
            Resolution::fields(
                [(case.fields[0].field.clone(), Pick::Made(value.clone()))],
                "made instead",
            )
        };
        match self.says {
            Says::Theirs => Resolution::keep(Side::Theirs, "the value gives way"),
            Says::Mine => Resolution::keep(Side::Mine, "the value stays"),
            Says::Made => made(&self.values[0]),
            Says::MadeInVain => made(&self.values[1]),
            Says::MadeTheSame => made(&case.fields[0].mine),
            Says::MadeOfAnotherKind => made(&Value::Bool(true)),
            Says::Ask => Resolution::ask("who knows"),
            Says::Panic => panic!("on purpose"),
        }
    }
}

/// What the server does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Against {
    Name,
    Reference,
}

/// A device under a policy, whose change or new record has one value that the server does not take and one that it does.
struct Scene {
    world: World,
    id: RecordId,
    written: Written,
    of: &'static str,
    field: &'static str,
    wrong: Value,
    right: Value,
    before: Value,
}

async fn scene(against: Against, is_new: bool, says: Option<Says>, handling: Handling) -> Scene {
    let mut world = World::over(1, (with_unique_names(), able()), 1, |_| {
        Arc::new(MemoryStore::new())
    });
    world.server().keep_references();
    let first = world.account(1, "Taken");
    world.account(2, "Taken too");
    let lost = world.account(3, "Lost");
    let mine = world.account(4, "Mine");
    let contact = RecordId::guid(uuid::Uuid::from_u128(9));
    let given = [
        ("id", Value::Guid(uuid::Uuid::from_u128(9))),
        ("name", Value::text("Kim")),
        ("account", lookup(&mine)),
    ];
    world.server().put(&entity("Contact"), &contact, fields(&given));
    world.devices[0].sync().await;
    let (of, field, id, wrong, before, values, expected, other) = match against {
        Against::Name => {
            let values = [Value::text("Free"), Value::text("Taken too")];
            let kind = CaseKind::UniqueClash;
            (
                "Account",
                "name",
                mine,
                Value::text("Taken"),
                Value::text("Mine"),
                values,
                kind,
                "city",
            )
        }
        Against::Reference => {
            let values = [lookup(&first), lookup(&RecordId::guid(uuid::Uuid::from_u128(77)))];
            let kind = CaseKind::LostReference;
            (
                "Contact",
                "account",
                contact,
                lookup(&lost),
                lookup(&mine),
                values,
                kind,
                "name",
            )
        }
    };
    let right = values[0].clone();
    if let Some(says) = says {
        world.devices[0].start_with(Arc::new(Saying {
            says,
            values,
            expected,
        }));
    }
    world.server().remove(&entity("Account"), &lost);
    let given = fields(&[(field, wrong.clone()), (other, Value::text("Good"))]);
    let edit = if is_new {
        Edit::Create {
            entity: of.to_owned(),
            fields: given,
        }
    } else {
        Edit::Update {
            entity: of.to_owned(),
            id: id.as_str().to_owned(),
            fields: given,
        }
    };
    let written = world.devices[0].engine.edit(&edit, handling).unwrap();
    world.devices[0].sync().await;
    let id = written.record.clone();
    Scene {
        world,
        id,
        written,
        of,
        field,
        wrong,
        right,
        before,
    }
}

impl Scene {
    fn on_server(&self) -> Option<(Value, Value)> {
        let server = self.world.server();
        let record = server.record(&entity(self.of), &self.id)?.record;
        let other = if self.of == "Account" { "city" } else { "name" };
        Some((
            record.value(&name(self.field)).clone(),
            record.value(&name(other)).clone(),
        ))
    }

    fn outcome(&self) -> Outcome {
        self.world.devices[0]
            .engine
            .outcome(self.written.operation.unwrap())
            .unwrap()
    }

    fn log(&self) -> Vec<LogEntry> {
        self.world.devices[0]
            .engine
            .log(&LogSelection::Latest(50))
            .unwrap()
    }

    fn in_view(&self) -> Value {
        let record = self.world.devices[0]
            .engine
            .get(self.of, self.id.as_str())
            .unwrap();
        record.value(&name(self.field)).clone()
    }

    /// The change waits for a person, whole, and the entry says what the server has against which value.
    fn waits(&self) -> Result<(), TestCaseError> {
        let entries = self.world.devices[0].open_entries();
        prop_assert_eq!(entries.len(), 1);
        let entry = &entries[0];
        prop_assert_eq!(self.outcome(), Outcome::Parked(entry.id));
        let class = entry.cause.as_ref().unwrap().class;
        prop_assert!(matches!(class, CauseClass::Unique | CauseClass::MissingReference));
        prop_assert_eq!(entry.kind, LogKind::Refused);
        prop_assert!(
            entry
                .fields
                .iter()
                .all(|case| case.field == name(self.field) && case.winner.is_none())
        );
        Ok(())
    }
}

fn good() -> Value {
    Value::text("Good")
}

/// What the entry tells of why the policy's answer did not help.
fn told_of(says: Says) -> &'static str {
    match says {
        Says::Made => unreachable!("the server takes it"),
        Says::Theirs => "the value gives way; but a new record is not sent without its",
        Says::Mine => "the value stays; but the server does not take it",
        Says::MadeTheSame | Says::MadeInVain => "made instead; but the server does not take it",
        Says::MadeOfAnotherKind => "cannot take the value made instead",
        Says::Ask => "who knows",
        Says::Panic => "policy failed",
    }
}

/// Whatever a policy says of a value that the server does not take, it is carried out or left to a person: a value
/// that gave way is in the log, one that was made is on the server, and nothing is tried for ever.
#[test]
fn l31_a_value_that_the_server_does_not_take_gives_way_as_the_policy_says_or_waits() {
    let all = ALL.into_iter().flat_map(|says| [(says, false), (says, true)]);
    for ((says, is_new), against) in all.flat_map(|one| [(one, Against::Name), (one, Against::Reference)]) {
        block(async {
            let scene = scene(against, is_new, Some(says), Handling::default()).await;
            prop_assert_eq!(view_is_off(scene.world.devices[0].store()), None);
            match (says, is_new) {
                (Says::Made, _) => {
                    prop_assert_eq!(scene.on_server(), Some((scene.right.clone(), good())));
                    prop_assert!(
                        matches!(scene.outcome(), Outcome::Applied(_)),
                        "{:?}",
                        scene.outcome()
                    );
                    prop_assert_eq!(scene.in_view(), scene.right.clone());
                }
                (Says::Theirs, false) => {
                    prop_assert_eq!(scene.on_server(), Some((scene.before.clone(), good())));
                    prop_assert!(
                        matches!(scene.outcome(), Outcome::Applied(_)),
                        "{:?}",
                        scene.outcome()
                    );
                    prop_assert_eq!(scene.in_view(), scene.before.clone());
                    let told = scene.log().into_iter().flat_map(|entry| entry.fields);
                    let lost =
                        told.filter(|case| case.mine == scene.wrong && case.winner == Some(Side::Theirs));
                    prop_assert_eq!(lost.count(), 1, "what gave way is in the log");
                }
                (Says::Theirs, true)
                | (
                    Says::Mine
                    | Says::MadeInVain
                    | Says::MadeTheSame
                    | Says::MadeOfAnotherKind
                    | Says::Ask
                    | Says::Panic,
                    _,
                ) => {
                    scene.waits()?;
                    let untouched = (
                        scene.before.clone(),
                        if against == Against::Name {
                            Value::text("Rome")
                        } else {
                            Value::text("Kim")
                        },
                    );
                    prop_assert_eq!(scene.on_server(), (!is_new).then_some(untouched));
                    if says != Says::MadeInVain {
                        prop_assert_eq!(scene.in_view(), scene.wrong.clone());
                    }
                    // A person settles what no policy could.
                    let device = &scene.world.devices[0];
                    let entry = device.open_entries().remove(0);
                    prop_assert!(entry.reason.contains(told_of(says)), "{}", entry.reason);
                    let set = Decision::Set(fields(&[(scene.field, scene.right.clone())]));
                    device.engine.resolve(entry.id, &set).unwrap();
                    device.sync().await;
                    prop_assert_eq!(scene.on_server(), Some((scene.right.clone(), good())));
                    prop_assert_eq!(device.open_entries(), vec![]);
                }
            }
            Ok::<(), TestCaseError>(())
        })
        .unwrap();
    }
}

/// The administrator's rules and the app's own for one change decide such cases too; without one a person does, since
/// neither the order of edits nor a wish makes a taken value free.
#[tokio::test]
async fn l31_the_rules_in_force_decide_what_becomes_of_a_value_that_is_not_taken() {
    for against in [Against::Name, Against::Reference] {
        for rule in [
            ConflictRule::ExecutionOrder,
            ConflictRule::ServerWins,
            ConflictRule::ClientWins,
            ConflictRule::Ask,
        ] {
            let handling = Handling {
                conflict: Some(rule),
                ..Handling::default()
            };
            let scene = scene(against, false, None, handling).await;
            if rule == ConflictRule::ServerWins {
                assert_eq!(
                    scene.on_server(),
                    Some((scene.before.clone(), good())),
                    "{against:?}"
                );
            } else {
                scene.waits().unwrap();
                let entry = scene.world.devices[0].open_entries().remove(0);
                let words = match against {
                    Against::Name => CaseKind::UniqueClash.words(),
                    Against::Reference => CaseKind::LostReference.words(),
                };
                // Where a rule has nothing to add, the same is not told twice in other words.
                let adds = entry.reason.contains(words);
                assert_eq!(adds, rule == ConflictRule::Ask, "{}", entry.reason);
            }
        }
    }
    assert_eq!(Settings::default().conflict, ConflictRule::ExecutionOrder);
}

/// A world under the rule that the server wins, whose names are unique and which keeps no stamps.
async fn server_wins() -> (World, RecordId) {
    let world = World::over(1, (with_unique_names(), without_stamps()), 1, |_| {
        Arc::new(MemoryStore::new())
    });
    world.server().set_settings(Some(settings(1)));
    world.account(1, "Taken");
    let mine = world.account(4, "Mine");
    world.devices[0].sync().await;
    (world, mine)
}

/// A person may mend what the server has something against while a policy still thinks about it: what it said was of
/// the value that he had before.
#[tokio::test]
async fn l31_a_value_that_was_mended_meanwhile_does_not_give_way() {
    let (mut world, mine) = server_wins().await;
    let (other, of) = (world.devices[0].other_engine(), mine.clone());
    world.devices[0].start_with(by(move |case| {
        if case.fields[0].mine == Value::text("Taken") {
            other
                .update("Account", of.as_str(), fields(&[("name", Value::text("Free"))]))
                .unwrap();
        }
        Resolution::keep(Side::Theirs, "the value gives way")
    }));
    let device = &world.devices[0];
    device.set(&mine, "name", "Taken");
    device.sync().await;
    device.sync().await;
    assert_eq!(device.pending(), vec![]);
    assert_eq!(world.on_server(&mine, "name"), Value::text("Free"));
}

/// What a person lets go again is sent again, while the same synchronization still remembers what the server had
/// against it.
#[tokio::test]
async fn l38_what_is_let_go_again_during_a_synchronization_is_sent() {
    let (mut world, mine) = {
        let one_by_one = Batch {
            limit: 1,
            depends_on: false,
            groups: false,
        };
        let capabilities = Capabilities {
            batch: one_by_one,
            ..without_stamps()
        };
        let world = World::over(1, (with_unique_names(), capabilities), 1, |_| {
            Arc::new(MemoryStore::new())
        });
        world.account(1, "Taken");
        let mine = world.account(4, "Mine");
        world.account(5, "Other");
        world.devices[0].sync().await;
        (world, mine)
    };
    world.devices[0].start_with(by(|_| Resolution::ask("who knows")));
    let device = &world.devices[0];
    device.set(&mine, "name", "Taken");
    device.set(&RecordId::guid(uuid::Uuid::from_u128(5)), "city", "Oslo");
    let (wire, other) = (Wire::new(&world.backend), device.other_engine());
    wire.rules.lock().unwrap().before_push = Some(Box::new(move |server| {
        let open = other.log(&LogSelection::Open).unwrap();
        if let Some(entry) = open.first() {
            let free = fields(&[("name", Value::text("Free"))]);
            server.put(
                &entity("Account"),
                &RecordId::guid(uuid::Uuid::from_u128(1)),
                free,
            );
            other.resolve(entry.id, &Decision::Retry).unwrap();
        }
    }));
    device.engine.sync(&wire, options()).await.unwrap();
    assert_eq!(device.pending(), vec![]);
    assert_eq!(world.on_server(&mine, "name"), Value::text("Taken"));
    let log = device.engine.log(&LogSelection::Latest(9)).unwrap();
    assert_eq!(log.len(), 1, "{log:?}");
}

/// How far the clocks can be trusted is told with a value that the server does not take, too.
#[tokio::test]
async fn l29_a_policy_sees_how_sure_the_times_of_a_value_are_that_is_not_taken() {
    let coarse = Capabilities {
        stamp_error: 1000,
        ..able()
    };
    let mut world = World::over(1, (with_unique_names(), coarse), 1, |_| {
        Arc::new(MemoryStore::new())
    });
    world.account(1, "Taken");
    let mine = world.account(4, "Mine");
    world.devices[0].sync().await;
    let doubts = Arc::new(Mutex::new(Vec::new()));
    let told = doubts.clone();
    world.devices[0].start_with(by(move |case| {
        told.lock().unwrap().push((case.kind, case.doubt));
        Resolution::keep(Side::Theirs, "the value gives way")
    }));
    world.devices[0].set(&mine, "name", "Taken");
    world.devices[0].sync().await;
    assert_eq!(*doubts.lock().unwrap(), [(CaseKind::UniqueClash, 1000)]);
}
