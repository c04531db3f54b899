//! What survives: local writes whole, operations until they have ended, and what was on its way as unknown.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::{Device, World, able};
use crate::convergence;
use crate::fragile::{Fragile, Kill};
use crate::queue::{block_on, there};
use crate::script::{self, edits, entity_of, fault, id_of, perform};
use crate::tap::Tap;
use driftless_engine::{Outcome, Written};
use driftless_record::{
    Cause, CauseClass, Change, ChangeAction, Fields, Operation, OperationId, OperationKind, OperationState,
    RequestId, Value,
};
use driftless_store::{JournalReader as _, MemoryStore, OperationSelection, RecordStore};
use driftless_testkit::backend::Fault;
use driftless_transport::{Capabilities, CompareAndSet, Idempotency};
use proptest::prelude::*;

/// Returns what a person should see of a record, reckoned here from its image and its operations.
fn reckoned(store: &dyn RecordStore, slot: usize) -> Option<Fields> {
    let (entity, id) = (entity_of(slot), id_of(slot));
    let image = store.image(&entity, &id).unwrap()?;
    let pending = store
        .operations(&OperationSelection::PendingOf(entity, id))
        .unwrap();
    let under = image
        .server
        .filter(|_| !image.gone)
        .map(|server| server.record.fields);
    let seen = pending.iter().fold(under, |seen, operation| {
        let edits = operation.kind.edits()?.iter();
        let mut fields = seen.unwrap_or_default();
        fields.extend(edits.map(|(field, edit)| (field.clone(), edit.new.clone())));
        Some(fields)
    });
    Some(filled(seen?))
}

fn filled(mut fields: Fields) -> Fields {
    fields.retain(|_, value| !value.is_null());
    fields
}

/// Checks that every operation has its image, and that every record with an image looks as its operations say.
fn check_whole(store: &dyn RecordStore) -> Result<(), TestCaseError> {
    for operation in store.operations(&OperationSelection::Pending(100)).unwrap() {
        let image = store.image(&operation.entity, &operation.record).unwrap();
        prop_assert!(image.is_some(), "an operation without its image");
    }
    for slot in 0..script::SLOTS {
        let shown = store.get(&entity_of(slot), &id_of(slot)).unwrap();
        if store.image(&entity_of(slot), &id_of(slot)).unwrap().is_some() {
            prop_assert_eq!(shown.map(|record| filled(record.fields)), reckoned(store, slot));
        }
    }
    Ok(())
}

fn operation(device: &Device, id: OperationId) -> Operation {
    device
        .store()
        .operations(&OperationSelection::One(id))
        .unwrap()
        .pop()
        .unwrap()
}

/// Refuses the third name.
pub(crate) fn no_third(change: &Change) -> Option<Cause> {
    let (ChangeAction::Create(fields) | ChangeAction::Update(fields)) = &change.action else {
        return None;
    };
    fields
        .values()
        .any(|value| *value == Value::text("v3"))
        .then(|| Cause {
            class: CauseClass::Validation,
            field: None,
            other: None,
            code: "400".to_owned(),
            text: "not this".to_owned(),
        })
}

