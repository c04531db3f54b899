//! What the answers to the parts of one change set say of all of it.

use std::collections::BTreeMap;

use driftless_record::{
    Cause, CauseClass, Change, ChangeAction, Condition, RecordId, RequestId, Sending, Timestamp,
};
use driftless_transport::PushResult;
use uuid::Uuid;

use super::as_change_sets;
use crate::confirm::News;

fn sending(number: u128) -> Sending {
    Sending {
        id: RequestId(Uuid::from_u128(number)),
        first_sent: Timestamp(0),
        change: Change {
            entity: "Case".try_into().unwrap(),
            record: RecordId::from_canonical(&number.to_string()),
            action: ChangeAction::Delete,
            condition: Condition::Exists,
            stamps: BTreeMap::new(),
        },
        operations: Vec::new(),
        together: Some(RequestId(Uuid::nil())),
    }
}

fn answers() -> [PushResult; 4] {
    let cause = Cause {
        class: CauseClass::Validation,
        field: None,
        other: None,
        code: "400".to_owned(),
        text: "no".to_owned(),
    };
    let failed = PushResult::Failed {
        cause,
        retry_after: None,
    };
    let done = PushResult::Done {
        revision: None,
        record: None,
    };
    [done, failed, PushResult::Skipped, PushResult::Unknown]
}

/// A change set happens whole or not at all, so what one part's answer proves holds for all. A part that was skipped, or
/// that nobody answered for, proves nothing: the set may have been carried out as a whole.
#[test]
fn l09_the_parts_of_a_change_set_are_known_together() {
    for first in answers() {
        for second in answers() {
            let given = [(sending(1), first.clone()), (sending(2), second.clone())];
            let results = given.map(|(sending, result)| (sending, News::Answer(result)));
            let known = as_change_sets(results.into());
            let known: Vec<&News> = known.iter().map(|(_, news)| news).collect();
            let is = |result: &PushResult| *result == first || *result == second;
            let [done, failed, skipped, unknown] = answers();
            let one = |result: PushResult| News::Answer(result);
            if is(&failed) {
                assert!(
                    known
                        .iter()
                        .all(|news| [one(failed.clone()), one(skipped.clone())].contains(news))
                );
            } else if is(&unknown) {
                assert_eq!(
                    known,
                    [&one(unknown.clone()), &one(unknown)],
                    "{first:?} {second:?}"
                );
            } else if is(&skipped) {
                assert_eq!(
                    known,
                    [&one(skipped.clone()), &one(skipped)],
                    "{first:?} {second:?}"
                );
            } else {
                assert_eq!(known, [&one(done.clone()), &one(done)]);
            }
        }
    }
}
