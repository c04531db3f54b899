//! Groups happen whole or not at all, and in their order.

use std::collections::BTreeMap;

use driftless_engine::{Decision, Edit, EngineError};
use driftless_record::{Handling, OperationId, RecordId, Value};
use driftless_testkit::backend::Fault;
use driftless_transport::{Batch, Capabilities};
use proptest::prelude::*;

use crate::chance::cases;
use crate::common::*;
use crate::main_job::no_nameless;
use crate::tap::{Call, Tap};

/// A change of one text of an account.
pub(crate) fn update(id: &RecordId, field: &str, value: &str) -> Edit {
    Edit::Update {
        entity: "Account".to_owned(),
        id: id.to_string(),
        fields: fields(&[(field, Value::text(value))]),
    }
}

pub(crate) fn able_to(batch: Batch) -> Capabilities {
    Capabilities { batch, ..able() }
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::None),
        1 => Just(Fault::RequestLost),
        1 => Just(Fault::ReplyLost),
        1 => (0..4usize).prop_map(Fault::ReplyCut),
        1 => Just(Fault::Twice),
        1 => Just(Fault::Late),
        1 => Just(Fault::KilledBefore),
        1 => Just(Fault::KilledAfter),
    ]
}

/// One write of a group: on which account, whether its value is one that the server refuses.
fn member() -> impl Strategy<Value = (usize, bool)> {
    (0..4usize, prop::bool::weighted(0.15))
}

