//! Making entries of the sync log.

use driftless_record::{
    Cause, CauseClass, EntitySchema, Fields, LogEntry, LogId, LogKind, Operation, OperationId, OperationKind,
    Timestamp,
};
use driftless_store::Image;

use crate::fold::{self, fold};
use crate::ground::Key;
use crate::obstacle::Obstacle;
use crate::plan::Draft;

/// Makes an entry from a decision's draft.
pub(crate) fn entry(
    id: LogId,
    at: Timestamp,
    record: &Key,
    operations: Vec<OperationId>,
    title: String,
    draft: Draft,
) -> LogEntry {
    LogEntry {
        id,
        at,
        needs_person: draft.kind == LogKind::Conflict,
        kind: draft.kind,
        record: Some(record.clone()),
        title,
        operations,
        fields: draft.fields,
        cause: None,
        reason: draft.reason,
        kept: draft.kept,
        settled: None,
    }
}

/// Makes the entry of operations that the server refused.
pub(crate) fn refused(
    id: LogId,
    at: Timestamp,
    record: &Key,
    operations: Vec<OperationId>,
    title: String,
    cause: Cause,
) -> LogEntry {
    let words = cause.class.words();
    let reason = match (&cause.field, cause.class) {
        (_, CauseClass::Transient | CauseClass::Throttled) => {
            format!(
                "the server has failed at this change again and again, so it is not tried any more: {words}"
            )
        }
        (Some(field), _) => format!("the server refused this change: {words} ({field})"),
        (None, _) => format!("the server refused this change: {words}"),
    };
    parked(
        LogKind::Refused,
        (id, at),
        record,
        operations,
        title,
        (cause, reason),
    )
}

/// Makes the entry of operations of which nobody can prove whether the server has carried them out.
pub(crate) fn unproved(
    id: LogId,
    at: Timestamp,
    record: &Key,
    operations: Vec<OperationId>,
    title: String,
    cause: Cause,
) -> LogEntry {
    let reason = format!(
        "the server may have carried this change out, and nothing can prove it: {}",
        cause.class.words()
    );
    parked(
        LogKind::Unproved,
        (id, at),
        record,
        operations,
        title,
        (cause, reason),
    )
}

/// Makes the entry of operations whose record cannot be read, which has to be before they are sent.
pub(crate) fn unreadable(
    id: LogId,
    at: Timestamp,
    record: &Key,
    operations: Vec<OperationId>,
    title: String,
    cause: Cause,
) -> LogEntry {
    let reason = format!(
        "the record cannot be read from the server, which has to be before it is changed: {}",
        cause.class.words()
    );
    parked(
        LogKind::Refused,
        (id, at),
        record,
        operations,
        title,
        (cause, reason),
    )
}

/// Makes the entry of operations that cannot be sent, whatever the server would say.
pub(crate) fn obstructed(
    id: LogId,
    at: Timestamp,
    record: &Key,
    operations: Vec<OperationId>,
    title: String,
    obstacle: Obstacle,
) -> LogEntry {
    let why = (obstacle.cause(), obstacle.reason());
    parked(LogKind::Refused, (id, at), record, operations, title, why)
}

fn parked(
    kind: LogKind,
    (id, at): (LogId, Timestamp),
    record: &Key,
    operations: Vec<OperationId>,
    title: String,
    (cause, reason): (Cause, String),
) -> LogEntry {
    let draft = Draft {
        kind,
        fields: Vec::new(),
        reason,
        kept: Fields::new(),
    };
    LogEntry {
        cause: Some(cause),
        needs_person: true,
        ..entry(id, at, record, operations, title, draft)
    }
}

/// Returns a record's title as the user sees it, or saw it before he deleted it; its id if its entity is gone.
pub(crate) fn title(
    entity: Option<&EntitySchema>,
    image: Option<&Image>,
    record: &Key,
    operations: &[Operation],
) -> String {
    let (Some(entity), Some(image)) = (entity, image) else {
        return record.1.to_string();
    };
    let seen = operations.iter().find_map(|operation| match &operation.kind {
        OperationKind::Delete { seen, .. } => Some(seen.clone()),
        OperationKind::Create(_) | OperationKind::Update(_) => None,
    });
    let fields = fold(image, operations)
        .map(|record| record.fields)
        .or(seen)
        .unwrap_or_default();
    fold::title(entity, &image.id, &fields)
}
