//! Values that only one record may have, where another one has them already.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_engine::{Decision, Edit, EngineError, NotPossible, Outcome, Touched};
use driftless_record::{
    CauseClass, ConflictRule, FieldName, Fields, Handling, LogEntry, LogKind, OperationId, RecordId, Schema,
    Value,
};
use driftless_store::{FileRow, LogSelection, MemoryStore};
use driftless_testkit::backend::{Fault, Habits, Others};
use proptest::prelude::*;

use crate::chance::{block, capabilities, cases};
use crate::common::*;
use crate::watched::view_is_off;

/// Accounts of which no two have the same values in these fields, and contacts.
fn with_key(key: &[&str]) -> Schema {
    let mut schema = schema();
    let mut account = (**schema.entity("Account").unwrap()).clone();
    account
        .alternate_keys
        .push(key.iter().map(|field| name(field)).collect());
    schema.add(account);
    schema
}

/// Accounts of which no two have the same name, and contacts.
pub(crate) fn with_unique_names() -> Schema {
    with_key(&["name"])
}

fn world(devices: usize, key: &[&str], can: driftless_transport::Capabilities, others: Others) -> World {
    let world = World::over(devices, (with_key(key), can), 1, |_| Arc::new(MemoryStore::new()));
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

/// What was done to a new account before anybody sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Later {
    Nothing,
    /// A field that belongs to no key changes.
    Status,
    /// A field changes that belongs to the key if that is of two fields.
    City,
}

/// An account that is made on a device.
#[derive(Debug, Clone)]
struct Made {
    device: usize,
    name: u8,
    city: u8,
    contacts: u8,
    later: Later,
    way: Way,
}

fn made() -> impl Strategy<Value = Made> {
    let way = prop_oneof![1 => Just(Way::Rename), 2 => Just(Way::Link), 1 => Just(Way::Discard)];
    let later = prop_oneof![Just(Later::Nothing), Just(Later::Status), Just(Later::City)];
    (0usize..2, 0u8..3, 0u8..2, 0u8..3, later, way).prop_map(|(device, name, city, contacts, later, way)| {
        Made {
            device,
            name,
            city,
            contacts,
            later,
            way,
        }
    })
}

/// What may not be there twice, as it is drawn: a name, and a city if that belongs to it.
type Taken = (u8, Option<u8>);

/// An account that was made, with what happened on it.
struct Mine {
    made: Made,
    taken: Taken,
    id: RecordId,
    create: OperationId,
    contacts: Vec<(RecordId, OperationId)>,
    files: Vec<FileRow>,
}