proptest! {
    #![proptest_config(convergence::config(100))]

    /// A process is killed at any commit, before or after it: every edit that was acknowledged is there, the one that
    /// was not is there whole or not at all, and each operation has the view above and the image below it. An outbox
    /// that is written in a commit of its own would be caught between.
    #[test]
    fn l01_a_kill_at_any_commit_leaves_a_write_whole_or_not_at_all(
        wanted in edits(12),
        there in there(),
        kills in prop::collection::vec((0i64..5, any::<bool>()), 1..5),
    ) {
        block_on(async {
            let store = Arc::new(MemoryStore::new());
            let mut world = World::over(1, (crate::common::schema(), able()), 1, |_| store.clone());
            world.seed(&there);
            world.devices[0].sync().await;
            let mut kills = kills.into_iter().cycle();
            let mut process = None;
            let mut acknowledged = Vec::new();
            for edit in wanted {
                world.pass(3);
                let fragile = match process.take().filter(|process: &Arc<Fragile>| process.lives()) {
                    Some(fragile) => fragile,
                    None => {
                        let (left, after) = kills.next().unwrap();
                        let kill = if after { Kill::After } else { Kill::Before };
                        let fragile = Arc::new(Fragile::new(store.clone(), kill, left));
                        world.devices[0].restart_on(fragile.clone());
                        fragile
                    }
                };
                let before = store.operations(&OperationSelection::Latest(100)).unwrap().len();
                let done = script::try_to(&world.devices[0].engine, edit);
                let made = store.operations(&OperationSelection::Latest(100)).unwrap().len() - before;
                match done {
                    Ok(Some(Written { operation, .. })) => {
                        prop_assert_eq!(made, usize::from(operation.is_some()));
                        acknowledged.extend(operation);
                    }
                    Ok(None) => prop_assert_eq!(made, 0),
                    Err(_) => prop_assert!(made <= 1 && !fragile.lives()),
                }
                check_whole(&*store)?;
                for id in &acknowledged {
                    prop_assert_eq!(store.operations(&OperationSelection::One(*id)).unwrap().len(), 1);
                }
                process = Some(fragile);
            }
            Ok(())
        })?;
    }

    /// Whatever the network, the server and kills do: at every moment each operation is in the outbox or has ended, it
    /// ends once, and one that the server refused has not ended: it is there with an open entry that names it. It is
    /// called applied only if the server did something for it or has it so, and superseded only together with a create
    /// and a delete that never left the device.
    #[test]
    fn l02_each_operation_ends_once_or_stays_visible_and_a_refusal_is_no_end(
        wanted in edits(12),
        there in there(),
        batch in script::batch(),
        faults in prop::collection::vec(fault(), 1..5),
    ) {
        block_on(async {
            let mut world = World::new(1, script::able(batch), 1);
            world.seed(&there);
            world.devices[0].sync().await;
            world.server().refuse(Some(no_third));
            let mut ended: BTreeMap<OperationId, Outcome> = BTreeMap::new();
            let mut made = Vec::new();
            let rounds = wanted.len().div_ceil(faults.len());
            let mut chunks = wanted.chunks(rounds);
            for fault in faults.iter().copied().chain([Fault::None, Fault::None]) {
                for edit in chunks.next().into_iter().flatten() {
                    world.pass(3);
                    made.extend(perform(&world.devices[0].engine, *edit).and_then(|written| written.operation));
                }
                world.server().fail([fault]);
                world.devices[0].sync_or_die().await;
                world.server().heal();
                world.pass(400_000);
                let device = &world.devices[0];
                let outbox = device.engine.outbox().unwrap();
                let open = device.open_entries();
                for id in &made {
                    let is_pending = outbox.iter().any(|item| item.operation.id == *id);
                    let outcome = device.engine.outcome(*id).unwrap();
                    match outcome {
                        Outcome::Pending => prop_assert!(is_pending),
                        Outcome::Parked(log) => {
                            let entry = open.iter().find(|entry| entry.id == log);
                            prop_assert!(is_pending && entry.is_some_and(|entry| entry.operations.contains(id)));
                        }
                        Outcome::Applied(_) | Outcome::Superseded | Outcome::Reverted => {
                            prop_assert!(!is_pending);
                            prop_assert_eq!(*ended.entry(*id).or_insert(outcome), outcome, "it ended twice");
                        }
                    }
                }
                for (id, outcome) in &ended {
                    let operation = operation(device, *id);
                    let did = world.server().effects().iter().any(|effect| effect.operations.contains(id));
                    let is_update = matches!(operation.kind, OperationKind::Update(_));
                    match outcome {
                        Outcome::Applied(_) => prop_assert!(did || !is_update, "applied, and the server did nothing"),
                        _ => {
                            prop_assert!(!did && *outcome == Outcome::Superseded);
                            let of_record = |other: &OperationId| self::operation(device, *other).record == operation.record;
                            let all: Vec<_> = made.iter().filter(|other| of_record(other)).collect();
                            let is = |kind: fn(&OperationKind) -> bool| all.iter().any(|id| kind(&self::operation(device, **id).kind));
                            let created = is(|kind| matches!(kind, OperationKind::Create(_)));
                            let deleted = is(|kind| matches!(kind, OperationKind::Delete { .. }));
                            prop_assert!(created && deleted);
                        }
                    }
                }
            }
            Ok(())
        })?;
    }

    /// A process is killed while a request is under way. The next one takes nothing for not sent: what was on its way
    /// goes again only under its own request id where the back end remembers those, and otherwise only after the record
    /// was read, and not if the change is found there.
    #[test]
    fn l08_what_was_on_its_way_when_the_process_ended_is_asked_for_before_it_is_sent_again(
        wanted in edits(8),
        there in there(),
        batch in script::batch(),
        arrived in any::<bool>(),
        repeatable in any::<bool>(),
    ) {
        block_on(async {
            let idempotency = if repeatable { Idempotency::Repeatable } else { Idempotency::ClientKey };
            let capabilities = Capabilities { idempotency, compare_and_set: CompareAndSet::Revision, ..script::able(batch) };
            let mut world = World::new(1, capabilities, 1);
            world.seed(&there);
            world.devices[0].sync().await;
            for edit in &wanted {
                world.pass(3);
                perform(&world.devices[0].engine, *edit);
            }
            world.server().fail([if arrived { Fault::KilledAfter } else { Fault::KilledBefore }]);
            world.devices[0].sync_or_die().await;
            let device = &world.devices[0];
            let on_its_way: Vec<(OperationId, RequestId)> = device
                .engine
                .outbox()
                .unwrap()
                .into_iter()
                .filter_map(|item| Some((item.operation.id, item.operation.state.sending()?)))
                .collect();
            world.pass(400_000);
            let tap = Tap::new(device.wire.clone());
            device.engine.sync(&tap, crate::common::options()).await.unwrap();
            let told = tap.told();
            for (operation, request) in on_its_way {
                let again = told.iter().position(|call| call.carries(operation));
                if repeatable {
                    let first = again.map(|at| told[at].request_of(operation));
                    prop_assert_eq!(first, Some(Some(request)), "it went under another request id");
                } else if let Some(again) = again {
                    let record = self::operation(device, operation).record;
                    prop_assert!(told[..again].iter().any(|call| call.reads(&record)), "it went unread");
                    prop_assert!(!arrived, "it went although it is there");
                }
                prop_assert!(!matches!(self::operation(device, operation).state, OperationState::InFlight(_)));
            }
            Ok(())
        })?;
    }
}
