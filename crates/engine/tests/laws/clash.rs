//! Values that only one record may have, where another one has them already.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_engine::{Decision, Edit, EngineError, NotPossible, Outcome, Touched};
use driftless_record::{
    CauseClass, ConflictRule, Handling, LogEntry, LogKind, OperationId, RecordId, Schema, Value,
};
use driftless_store::{LogSelection, MemoryStore};
use driftless_testkit::backend::{Fault, Habits, Others};
use proptest::prelude::*;

use crate::chance::{block, capabilities, cases};
use crate::common::*;
use crate::watched::view_is_off;

/// Accounts of which no two have the same name, and contacts.
pub(crate) fn with_unique_names() -> Schema {
    let mut schema = schema();
    let mut account = (**schema.entity("Account").unwrap()).clone();
    account.alternate_keys.push(vec![name("name")]);
    schema.add(account);
    schema
}

fn world(can: driftless_transport::Capabilities, others: Others) -> World {
    let world = World::over(1, (with_unique_names(), can), 1, |_| Arc::new(MemoryStore::new()));
    world.server().set_habits(Habits {
        others,
        ..Habits::default()
    });
    world
}

/// What a person does about a name that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Rename,
    Link,
    Discard,
}

/// An account that is made on the device.
#[derive(Debug, Clone)]
struct Made {
    name: u8,
    contacts: u8,
    later: bool,
    way: Way,
}

fn made() -> impl Strategy<Value = Made> {
    let way = prop_oneof![1 => Just(Way::Rename), 2 => Just(Way::Link), 1 => Just(Way::Discard)];
    (0u8..4, 0u8..3, any::<bool>(), way).prop_map(|(name, contacts, later, way)| Made {
        name,
        contacts,
        later,
        way,
    })
}

/// An account that was made, with what happened on it.
struct Mine {
    made: Made,
    id: RecordId,
    create: OperationId,
    contacts: Vec<(RecordId, OperationId)>,
}

fn make(device: &Device, made: &Made, number: usize) -> Mine {
    let given = fields(&[
        ("name", Value::text(format!("name {}", made.name))),
        ("city", Value::text(format!("city {number}"))),
    ]);
    let written = device.engine.create("Account", given).unwrap();
    let contact = |of: u8| {
        let given = fields(&[
            ("name", Value::text(format!("contact {number} {of}"))),
            ("account", lookup(&written.record)),
        ]);
        let contact = device.engine.create("Contact", given).unwrap();
        (contact.record, contact.operation.unwrap())
    };
    let contacts = (0..made.contacts).map(contact).collect();
    if made.later {
        device.set(&written.record, "city", &format!("later {number}"));
    }
    Mine {
        made: made.clone(),
        id: written.record,
        create: written.operation.unwrap(),
        contacts,
    }
}

fn entry_of(entries: &[LogEntry], operation: OperationId) -> Option<&LogEntry> {
    entries.iter().find(|entry| entry.operations.contains(&operation))
}

/// Carries out what was decided on, and looks at what it did at once.
fn decide(device: &Device, mine: &Mine, holder: &RecordId, entry: &LogEntry) -> Result<(), TestCaseError> {
    let decision = match mine.made.way {
        Way::Rename => Decision::Set(fields(&[("name", Value::text(mine.id.to_string()))])),
        Way::Link => Decision::Link(holder.clone()),
        Way::Discard => Decision::Discard,
    };
    let told = device.engine.resolve_preview(entry.id, &decision).unwrap();
    prop_assert_eq!(&device.engine.resolve(entry.id, &decision).unwrap(), &told);
    prop_assert_eq!(view_is_off(device.store()), None);
    if mine.made.way != Way::Link {
        prop_assert_eq!(told.redirected, vec![]);
        return Ok(());
    }
    let contacts: Vec<OperationId> = mine.contacts.iter().map(|(_, operation)| *operation).collect();
    prop_assert_eq!(told.redirected, contacts, "what refers to it is told beforehand");
    prop_assert_eq!(device.engine.outcome(mine.create).unwrap(), Outcome::Superseded);
    // The id that people and apps have kept leads to the record that there is.
    prop_assert_eq!(
        &device.engine.get("Account", mine.id.as_str()).unwrap().id,
        holder
    );
    let entry = device.engine.log(&LogSelection::One(entry.id)).unwrap().remove(0);
    prop_assert_eq!(entry.settled.unwrap().by, "link");
    prop_assert!(
        entry.kept.contains_key("city") && !entry.kept.contains_key("name"),
        "{:?}",
        entry.kept
    );
    Ok(())
}

