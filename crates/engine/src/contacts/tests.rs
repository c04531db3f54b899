//! Which contact each operation rests on.

use driftless_record::{
    Operation, OperationId, OperationKind, OperationState, RecordId, TenantId, Timestamp, UserId,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::Contacts;

fn operation(sequence: u64) -> Operation {
    Operation {
        id: OperationId(Uuid::from_u128(u128::from(sequence))),
        sequence,
        author: UserId("ann".to_owned()),
        tenant: TenantId("t".to_owned()),
        schema_version: "1".to_owned(),
        entity: "Case".try_into().unwrap(),
        record: RecordId::from_canonical("1"),
        base_revision: None,
        kind: OperationKind::Update(Default::default()),
        needs: Default::default(),
        state: OperationState::Queued,
        attempts: 0,
        rebased: 0,
        handling: driftless_record::Handling::default(),
    }
}

proptest! {
    #[test]
    fn l28_every_pending_operation_rests_on_the_last_contact_before_it(
        steps in proptest::collection::vec((0u8..3, any::<prop::sample::Index>()), 1..60),
    ) {
        let (mut contacts, mut pending) = (Contacts::default(), Vec::<(Operation, Option<Timestamp>)>::new());
        let (mut last, mut reached) = (0, None);
        for (now, (step, which)) in (0..).zip(steps) {
            match step {
                0 => {
                    last += 1;
                    pending.push((operation(last), reached));
                }
                1 if !pending.is_empty() => drop(pending.remove(which.index(pending.len()))),
                _ => {
                    let all: Vec<_> = pending.iter().map(|(operation, _)| operation.clone()).collect();
                    contacts.reached(Timestamp(now), last, &all);
                    reached = Some(Timestamp(now));
                    prop_assert!(contacts.marks.len() <= all.len() + 1);
                }
            }
            for (operation, expected) in &pending {
                prop_assert_eq!(contacts.before(operation.sequence), *expected);
            }
        }
    }
}