proptest! {
    #![proptest_config(cases(40))]

    /// What a person has put into one group is one deed to him: half of it on the server would be a lie. So where the
    /// back end has change sets, its effects are those of whole groups, whatever is lost, refused or killed.
    #[test]
    fn l09_a_group_happens_whole_and_once_or_not_at_all(
        groups in prop::collection::vec(prop::collection::vec(member(), 1..4), 1..4),
        faults in prop::collection::vec(fault(), 0..5),
        limit in prop_oneof![Just(4usize), Just(100)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let mut world = World::new(1, able_to(Batch { limit, depends_on: true, groups: true }), 1);
            let ids: Vec<RecordId> = (1..5).map(|number| world.account(number, "Rome Steel")).collect();
            world.devices[0].sync().await;
            world.server().refuse(Some(no_nameless));
            world.server().fail(faults);
            let mut made: Vec<Vec<OperationId>> = Vec::new();
            for (number, group) in groups.iter().enumerate() {
                let edits: Vec<Edit> = group
                    .iter()
                    .map(|(account, bad)| {
                        let value = format!("group {number}");
                        update(&ids[*account], "name", if *bad { "bad" } else { &value })
                    })
                    .collect();
                let written = world.devices[0].engine.edit_together(&edits, Handling::default()).unwrap();
                made.push(written.into_iter().filter_map(|written| written.operation).collect());
                if number == 1 {
                    world.devices[0].sync_or_die().await;
                }
            }
            world.server().heal();
            for _ in 0..10 {
                world.pass(40 * 60 * 1000);
                world.devices[0].sync().await;
            }
            let mut effects: BTreeMap<OperationId, usize> = BTreeMap::new();
            for effect in world.server().effects() {
                for operation in &effect.operations {
                    *effects.entry(*operation).or_default() += 1;
                }
            }
            for group in &made {
                let counts: Vec<usize> = group.iter().map(|id| effects.get(id).copied().unwrap_or(0)).collect();
                assert!(counts.iter().all(|count| *count == counts[0] && *count <= 1), "{counts:?}");
            }
            for item in world.devices[0].engine.outbox().unwrap() {
                let stands = item.operation.state.parked().is_some() || !item.blocked_by.is_empty();
                assert!(stands, "{item:?}");
            }
        });
    }

    /// Where the back end has no change sets, a group goes in its order, and stops where something is refused.
    #[test]
    fn l03_a_group_without_change_sets_goes_in_its_order(bad in 0..6usize, limit in 1..4usize, depends_on in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let world = World::new(1, able_to(Batch { limit, depends_on, groups: false }), 1);
            let ids: Vec<RecordId> = (1..5).map(|number| world.account(number, "Rome Steel")).collect();
            world.devices[0].sync().await;
            world.server().refuse(Some(no_nameless));
            let edits: Vec<Edit> = [2, 0, 3, 1]
                .iter()
                .enumerate()
                .map(|(place, account)| update(&ids[*account], "name", if place == bad { "bad" } else { "good" }))
                .collect();
            let written = world.devices[0].engine.edit_together(&edits, Handling::default()).unwrap();
            for _ in 0..5 {
                world.devices[0].sync().await;
            }
            let done: Vec<OperationId> =
                world.server().effects().iter().flat_map(|effect| effect.operations.clone()).collect();
            let wanted: Vec<OperationId> = written.iter().take(bad).filter_map(|written| written.operation).collect();
            assert_eq!(done, wanted);
        });
    }

    /// A group that does not fit into a request any more goes whole with the next one; where it fits, nobody waits.
    #[test]
    fn l09_a_group_travels_in_one_request_no_larger_than_the_back_end_takes(
        before in 0..6u128, size in 2..5u128, after in 0..4u128, limit in 4..9usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let world = World::new(1, able_to(Batch { limit, depends_on: true, groups: true }), 1);
            let ids: Vec<RecordId> = (1..20).map(|number| world.account(number, "Rome Steel")).collect();
            let device = &world.devices[0];
            device.sync().await;
            let mut edits = ids.iter().map(|id| update(id, "city", "Oslo"));
            let mut singles = |count| edits.by_ref().take(count as usize).collect::<Vec<_>>();
            let (first, group, last) = (singles(before), singles(size), singles(after));
            first.iter().for_each(|edit| drop(device.engine.edit(edit, Handling::default()).unwrap()));
            let grouped: Vec<OperationId> = device.engine.edit_together(&group, Handling::default()).unwrap()
                .into_iter().filter_map(|written| written.operation).collect();
            last.iter().for_each(|edit| drop(device.engine.edit(edit, Handling::default()).unwrap()));
            let sent = requests(device).await;
            assert_eq!(device.pending(), vec![]);
            let of_group = |request: &Vec<OperationId>| grouped.iter().filter(|id| request.contains(id)).count();
            let parts: Vec<usize> = sent.iter().map(of_group).filter(|count| *count > 0).collect();
            assert_eq!(parts, [grouped.len()], "in one request");
            assert!(sent.iter().all(|request| request.len() <= limit), "{limit}: {sent:?}");
            if before + size <= limit as u128 {
                assert_eq!(of_group(&sent[0]), grouped.len(), "it fits into the first");
            }
        });
    }

    /// Half a deed is no deed: while a person is asked about a part of a group, the rest stays too, and then it goes as
    /// one.
    #[test]
    fn l09_a_group_of_which_a_part_is_in_conflict_waits_as_a_whole(place in 0..3usize, mine in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let world = World::new(1, without_stamps(), 1);
            let ids: Vec<RecordId> = (1..4).map(|number| world.account(number, "Rome Steel")).collect();
            let device = &world.devices[0];
            device.sync().await;
            let edits: Vec<Edit> = ids.iter().map(|id| update(id, "city", "Mine")).collect();
            device.engine.edit_together(&edits, Handling::default()).unwrap();
            world.office(&ids[place], "city", "Theirs");
            assert_eq!(requests(device).await, Vec::<Vec<OperationId>>::new());
            let entries = device.open_entries();
            assert_eq!(entries.len(), 1);
            assert_eq!(device.pending().len(), 3);
            let decision = if mine { Decision::Mine } else { Decision::Theirs };
            device.engine.resolve(entries[0].id, &decision).unwrap();
            assert_eq!(requests(device).await.len(), 1);
            assert_eq!(device.pending(), vec![]);
            for (at, id) in ids.iter().enumerate() {
                let stays = at == place && !mine;
                assert_eq!(world.on_server(id, "city"), Value::text(if stays { "Theirs" } else { "Mine" }));
            }
        });
    }
}