proptest! {
    #![proptest_config(cases(48))]

    /// Two firms of one name are two firms until somebody who knows says otherwise: a clash makes no record out of two,
    /// changes neither, and waits. Whoever then says that they are one has what refers to his record refer to the other.
    #[test]
    fn l34_a_taken_name_makes_no_two_records_one_until_a_person_says_so(
        can in capabilities(), there in prop::collection::btree_set(0u8..4, 0..3), is_known in any::<bool>(),
        others in prop_oneof![Just(Others::Told), Just(Others::Hidden)], plan in prop::collection::vec(made(), 1..5),
    ) {
        block(async {
            let world = world(can, others);
            let device = &world.devices[0];
            if !is_known {
                device.sync().await;
            }
            let mut holders: BTreeMap<u8, RecordId> = BTreeMap::new();
            for number in &there {
                holders.insert(*number, world.account(u128::from(*number) + 1, &format!("name {number}")));
            }
            if is_known {
                device.sync().await;
            }
            let before = world.server().all(&entity("Account"));
            let mine: Vec<Mine> = plan.iter().enumerate().map(|(number, made)| make(device, made, number)).collect();
            device.sync().await;
            let now = world.server().all(&entity("Account"));
            for (id, fields) in &before {
                prop_assert_eq!(now.get(id), Some(fields), "another's record is left alone");
            }
            let entries = device.open_entries();
            let mut clashes = Vec::new();
            for mine in &mine {
                let holder = holders.entry(mine.made.name).or_insert_with(|| mine.id.clone()).clone();
                let entry = entry_of(&entries, mine.create);
                prop_assert_eq!(entry.is_some(), holder != mine.id);
                let Some(entry) = entry else { continue };
                let cause = entry.cause.clone().unwrap();
                prop_assert_eq!((entry.kind, cause.class), (LogKind::Refused, CauseClass::Unique));
                prop_assert_eq!(cause.field, Some(name("name")));
                match cause.other {
                    Some(other) => prop_assert_eq!(&other, &holder),
                    None => prop_assert!(others == Others::Hidden && !(is_known && there.contains(&mine.made.name))),
                }
                let own = format!("name {}", mine.made.name);
                prop_assert_eq!(device.text("Account", &mine.id, "name"), Some(own), "mine is in view as I made it");
                clashes.push((mine, holder, entry.clone()));
            }
            for (mine, holder, entry) in &clashes {
                decide(device, mine, holder, entry)?;
            }
            device.sync().await;
            device.sync().await;
            prop_assert_eq!(device.engine.outbox().unwrap(), vec![]);
            prop_assert_eq!(device.open_entries(), vec![]);
            let (accounts, contacts) = {
                let server = world.server();
                (server.all(&entity("Account")), server.all(&entity("Contact")))
            };
            for (id, fields) in &before {
                prop_assert_eq!(accounts.get(id), Some(fields), "linking changes nothing of the other record");
            }
            for mine in &mine {
                let clash = clashes.iter().find(|(other, ..)| other.id == mine.id);
                let target = match clash.map(|(_, holder, _)| (mine.made.way, holder)) {
                    None | Some((Way::Rename, _)) => Some(&mine.id),
                    Some((Way::Link, holder)) => Some(holder),
                    Some((Way::Discard, _)) => None,
                };
                prop_assert_eq!(accounts.contains_key(&mine.id), target == Some(&mine.id));
                for (contact, _) in &mine.contacts {
                    let account = contacts.get(contact).and_then(|fields| fields.get("account")).cloned();
                    prop_assert_eq!(account, target.map(lookup));
                }
            }
            prop_assert_eq!(view_is_off(device.store()), None);
            Ok(())
        })?;
    }
}

