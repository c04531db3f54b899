//! A process that is killed at a commit: what a person decided, did together or ran is there whole or not at all.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use driftless_engine::{Decision, Edit as Wish, EngineError};
use driftless_record::{
    EntityName, FieldName, Fields, Handling, LogEntry, Operation, OperationKind, Query, Record, RecordId,
    Schema, Value,
};
use driftless_store::{
    Image, JournalReader as _, LogSelection, MemoryStore, OperationSelection, RecordStore, ViewReader as _,
};
use proptest::prelude::*;

use crate::chance::{block, cases};
use crate::commands::with_commands;
use crate::common::*;
use crate::durable::no_third;
use crate::fragile::{Fragile, Kill};
use crate::queue::there;
use crate::reshaped::{rename, with};
use crate::script::{self, Edit, SLOTS, Slot, edits, entity_of, id_of, perform};
use crate::watched::{Watched, view_is_off};

/// What was done before, with some of it in conflict and some refused.
#[derive(Debug, Clone)]
struct Before {
    there: BTreeSet<Slot>,
    sent: Vec<Edit>,
    office: Vec<(Slot, u8)>,
    queued: Vec<Edit>,
}

fn before() -> impl Strategy<Value = Before> {
    let office = prop::collection::vec((0..SLOTS, 0u8..3), 0..4);
    (there(), edits(8), office, edits(5)).prop_map(|(there, sent, office, queued)| Before {
        there,
        sent,
        office,
        queued,
    })
}

impl Before {
    /// Lets it happen in a new world, the same every time.
    async fn happen(&self, schema: Schema, store: Arc<dyn RecordStore>) -> World {
        let world = World::over(1, (schema, without_stamps()), 1, |_| store.clone());
        world.seed(&self.there);
        let device = &world.devices[0];
        device.sync().await;
        world.server().refuse(Some(no_third));
        for edit in &self.sent {
            perform(&device.engine, *edit);
        }
        for (slot, value) in &self.office {
            if self.there.contains(slot) {
                let given = fields(&[("name", Value::text(format!("o{value}")))]);
                world.server().put(&entity_of(*slot), &id_of(*slot), given);
            }
        }
        device.sync().await;
        for edit in &self.queued {
            perform(&device.engine, *edit);
        }
        world
    }
}

/// What the process is about to do when it is killed.
#[derive(Debug, Clone)]
enum Deed {
    Undo(usize),
    Resolve(usize, usize),
    /// Changes a record, maybe one whose change waits for a person: then that is mended.
    Edit(Edit),
    Together(Vec<(Slot, u8)>),
    Run(Slot),
}

fn deed() -> impl Strategy<Value = Deed> {
    let member = (0..SLOTS, 0u8..3);
    prop_oneof![
        2 => (0usize..8).prop_map(Deed::Undo),
        4 => (0usize..4, 0usize..7).prop_map(|(of, how)| Deed::Resolve(of, how)),
        2 => script::edit().prop_map(Deed::Edit),
        2 => prop::collection::vec(member, 2..5).prop_map(Deed::Together),
        1 => (0usize..2).prop_map(Deed::Run),
    ]
}

fn decision(how: usize) -> Decision {
    let both = fields(&[("name", Value::text("both"))]);
    match how {
        0 => Decision::Mine,
        1 => Decision::Theirs,
        2 => Decision::Set(both),
        3 => Decision::Without([name("name")].into()),
        4 => Decision::Revert,
        5 => Decision::Retry,
        _ => Decision::Discard,
    }
}

