//! Replies that come twice, and replies that come too late.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use driftless_record::{
    BootId, Change, DeviceId, FieldEdit, FieldKind, FieldName, FieldSchema, LogId, OperationId,
    OperationKind, RawStamp, RecordId, RequestId, Schema, Settings, TenantId, UserId, Value,
};
use driftless_store::CommitNumber;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::contacts::Contacts;

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

fn request(number: u128) -> RequestId {
    RequestId(Uuid::from_u128(number))
}

fn operation(sequence: u64, state: OperationState) -> Operation {
    let raw = RawStamp {
        wall: Timestamp(1),
        monotonic: 1,
        boot: BootId(Uuid::nil()),
        counter: 0,
        device: DeviceId(Uuid::nil()),
    };
    let edit = FieldEdit {
        old: Value::Null,
        new: Value::text(sequence.to_string()),
        raw,
        stamp: None,
    };
    Operation {
        id: OperationId(Uuid::from_u128(sequence.into())),
        sequence,
        author: UserId("ann".to_owned()),
        tenant: TenantId("t".to_owned()),
        schema_version: "1".to_owned(),
        entity: "Case".try_into().unwrap(),
        record: RecordId::from_canonical("1"),
        base_revision: Some(Revision("1".to_owned())),
        kind: OperationKind::Update([(name("a"), edit)].into()),
        needs: BTreeSet::new(),
        state,
        attempts: 1,
        rebased: 0,
        handling: driftless_record::Handling::default(),
    }
}

/// A reading of an outbox with these operations on one record.
fn ground(states: &[OperationState]) -> Ground {
    let mut entity = EntitySchema::new("Case".try_into().unwrap());
    entity.key.push(name("id"));
    entity.add(FieldSchema::new(name("id"), FieldKind::Text { max_chars: None }));
    entity.add(FieldSchema::new(name("a"), FieldKind::Text { max_chars: None }));
    let record = Record {
        entity: entity.name.clone(),
        id: RecordId::from_canonical("1"),
        revision: Some(Revision("1".to_owned())),
        fields: Fields::new(),
    };
    let key = (record.entity.clone(), record.id.clone());
    let image = Image {
        entity: key.0.clone(),
        id: key.1.clone(),
        server: Some(ServerRecord {
            record,
            stamps: BTreeMap::new(),
        }),
        gone: false,
    };
    let mut schema = Schema::default();
    schema.add(entity);
    let pending: Vec<_> = (1..)
        .zip(states)
        .map(|(at, state)| operation(at, state.clone()))
        .collect();
    Ground {
        number: CommitNumber(0),
        schema: Arc::new(schema),
        last_sequence: pending.len() as u64,
        pending: pending
            .into_iter()
            .filter(|operation| !operation.state.is_final())
            .collect(),
        images: [(key, image)].into(),
        next_log: LogId(1),
        settings: Settings::default(),
        clock: None,
        contacts: Contacts::default(),
    }
}

/// The sending of request 1, which carries so many operations from the first on.
fn sending(operations: u64) -> Sending {
    Sending {
        id: request(1),
        first_sent: Timestamp(0),
        change: Change {
            entity: "Case".try_into().unwrap(),
            record: RecordId::from_canonical("1"),
            action: ChangeAction::Update([(name("a"), Value::text("x"))].into()),
            condition: Condition::Revision(Revision("1".to_owned())),
            stamps: BTreeMap::new(),
        },
        together: None,
        operations: (1..=operations)
            .map(|at| OperationId(Uuid::from_u128(at.into())))
            .collect(),
    }
}

fn reply() -> impl Strategy<Value = PushResult> {
    let class = prop::sample::select(vec![
        CauseClass::Auth,
        CauseClass::Precondition,
        CauseClass::Conflict,
        CauseClass::Gone,
        CauseClass::Throttled,
        CauseClass::Transient,
        CauseClass::Permission,
        CauseClass::Validation,
        CauseClass::Unique,
    ]);
    let failed = (class, prop::option::of(0u64..100)).prop_map(|(class, after)| PushResult::Failed {
        cause: Cause {
            class,
            field: None,
            other: None,
            code: "c".to_owned(),
            text: "t".to_owned(),
        },
        retry_after: after.map(Duration::from_secs),
    });
    let done = prop::option::of(2u8..9).prop_map(|revision| PushResult::Done {
        revision: revision.map(|number| Revision(number.to_string())),
        record: None,
    });
    prop_oneof![2 => done, 3 => failed, 1 => Just(PushResult::Skipped)]
}

/// Handles a reply to request 1 and brings the reading after it.
fn handle(ground: &mut Ground, reply: &PushResult, operations: u64) -> Confirmed {
    let sending = sending(operations);
    let record = (sending.change.entity.clone(), sending.change.record.clone());
    let of_record = ground.pending_of(&record);
    let mut confirmed = Confirmed::default();
    let news = News::Answer(reply.clone());
    confirm(
        ground,
        Timestamp(10),
        &sending,
        (&news, of_record),
        &mut confirmed,
    );
    ground.absorb(confirmed.writes.clone());
    confirmed
}

/// Checks that handling a reply changed nothing.
fn check_nothing(confirmed: &Confirmed) -> Result<(), TestCaseError> {
    let drops = |write: &Write| *write == Write::DropSending(request(1));
    prop_assert!(confirmed.writes.iter().all(drops), "{:?}", confirmed.writes);
    prop_assert!(!confirmed.changed_something());
    Ok(())
}

proptest! {
    /// Whatever a reply says, the same reply again, or another one to the same request, changes nothing: the first one
    /// has ended the sending.
    #[test]
    fn l11_the_same_reply_twice_is_one_reply(
        carried in 1u64..4,
        behind in 0usize..3,
        first in reply(),
        again in prop::option::of(reply()),
    ) {
        let mut states = vec![OperationState::InFlight(request(1)); usize::try_from(carried).unwrap()];
        states.extend(std::iter::repeat_n(OperationState::Queued, behind));
        let mut ground = ground(&states);
        handle(&mut ground, &first, carried);
        let pending = ground.pending.clone();
        let second = handle(&mut ground, again.as_ref().unwrap_or(&first), carried);
        check_nothing(&second)?;
        prop_assert_eq!(ground.pending, pending);
    }

    /// A reply that comes after its operations were ended by a person or another reply, were parked, or went into
    /// another sending says nothing of them any more.
    #[test]
    fn l11_a_reply_that_comes_too_late_changes_nothing(
        states in prop::collection::vec(
            prop_oneof![
                Just(OperationState::Reverted),
                Just(OperationState::Superseded),
                Just(OperationState::Applied(Applied::Accepted)),
                Just(OperationState::Queued),
                Just(OperationState::Refused(LogId(1))),
                Just(OperationState::InFlight(request(2))),
                Just(OperationState::Unknown(request(2))),
            ],
            1..5,
        ),
        late in reply(),
    ) {
        let mut ground = ground(&states);
        let pending = ground.pending.clone();
        let confirmed = handle(&mut ground, &late, states.len() as u64);
        check_nothing(&confirmed)?;
        prop_assert_eq!(ground.pending, pending);
    }
}