/// Synchronizes, and returns the operations of each request that carried changes.
pub(crate) async fn requests(device: &Device) -> Vec<Vec<OperationId>> {
    let tap = Tap::new(device.wire.clone());
    device.engine.sync(&tap, options()).await.unwrap();
    let carried = |call| match call {
        Call::Push(items) => {
            let operations = items.into_iter().flat_map(|item| item.sending.operations);
            Some(operations.collect())
        }
        Call::Fetch(_) => None,
    };
    tap.told().into_iter().filter_map(carried).collect()
}

#[tokio::test]
async fn a_group_is_saved_whole_or_not_at_all_and_sees_its_own_writes() {
    let (world, id) = World::with_one_account(able()).await;
    let engine = &world.devices[0].engine;
    let contact = |name: Value| Edit::Create {
        entity: "Contact".to_owned(),
        fields: fields(&[("name", name), ("account", lookup(&id))]),
    };
    let bad = [update(&id, "name", "new"), contact(Value::Int(1))];
    let Err(EngineError::InGroup { number, .. }) = engine.edit_together(&bad, Handling::default()) else {
        panic!("a name is no number");
    };
    assert_eq!((number, engine.outbox().unwrap().len()), (2, 0));
    let good = [
        update(&id, "name", "new"),
        contact(Value::text("Ann")),
        update(&id, "city", "Oslo"),
    ];
    let written = engine.edit_together(&good, Handling::default()).unwrap();
    assert_eq!(engine.outbox().unwrap().len(), 3);
    let told = engine.undo_preview(written[1].operation.unwrap()).unwrap();
    assert_eq!(told.ended.len(), 3, "taken back as it was made: whole");
    assert_eq!(world.devices[0].sync().await.applied, 3);
    assert_eq!(
        world.server().effects().len(),
        2,
        "the changes of one record travel as one"
    );
    assert_eq!(world.on_server(&id, "city"), Value::text("Oslo"));
}

/// What a group does to a record may stand around what it does to another one that needs the first: within one change
/// set that is no reason to part it. Where it cannot be one change, the group goes in its order instead of waiting for
/// ever.
#[tokio::test]
async fn l03_a_group_that_changes_a_record_around_another_one_goes() {
    let (world, _) = World::with_one_account(able()).await;
    let device = &world.devices[0];
    let account = uuid::Uuid::from_u128(77);
    let id = RecordId::guid(account);
    let status = |code: &str| Edit::Update {
        entity: "Account".to_owned(),
        id: id.to_string(),
        fields: fields(&[("status", Value::Choice(code.to_owned()))]),
    };
    let create = Edit::Create {
        entity: "Account".to_owned(),
        fields: fields(&[("id", Value::Guid(account)), ("name", Value::text("Pump"))]),
    };
    let contact = Edit::Create {
        entity: "Contact".to_owned(),
        fields: fields(&[("name", Value::text("Ann")), ("account", lookup(&id))]),
    };
    let edits = [create, contact, update(&id, "city", "Oslo")];
    device.engine.edit_together(&edits, Handling::default()).unwrap();
    device.sync().await;
    assert_eq!(device.engine.outbox().unwrap(), vec![]);
    assert_eq!(world.server().effects().len(), 2, "one change of each record");
    // Each transition of the status is a change of its own, and no change set orders two of one record.
    device
        .engine
        .edit_together(&[status("open"), status("won")], Handling::default())
        .unwrap();
    device.sync().await;
    assert_eq!(device.engine.outbox().unwrap(), vec![]);
    assert_eq!(world.on_server(&id, "status"), Value::Choice("won".to_owned()));
}
