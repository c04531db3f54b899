//! Making entries of the sync log.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use driftless_record::{
    Cause, CauseClass, EntitySchema, FieldCase, Fields, LogEntry, LogId, LogKind, Operation, OperationId,
    OperationKind, Settled, Timestamp,
};
use driftless_store::{Image, JournalReader, LogSelection, RecordStore, StoreError, Write};

use crate::fold::{self, fold};
use crate::ground::Key;
use crate::host::Host;
use crate::obstacle::Hindrance;
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

/// Returns what operations were to do, so that it is not lost when they are taken back: the last value of every field that
/// they change, and what commands were given.
pub(crate) fn values(operations: &[Operation]) -> Fields {
    let of_one = |operation: &Operation| -> Fields {
        match &operation.kind {
            OperationKind::Create(edits) | OperationKind::Update(edits) => {
                let new = edits
                    .iter()
                    .map(|(field, edit)| (field.clone(), edit.new.clone()));
                new.collect()
            }
            OperationKind::Command { call, .. } => call.parameters.clone(),
            OperationKind::Delete { .. } | OperationKind::Awaited { .. } => Fields::new(),
        }
    };
    operations.iter().flat_map(of_one).collect()
}

/// Operations of one record that wait for a person, with what their entry names.
pub(crate) struct Parking<'a> {
    /// The number of the entry.
    pub id: LogId,
    /// When, by the device's clock.
    pub at: Timestamp,
    /// The record.
    pub record: &'a Key,
    /// The operations.
    pub operations: Vec<OperationId>,
    /// The record's title.
    pub title: String,
    /// What they were to do.
    pub kept: Fields,
}

/// Why operations wait for a person although nothing contradicts them.
#[derive(Debug, Clone)]
pub(crate) enum Reason {
    /// The server refused them.
    Refused(Cause),
    /// Nobody can prove whether the server has carried them out.
    Unproved(Cause),
    /// Their record cannot be read, which has to be before they are sent.
    Unreadable(Cause),
    /// The server refused them for these values, and a policy left them to a person, for a reason of its own.
    Objected(Box<Cause>, Vec<FieldCase>, Option<String>),
    /// The server forbids this field, and the rest of the change goes without it.
    Split(Box<Cause>, Box<FieldCase>),
    /// They cannot be sent, whatever the server would say.
    Obstructed(Hindrance),
}

impl Reason {
    fn kind(&self) -> LogKind {
        match self {
            Self::Unproved(_) => LogKind::Unproved,
            Self::Refused(_)
            | Self::Objected(..)
            | Self::Split(..)
            | Self::Unreadable(_)
            | Self::Obstructed(_) => LogKind::Refused,
        }
    }

    /// Returns the reason in a sentence for people.
    fn words(&self) -> String {
        match self {
            Self::Refused(cause) => refusal(cause),
            Self::Split(cause, _) => format!("{}; the rest of it goes without that", refusal(cause)),
            Self::Objected(cause, _, reason) => match reason {
                Some(reason) => format!("{}; {reason}", refusal(cause)),
                None => refusal(cause),
            },
            Self::Unproved(cause) => format!(
                "the server may have carried this change out, and nothing can prove it: {}",
                cause.class.words()
            ),
            Self::Unreadable(cause) => format!(
                "the record cannot be read from the server, which has to be before it is changed: {}",
                cause.class.words()
            ),
            Self::Obstructed(hindrance) => hindrance.reason(),
        }
    }

    fn fields(&self) -> Vec<FieldCase> {
        match self {
            Self::Objected(_, fields, _) => fields.clone(),
            Self::Obstructed(hindrance) => hindrance.fields.clone(),
            Self::Split(_, case) => vec![(**case).clone()],
            Self::Refused(_) | Self::Unproved(_) | Self::Unreadable(_) => Vec::new(),
        }
    }

    fn cause(self) -> Cause {
        match self {
            Self::Objected(cause, ..) | Self::Split(cause, _) => *cause,
            Self::Refused(cause) | Self::Unproved(cause) | Self::Unreadable(cause) => cause,
            Self::Obstructed(hindrance) => hindrance.cause(),
        }
    }
}

fn refusal(cause: &Cause) -> String {
    let words = cause.class.words();
    match (&cause.field, cause.class) {
        (_, CauseClass::Transient | CauseClass::Throttled) => format!(
            "the server has failed at this change again and again, so it is not tried any more: {words}"
        ),
        (Some(field), _) => format!("the server refused this change: {words} ({field})"),
        (None, _) => format!("the server refused this change: {words}"),
    }
}

/// Makes the entry of operations that are parked for a reason.
pub(crate) fn parked(parking: Parking<'_>, reason: Reason) -> LogEntry {
    let Parking {
        id,
        at,
        record,
        operations,
        title,
        kept,
    } = parking;
    let draft = Draft {
        kind: reason.kind(),
        fields: reason.fields(),
        reason: reason.words(),
        kept,
    };
    LogEntry {
        cause: Some(reason.cause()),
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
        OperationKind::Create(_)
        | OperationKind::Update(_)
        | OperationKind::Command { .. }
        | OperationKind::Awaited { .. } => None,
    });
    let fields = fold(image, operations)
        .map(|record| record.fields)
        .or(seen)
        .unwrap_or_default();
    fold::title(entity, &image.id, &fields)
}

/// Sorts operations by the entries that have parked them.
pub(crate) fn by_log<T: Borrow<Operation>>(
    operations: impl IntoIterator<Item = T>,
) -> BTreeMap<LogId, Vec<T>> {
    let mut by_log: BTreeMap<LogId, Vec<T>> = BTreeMap::new();
    for operation in operations {
        if let Some(log) = operation.borrow().state.parked() {
            by_log.entry(log).or_default().push(operation);
        }
    }
    by_log
}

/// Makes the write that settles a log entry.
pub(crate) fn settle_entry(
    store: &dyn RecordStore,
    host: &Host,
    log: LogId,
    by: &str,
) -> Result<Option<Write>, StoreError> {
    let entry = JournalReader::log(store, &LogSelection::One(log))?.pop();
    Ok(entry.map(|entry| settled(entry, host.clock.now(), by)))
}

/// Returns an entry without the values that it keeps of what was parked: that goes on, so they are not lost.
pub(crate) fn gone_on(mut entry: LogEntry) -> LogEntry {
    if entry.kind != LogKind::Conflict {
        entry.kept.clear();
    }
    entry
}

/// Makes the write that settles an entry.
pub(crate) fn settled(entry: LogEntry, at: Timestamp, by: &str) -> Write {
    let settled = Some(Settled {
        at,
        by: by.to_owned(),
    });
    Write::PutLog(Box::new(LogEntry { settled, ..entry }))
}