fn make(device: &Device, made: &Made, is_wide: bool, number: usize) -> Mine {
    let city = if is_wide {
        made.city.to_string()
    } else {
        format!("of {number}")
    };
    let given = fields(&[
        ("name", Value::text(format!("name {}", made.name))),
        ("city", Value::text(format!("city {city}"))),
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
    match made.later {
        Later::Nothing => {}
        Later::City if !is_wide => device.set(&written.record, "city", &format!("later {number}")),
        Later::Status | Later::City => {
            let open = fields(&[("status", Value::Choice("open".to_owned()))]);
            device
                .engine
                .update("Account", written.record.as_str(), open)
                .unwrap();
        }
    }
    Mine {
        made: made.clone(),
        taken: (made.name, is_wide.then_some(made.city)),
        files: device.attach("Account", &written.record),
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
    let view = |id: &RecordId| device.engine.get("Account", id.as_str()).unwrap().fields;
    let (of_mine, theirs) = (view(&mine.id), view(holder));
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
    prop_assert_eq!(
        &view(holder),
        &theirs,
        "linking changes nothing of the other record"
    );
    let entry = device.engine.log(&LogSelection::One(entry.id)).unwrap().remove(0);
    prop_assert_eq!(entry.settled.unwrap().by, "link");
    let differs = |(field, value): &(FieldName, Value)| {
        field.as_str() != "id" && !value.is_null() && theirs.get(field) != Some(value)
    };
    prop_assert_eq!(
        entry.kept,
        of_mine.into_iter().filter(differs).collect::<Fields>()
    );
    let files = |id: &RecordId| device.store().files(&entity("Account"), id).unwrap();
    prop_assert_eq!(files(&mine.id), vec![], "files stay with a record that there is");
    for file in &mine.files {
        let moved = FileRow {
            id: holder.clone(),
            ..file.clone()
        };
        prop_assert!(files(holder).contains(&moved), "{:?}", files(holder));
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(64))]

    /// Two firms of one name are two firms until somebody who knows says otherwise: a clash makes no record out of two,
    /// changes neither, and waits, also for a process that is started later. Whoever then says that they are one has
    /// what refers to his record refer to the other. Firms of one name in two cities are none where the key is of both.
    #[test]
    fn l34_a_taken_name_makes_no_two_records_one_until_a_person_says_so(
        can in capabilities(), there in prop::collection::btree_set((0u8..3, 0u8..2), 0..6), is_known in any::<bool>(),
        others in prop_oneof![Just(Others::Told), Just(Others::Hidden), Just(Others::Unnamed)],
        plan in prop::collection::vec(made(), 1..6), is_wide in any::<bool>(), restarts in any::<bool>(),
    ) {
        block(async {
            let key: &[&str] = if is_wide { &["name", "city"] } else { &["name"] };
            let mut world = world(2, key, can, others);
            let mut holders: BTreeMap<Taken, RecordId> = BTreeMap::new();
            let there: BTreeSet<Taken> = there.into_iter().map(|(name, city)| (name, is_wide.then_some(city))).collect();
            if !is_known {
                sync_all(&world).await;
            }
            for (number, (title, city)) in there.iter().enumerate() {
                let id = world.account(number as u128 + 1, &format!("name {title}"));
                world.office(&id, "city", &city.map_or("Rome".to_owned(), |city| format!("city {city}")));
                holders.insert((*title, *city), id);
            }
            if is_known {
                sync_all(&world).await;
            }
            let before = world.server().all(&entity("Account"));
            let mut mine: Vec<Mine> = Vec::new();
            for (number, made) in plan.iter().enumerate() {
                mine.push(make(&world.devices[made.device], made, is_wide, number));
            }
            // The first device is the first to arrive.
            mine.sort_by_key(|mine| mine.made.device);
            sync_all(&world).await;
            let now = world.server().all(&entity("Account"));
            for (id, fields) in &before {
                prop_assert_eq!(now.get(id), Some(fields), "another's record is left alone");
            }
            if restarts {
                world.devices.iter_mut().for_each(Device::restart);
                world.pass(86_400_000);
                sync_all(&world).await;
            }
            let mut clashes = Vec::new();
            for mine in &mine {
                let device = &world.devices[mine.made.device];
                let holder = holders.entry(mine.taken).or_insert_with(|| mine.id.clone()).clone();
                let entries = device.open_entries();
                let entry = entry_of(&entries, mine.create);
                prop_assert_eq!(entry.is_some(), holder != mine.id);
                let Some(entry) = entry else { continue };
                let cause = entry.cause.clone().unwrap();
                prop_assert_eq!((entry.kind, cause.class), (LogKind::Refused, CauseClass::Unique));
                prop_assert_eq!(cause.field, (others != Others::Unnamed).then(|| name("name")));
                match cause.other {
                    Some(other) => prop_assert_eq!(&other, &holder),
                    None => prop_assert!(others != Others::Told && !(is_known && there.contains(&mine.taken))),
                }
                let own = format!("name {}", mine.made.name);
                prop_assert_eq!(device.text("Account", &mine.id, "name"), Some(own), "mine is in view as I made it");
                clashes.push((mine, holder, entry.clone()));
            }
            for (mine, holder, entry) in &clashes {
                decide(&world.devices[mine.made.device], mine, holder, entry)?;
            }
            for _ in 0..2 {
                sync_all(&world).await;
            }
            let (accounts, contacts) = {
                let server = world.server();
                (server.all(&entity("Account")), server.all(&entity("Contact")))
            };
            for device in &world.devices {
                prop_assert_eq!(device.engine.outbox().unwrap(), vec![]);
                prop_assert_eq!(device.open_entries(), vec![]);
                prop_assert_eq!(view_is_off(device.store()), None);
            }
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
            Ok(())
        })?;
    }
}

async fn sync_all(world: &World) {
    for device in &world.devices {
        device.sync().await;
    }
}

/// A world whose device has made an account with the name of one that the server has.
pub(crate) async fn clash() -> (World, RecordId, RecordId, LogEntry) {
    let world = world(1, &["name"], able(), Others::Told);
    let holder = world.account(1, "Rome Steel");
    let device = &world.devices[0];
    device.sync().await;
    let given = fields(&[("name", Value::text("Rome Steel"))]);
    let mine = device.engine.create("Account", given).unwrap().record;
    let report = device.sync().await;
    assert_eq!((report.refused, report.decided), (1, 1));
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
    let world = world(1, &["name"], able(), Others::Hidden);
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
