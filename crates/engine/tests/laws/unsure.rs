//! What may be on the server already is neither taken back nor given away before that is known.

use std::collections::BTreeSet;

use driftless_engine::{Decision, Edit, EngineError, NotPossible, Touched};
use driftless_record::{Handling, Operation, OperationId, OperationState, RequestId, Value};
use driftless_store::{Write, WriteBatch};
use driftless_testkit::backend::Fault;
use driftless_transport::Batch;
use proptest::prelude::*;
use uuid::Uuid;

use crate::chance::{block, cases};
use crate::clash::clash;
use crate::common::*;
use crate::durable::no_third;
use crate::queue::there;
use crate::refusals::without;
use crate::script::{self, edits, perform};

/// What leaves the outcome of changes open.
fn silence() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => Just(Fault::RequestLost),
        2 => Just(Fault::ReplyLost),
        3 => (0usize..4).prop_map(Fault::ReplyCut),
        1 => Just(Fault::KilledBefore),
        1 => Just(Fault::KilledAfter),
    ]
}

/// Checks what the engine says to a decision that would end these operations: no, if one of them may be on the server,
/// naming one that may, and otherwise yes. Returns whether it said no.
fn judge(
    told: &Result<Touched, EngineError>,
    ends: &BTreeSet<OperationId>,
    sent: &BTreeSet<OperationId>,
) -> Result<bool, TestCaseError> {
    let unsure: BTreeSet<_> = ends.intersection(sent).copied().collect();
    match told {
        Ok(touched) => {
            let ended: BTreeSet<_> = touched.ended.iter().map(|(id, _)| *id).collect();
            prop_assert_eq!(&ended, ends);
            prop_assert!(unsure.is_empty(), "{:?} may be on the server", unsure);
            Ok(false)
        }
        Err(EngineError::NotPossible(NotPossible::MaybeSent(id))) => {
            prop_assert!(unsure.contains(id), "{} is not on its way", id);
            Ok(true)
        }
        Err(other) => Err(TestCaseError::fail(other.to_string())),
    }
}

fn without_any<'a>(pending: &[Operation], of: impl Iterator<Item = &'a Operation>) -> BTreeSet<OperationId> {
    of.flat_map(|operation| without(pending, operation)).collect()
}

/// Tries to take back each operation and what each entry is about: what is not sure is refused, and nothing changes.
fn nothing_unsure_ends(device: &Device) -> Result<(), TestCaseError> {
    let pending = device.pending();
    let sent = pending
        .iter()
        .filter(|operation| operation.state.sending().is_some());
    let sent: BTreeSet<OperationId> = sent.map(|operation| operation.id).collect();
    let before = device.store().position().unwrap();
    for operation in &pending {
        let ends = without(&pending, operation);
        if judge(&device.engine.undo_preview(operation.id), &ends, &sent)? {
            judge(&device.engine.undo(operation.id), &ends, &sent)?;
        }
    }
    for entry in device.open_entries() {
        let parked = pending
            .iter()
            .filter(|operation| operation.state.parked() == Some(entry.id));
        let (of, id) = entry.record.clone().unwrap();
        let of_record = pending
            .iter()
            .filter(|operation| operation.entity == of && operation.record == id);
        let discarded = without_any(&pending, parked);
        let reverted = without_any(&pending, of_record);
        for (decision, ends) in [(Decision::Discard, discarded), (Decision::Revert, reverted)] {
            if judge(&device.engine.resolve_preview(entry.id, &decision), &ends, &sent)? {
                judge(&device.engine.resolve(entry.id, &decision), &ends, &sent)?;
            }
        }
    }
    prop_assert_eq!(
        device.store().position().unwrap(),
        before,
        "something was changed"
    );
    Ok(())
}

