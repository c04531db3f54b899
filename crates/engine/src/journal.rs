//! Making entries of the sync log.

use driftless_record::{
    Cause, CauseClass, EntitySchema, Fields, LogEntry, LogId, LogKind, Operation, OperationId, OperationKind,
    Timestamp,
};
use driftless_store::Image;

use crate::fold::{self, fold};
use crate::ground::Key;
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
    LogEntry {
        kind: LogKind::Refused,
        cause: Some(cause),
        ..unproved(id, at, record, operations, title, reason)
    }
}

/// Makes the entry of operations of which nobody can prove whether the server has carried them out.
pub(crate) fn unproved(
    id: LogId,
    at: Timestamp,
    record: &Key,
    operations: Vec<OperationId>,
    title: String,
    reason: String,
) -> LogEntry {
    let draft = Draft {
        kind: LogKind::Unproved,
        fields: Vec::new(),
        reason,
        kept: Fields::new(),
    };
    LogEntry {
        needs_person: true,
        ..entry(id, at, record, operations, title, draft)
    }
}

/// Returns a record's title as the user sees it, or saw it before he deleted it.
pub(crate) fn title(entity: &EntitySchema, image: &Image, operations: &[Operation]) -> String {
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
