//! Values that the server does not take, put to a policy before a person is asked: a name that another record has, and
//! a lookup to a record that is gone.

use std::sync::Arc;

use driftless_conflict::{CaseKind, ConflictCase, ConflictPolicy, Pick, Resolution};
use driftless_engine::{Edit, Outcome, Written};
use driftless_record::{
    CauseClass, ConflictRule, Handling, LogEntry, LogKind, RecordId, Settings, Side, Value,
};
use driftless_store::{LogSelection, MemoryStore};
use proptest::prelude::*;

use crate::chance::{block, cases};
use crate::clash::with_unique_names;
use crate::common::*;
use crate::watched::view_is_off;

/// What a policy says of a value that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Theirs,
    Mine,
    /// Another value, which the server takes.
    Made,
    /// Another value, which the server does not take either.
    MadeInVain,
    /// A value that is none of the field.
    MadeOfAnotherKind,
    Ask,
    Panic,
}

const ALL: [Says; 7] = [
    Says::Theirs,
    Says::Mine,
    Says::Made,
    Says::MadeInVain,
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

proptest! {
    #![proptest_config(cases(60))]

    /// Whatever a policy says of a value that the server does not take, it is carried out or left to a person: a value
    /// that gave way is in the log, one that was made is on the server, and nothing is tried for ever.
    #[test]
    fn l31_a_value_that_the_server_does_not_take_gives_way_as_the_policy_says_or_waits(
        says in prop::sample::select(ALL.to_vec()), is_new in any::<bool>(),
        against in prop_oneof![Just(Against::Name), Just(Against::Reference)],
    ) {
        block(async {
            let scene = scene(against, is_new, Some(says), Handling::default()).await;
            prop_assert_eq!(view_is_off(scene.world.devices[0].store()), None);
            match (says, is_new) {
                (Says::Made, _) => {
                    prop_assert_eq!(scene.on_server(), Some((scene.right.clone(), good())));
                    prop_assert!(matches!(scene.outcome(), Outcome::Applied(_)), "{:?}", scene.outcome());
                    prop_assert_eq!(scene.in_view(), scene.right.clone());
                }
                (Says::Theirs, false) => {
                    prop_assert_eq!(scene.on_server(), Some((scene.before.clone(), good())));
                    prop_assert!(matches!(scene.outcome(), Outcome::Applied(_)), "{:?}", scene.outcome());
                    prop_assert_eq!(scene.in_view(), scene.before.clone());
                    let told = scene.log().into_iter().flat_map(|entry| entry.fields);
                    let lost = told.filter(|case| case.mine == scene.wrong && case.winner == Some(Side::Theirs));
                    prop_assert_eq!(lost.count(), 1, "what gave way is in the log");
                }
                (Says::Theirs, true)
                | (Says::Mine | Says::MadeInVain | Says::MadeOfAnotherKind | Says::Ask | Says::Panic, _) => {
                    scene.waits()?;
                    let untouched = (scene.before.clone(), if against == Against::Name { Value::text("Rome") } else { Value::text("Kim") });
                    prop_assert_eq!(scene.on_server(), (!is_new).then_some(untouched));
                    if says != Says::MadeInVain {
                        prop_assert_eq!(scene.in_view(), scene.wrong.clone());
                    }
                    // A person settles what no policy could.
                    let device = &scene.world.devices[0];
                    let entry = device.open_entries().remove(0);
                    let set = driftless_engine::Decision::Set(fields(&[(scene.field, scene.right.clone())]));
                    device.engine.resolve(entry.id, &set).unwrap();
                    device.sync().await;
                    prop_assert_eq!(scene.on_server(), Some((scene.right.clone(), good())));
                    prop_assert_eq!(device.open_entries(), vec![]);
                }
            }
            Ok(())
        })?;
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
            }
        }
    }
    assert_eq!(Settings::default().conflict, ConflictRule::ExecutionOrder);
}