proptest! {
    #![proptest_config(cases(64))]

    /// What was sent and not answered may have happened: to call it taken back would leave on the server what nobody
    /// here knows of, and so would taking back what it rests on. The same can be done as soon as an answer is there,
    /// unless that says that it has happened.
    #[test]
    fn l37_what_may_be_on_the_server_is_not_taken_back_before_that_is_known(
        wanted in edits(10), there in there(), batch in script::batch(), fault in silence(),
        refuses in any::<bool>(), behind in edits(5),
    ) {
        block(async {
            let mut world = World::new(1, script::able(batch), 1);
            world.seed(&there);
            world.devices[0].sync().await;
            if refuses {
                world.server().refuse(Some(no_third));
            }
            for edit in &wanted {
                perform(&world.devices[0].engine, *edit);
            }
            world.server().fail([fault]);
            world.devices[0].sync_or_die().await;
            world.server().heal();
            for edit in &behind {
                perform(&world.devices[0].engine, *edit);
            }
            let device = &world.devices[0];
            nothing_unsure_ends(device)?;
            let unsure = device.pending().into_iter().filter(|operation| operation.state.sending().is_some());
            let unsure: Vec<_> = unsure.collect();
            world.pass(400_000);
            device.sync().await;
            let mut ended = BTreeSet::new();
            for operation in unsure {
                match device.engine.undo(operation.id) {
                    _ if ended.contains(&operation.id) => {}
                    Ok(touched) => {
                        ended.extend(touched.ended.iter().map(|(id, _)| *id));
                        prop_assert!(ended.contains(&operation.id));
                    }
                    Err(EngineError::NotPossible(NotPossible::Ended { state, .. })) => prop_assert_eq!(state, "applied"),
                    Err(other) => prop_assert!(false, "{}", other),
                }
            }
            Ok(())
        })?;
    }
}

/// A group happens whole or not at all, and half of it may have happened where the back end has no change sets: then
/// the other half is not taken back either.
#[tokio::test]
async fn l37_a_group_of_which_a_part_may_be_on_the_server_is_not_taken_back() {
    let batch = Batch {
        limit: 1,
        depends_on: false,
        groups: false,
    };
    let world = World::new(1, script::able(batch), 1);
    let accounts = [world.account(1, "Rome Steel"), world.account(2, "Bern Glass")];
    let device = &world.devices[0];
    device.sync().await;
    let group = accounts.each_ref().map(|id| Edit::Update {
        entity: "Account".to_owned(),
        id: id.to_string(),
        fields: fields(&[("city", Value::text("Oslo"))]),
    });
    let written = device.engine.edit_together(&group, Handling::default()).unwrap();
    world.server().fail([Fault::ReplyLost, Fault::Unreachable]);
    device.sync().await;
    let made: Vec<OperationId> = written.iter().filter_map(|written| written.operation).collect();
    let (first, second) = (made[0], made[1]);
    assert!(device.pending()[0].state.sending().is_some());
    assert!(
        device.pending()[1].state.sending().is_none(),
        "{:?}",
        device.pending()
    );
    for id in [first, second] {
        let why = device.engine.undo(id).unwrap_err();
        assert!(
            matches!(why, EngineError::NotPossible(NotPossible::MaybeSent(id)) if id == first),
            "{why}"
        );
    }
    assert_eq!(device.pending().len(), 2);
}

/// To say that two records are one ends what was done to mine: not what may have happened to it already. A home that was
/// copied has such changes behind a create that waits for a person, as the original may have sent them.
#[tokio::test]
async fn l34_nothing_ends_by_a_link_that_may_be_on_the_server() {
    let (world, mine, holder, entry) = clash().await;
    let device = &world.devices[0];
    let later = device.engine.delete("Account", mine.as_str()).unwrap();
    let later = Operation {
        state: OperationState::Unknown(RequestId(Uuid::from_u128(7))),
        ..device
            .pending()
            .into_iter()
            .find(|o| Some(o.id) == later.operation)
            .unwrap()
    };
    let put = |operation: &Operation| {
        let writes = vec![Write::PutOperation(Box::new(operation.clone()))];
        device
            .store()
            .commit(WriteBatch { expect: None, writes })
            .unwrap()
    };
    let before = put(&later);
    let link = Decision::Link(holder);
    for told in [
        device.engine.resolve_preview(entry.id, &link),
        device.engine.resolve(entry.id, &link),
    ] {
        let why = told.unwrap_err();
        assert!(
            matches!(why, EngineError::NotPossible(NotPossible::MaybeSent(id)) if id == later.id),
            "{why}"
        );
    }
    assert_eq!(device.store().position().unwrap(), before);
    let id = later.id;
    put(&Operation {
        state: OperationState::Queued,
        ..later
    });
    device.engine.undo(id).unwrap();
    device.engine.resolve(entry.id, &link).unwrap();
    assert_eq!(device.engine.outbox().unwrap(), vec![]);
}