/// Tries it; what is not possible does nothing.
fn try_to(device: &Device, deed: &Deed) -> Result<(), EngineError> {
    let done = match deed {
        Deed::Undo(of) => {
            let pending = device.pending();
            let Some(operation) = pending.get(of % pending.len().max(1)) else {
                return Ok(());
            };
            device.engine.undo(operation.id).map(drop)
        }
        Deed::Resolve(of, how) => {
            let open = device.open_entries();
            let Some(entry) = open.get(of % open.len().max(1)) else {
                return Ok(());
            };
            device.engine.resolve(entry.id, &decision(*how)).map(drop)
        }
        Deed::Edit(edit) => script::try_to(&device.engine, *edit).map(drop),
        Deed::Together(members) => {
            let wish = |(slot, value): &(Slot, u8)| Wish::Update {
                entity: entity_of(*slot).to_string(),
                id: id_of(*slot).to_string(),
                fields: fields(&[("name", Value::text(format!("g{value}")))]),
            };
            let is_there = |(slot, _): &&(Slot, u8)| {
                device
                    .engine
                    .get(entity_of(*slot).as_str(), id_of(*slot).as_str())
                    .is_ok()
            };
            let wishes: Vec<Wish> = members.iter().filter(is_there).map(wish).collect();
            device
                .engine
                .edit_together(&wishes, Handling::default())
                .map(drop)
        }
        Deed::Run(slot) => {
            let id = id_of(*slot);
            device
                .engine
                .run("Account", id.as_str(), "Win", Fields::new())
                .map(drop)
        }
    };
    match done {
        Err(EngineError::Store(error)) => Err(EngineError::Store(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// All that a person could see of a device, and what lies below.
#[derive(Debug, PartialEq)]
struct Seen {
    operations: Vec<Operation>,
    log: Vec<LogEntry>,
    records: Vec<Record>,
    images: Vec<Image>,
}

fn seen(store: &dyn RecordStore) -> Seen {
    let all = |of: &EntityName| {
        store
            .query(&Query::all(of.clone()), driftless_record::Timestamp(0))
            .unwrap()
    };
    let images = |of: &EntityName| {
        let ids = store.unsettled(of).unwrap();
        ids.into_iter()
            .filter_map(|id| store.image(of, &id).unwrap())
            .collect::<Vec<_>>()
    };
    let entities = [entity("Account"), entity("Contact")];
    Seen {
        operations: store.operations(&OperationSelection::Latest(1_000)).unwrap(),
        log: store.log(&LogSelection::Latest(1_000)).unwrap(),
        records: entities.iter().flat_map(all).collect(),
        images: entities.iter().flat_map(images).collect(),
    }
}

/// Lets a process that is killed at a commit try it, and returns what there was before and afterwards, and whether it
/// was killed.
async fn killed(before: &Before, deed: &Deed, kill: Kill, left: i64) -> (Seen, Seen, bool) {
    let store = Arc::new(MemoryStore::new());
    let mut world = before.happen(with_commands(), store.clone()).await;
    let at_first = seen(&*store);
    let fragile = Arc::new(Fragile::new(store.clone(), kill, left));
    world.devices[0].restart_on(fragile.clone());
    let done = try_to(&world.devices[0], deed);
    assert!(done.is_ok() || !fragile.lives(), "{done:?}");
    (at_first, seen(&*store), !fragile.lives())
}

proptest! {
    #![proptest_config(cases(96))]

    /// To decide, to take back, to mend, to do several things at once and to run a command change operations, entries of
    /// the log and records: whoever finds half of that after a kill cannot make it whole, and does not know that it is
    /// half.
    #[test]
    fn l01_a_kill_leaves_a_decision_a_group_or_a_command_whole_or_not_at_all(before in before(), deed in deed()) {
        block(async {
            let (at_first, whole, died) = killed(&before, &deed, Kill::Before, i64::MAX).await;
            prop_assert!(!died);
            for kill in [Kill::Before, Kill::After] {
                for left in 0.. {
                    let (again, now, died) = killed(&before, &deed, kill, left).await;
                    prop_assert_eq!(&again, &at_first, "worlds differ");
                    if !died {
                        prop_assert_eq!(&now, &whole);
                        break;
                    }
                    prop_assert!(now == at_first || now == whole, "half of it is there: {:#?}", now);
                    if left == 0 {
                        prop_assert_eq!(now == at_first, kill == Kill::Before || whole == at_first);
                    }
                }
            }
            Ok(())
        })?;
    }

    /// A process may end right behind any commit of a synchronization that takes a new schema over. Then what waits, what
    /// the log asks for and what lies under the records go by the names of the schema that the device has, old or new.
    #[test]
    fn l01_a_kill_leaves_a_new_schema_with_all_that_goes_by_it_or_the_old_one(before in before()) {
        block(async {
            let found = Arc::new(Mutex::new(Vec::new()));
            let store = Watched::new(found.clone(), |store| view_is_off(store).or_else(|| goes_by_another_name(store)));
            let world = before.happen(schema(), Arc::new(store)).await;
            let renamed = with(2, |account| rename(account, "name", "title"));
            world.server().refuse(None);
            world.server().convert(renamed);
            world.devices[0].sync().await;
            prop_assert!(world.devices[0].store().schema().unwrap().version == "2");
            prop_assert_eq!(&*found.lock().unwrap(), &Vec::<String>::new());
            Ok(())
        })?;
    }
}

/// Finds something of an account that goes by a name which the device's schema does not have.
fn goes_by_another_name(store: &MemoryStore) -> Option<String> {
    let account = entity("Account");
    let schema = store.schema().unwrap();
    let known = schema.entity("Account")?;
    let strange = |field: &&FieldName| known.field(field.as_str()).is_none();
    let pending = store
        .operations(&OperationSelection::Pending(usize::MAX))
        .unwrap();
    for operation in pending.iter().filter(|operation| operation.entity == account) {
        let seen = match &operation.kind {
            OperationKind::Delete { seen, .. } => Some(seen.keys()),
            _ => None,
        };
        let edits = operation.kind.edits().into_iter().flat_map(|edits| edits.keys());
        if let Some(field) = edits.chain(seen.into_iter().flatten()).find(strange) {
            return Some(format!("operation {} names {field}", operation.id));
        }
    }
    for entry in store.log(&LogSelection::Open).unwrap() {
        let of_account = entry.record.as_ref().is_some_and(|(of, _)| *of == account);
        if let Some(case) = entry
            .fields
            .iter()
            .find(|case| of_account && strange(&&case.field))
        {
            return Some(format!("entry {} names {}", entry.id, case.field));
        }
    }
    let ids: Vec<RecordId> = store.unsettled(&account).unwrap();
    let images = ids.iter().filter_map(|id| store.image(&account, id).unwrap());
    for image in images {
        let fields = image
            .server
            .map(|server| server.record.fields)
            .unwrap_or_default();
        if let Some(field) = fields.keys().find(strange) {
            return Some(format!("the image of {} names {field}", image.id));
        }
    }
    None
}
