//! What becomes of operations whose record cannot be read, which has to be before they are sent.

use driftless_record::{Cause, Operation, OperationState, Timestamp};
use driftless_store::Write;

use crate::backoff;
use crate::ground::{Ground, Key};
use crate::journal::{self, Parking, Reason};

/// Works out what becomes of the operations of a record that could not be read: they wait and are tried again, or a
/// person is asked, at once if the server has said that it will not.
pub(crate) fn set_back(ground: &mut Ground, now: Timestamp, record: &Key, cause: &Cause) -> Vec<Write> {
    let of_record = ground.pending_of(record);
    let waiting = of_record.into_iter().take_while(|o| o.state.is_to_be_sent());
    let counted: Vec<Operation> = waiting
        .map(|operation| Operation {
            attempts: operation.attempts.saturating_add(1),
            rebased: operation.rebased.saturating_add(1),
            ..operation
        })
        .collect();
    let Some(tries) = counted.iter().map(|operation| operation.rebased).max() else {
        return Vec::new();
    };
    let mut writes = Vec::new();
    let state = match backoff::wait(tries, 0).filter(|_| cause.class.is_passing()) {
        Some(wait) => OperationState::Waiting(now.plus_millis(wait)),
        None => {
            let entity = ground.schema.entity(record.0.as_str()).cloned();
            let image = ground.images.get(record);
            let title = journal::title(entity.as_deref(), image, record, &counted);
            let id = ground.take_log_id();
            let parking = Parking {
                id,
                at: now,
                record,
                operations: counted.iter().map(|operation| operation.id).collect(),
                title,
                kept: journal::values(&counted),
            };
            let entry = journal::parked(parking, Reason::Unreadable(cause.clone()));
            writes.push(Write::PutLog(Box::new(entry)));
            OperationState::Refused(id)
        }
    };
    writes.extend(counted.into_iter().map(|operation| {
        Write::PutOperation(Box::new(Operation {
            state: state.clone(),
            ..operation
        }))
    }));
    writes
}