/// A world whose device has made an account with the name of one that the server has.
pub(crate) async fn clash() -> (World, RecordId, RecordId, LogEntry) {
    let world = world(able(), Others::Told);
    let holder = world.account(1, "Rome Steel");
    let device = &world.devices[0];
    device.sync().await;
    let given = fields(&[("name", Value::text("Rome Steel"))]);
    let mine = device.engine.create("Account", given).unwrap().record;
    device.sync().await;
    let entry = device.open_entries().remove(0);
    (world, mine, holder, entry)
}

/// Linking gives up what was done to the record here, so it is refused where that is more than its values, and where the
/// other record is none that the server has.
#[tokio::test]
async fn l34_only_a_new_record_is_linked_and_only_to_one_that_is_there() {
    let (world, mine, holder, entry) = clash().await;
    let device = &world.devices[0];
    let refused = |to: &RecordId| match device.engine.resolve(entry.id, &Decision::Link(to.clone())) {
        Err(EngineError::NotPossible(why)) => why,
        other => panic!("{other:?}"),
    };
    let not_there = |id: &RecordId| NotPossible::NotThere(entity("Account"), id.clone());
    let nobody = RecordId::guid(uuid::Uuid::from_u128(77));
    assert_eq!(refused(&nobody), not_there(&nobody));
    assert_eq!(refused(&mine), not_there(&mine));
    let given = fields(&[("name", Value::text("Other"))]);
    let unsent = device.engine.create("Account", given).unwrap().record;
    assert_eq!(refused(&unsent), not_there(&unsent));
    let deleted = device.engine.delete("Account", mine.as_str()).unwrap().operation;
    if let Some(delete) = deleted {
        assert_eq!(refused(&holder), NotPossible::InTheWay(delete));
        device.engine.undo(delete).unwrap();
    }
    device
        .engine
        .resolve(entry.id, &Decision::Link(holder.clone()))
        .unwrap();
    assert_eq!(device.store().get(&entity("Account"), &mine).unwrap(), None);
    // A record of the server that was to take a name stays what it is.
    let second = world.account(2, "Second");
    device.sync().await;
    device.set(&second, "name", "Rome Steel");
    device.sync().await;
    let entry = device.open_entries().remove(0);
    let why = device
        .engine
        .resolve(entry.id, &Decision::Link(holder))
        .unwrap_err();
    assert!(
        matches!(why, EngineError::NotPossible(NotPossible::NotNew(_))),
        "{why}"
    );
    let rename = Decision::Set(fields(&[("name", Value::text("Third"))]));
    let touched: Touched = device.engine.resolve(entry.id, &rename).unwrap();
    assert_eq!(touched.queued.len(), 1);
    device.sync().await;
    assert_eq!(world.on_server(&second, "name"), Value::text("Third"));
}

/// The value that the server refused is the one that another record has; what the person has set behind it meanwhile
/// names nobody.
#[tokio::test]
async fn l34_the_other_record_is_that_with_the_value_that_was_refused() {
    let world = world(able(), Others::Hidden);
    let (first, second) = (world.account(1, "First"), world.account(2, "Second"));
    let device = &world.devices[0];
    device.sync().await;
    let made = fields(&[("name", Value::text("First"))]);
    let made = device.engine.create("Account", made).unwrap().record;
    world.server().fail([Fault::ReplyLost; 8]);
    device.sync().await;
    assert_eq!(device.engine.status().unwrap().unknown, 1);
    // It is a change of its own, for it goes by another rule.
    let later = Edit::Update {
        entity: "Account".to_owned(),
        id: made.as_str().to_owned(),
        fields: fields(&[("name", Value::text("Second"))]),
    };
    let rule = Handling {
        conflict: Some(ConflictRule::Ask),
        ..Handling::default()
    };
    device.engine.edit(&later, rule).unwrap();
    world.server().heal();
    device.sync().await;
    let entries = device.open_entries();
    let told = entries
        .iter()
        .find_map(|entry| entry.cause.as_ref()?.other.clone());
    assert_eq!(told, Some(first), "not {second}");
}
