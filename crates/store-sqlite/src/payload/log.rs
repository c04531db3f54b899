//! Entries of the sync log as they are stored.

use driftless_record::log::CauseClass;
use driftless_record::{
    Cause, EntityName, FieldCase, FieldName, LogEntry, LogId, LogKind, OperationId, RecordId, Settled, Side,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::value::{StoredFields, StoredStamp, StoredValue};

#[derive(Debug, Serialize, Deserialize)]
struct EntryV1<'a> {
    v: u8,
    id: u64,
    at: i64,
    kind: KindV1,
    record: Option<(EntityName, RecordId)>,
    title: String,
    operations: Vec<OperationId>,
    fields: Vec<CaseV1<'a>>,
    cause: Option<CauseV1>,
    reason: String,
    kept: StoredFields<'a>,
    needs_person: bool,
    settled: Option<SettledV1>,
}

#[derive(Debug, Serialize, Deserialize)]
struct CaseV1<'a> {
    field: FieldName,
    base: StoredValue<'a>,
    mine: StoredValue<'a>,
    theirs: StoredValue<'a>,
    mine_at: Option<StoredStamp>,
    theirs_at: Option<StoredStamp>,
    winner: Option<SideV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<StoredValue<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct CauseV1 {
    class: ClassV1,
    field: Option<FieldName>,
    code: String,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other: Option<RecordId>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SettledV1 {
    at: i64,
    by: String,
}

/// Makes a stored enum whose variants have the names of a domain enum, and both conversions.
macro_rules! mirror {
    ($stored:ident = $domain:ident { $($variant:ident),* $(,)? }) => {
        #[derive(Debug, Clone, Copy, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum $stored { $($variant,)* }

        impl From<$domain> for $stored {
            fn from(value: $domain) -> Self {
                match value { $($domain::$variant => Self::$variant,)* }
            }
        }

        impl From<$stored> for $domain {
            fn from(value: $stored) -> Self {
                match value { $($stored::$variant => Self::$variant,)* }
            }
        }
    };
}

mirror!(
    KindV1 = LogKind {
        Merged,
        Overwritten,
        Conflict,
        Refused,
        Unproved,
        Notice
    }
);
mirror!(SideV1 = Side { Mine, Theirs });
mirror!(
    ClassV1 = CauseClass {
        Auth,
        Permission,
        Validation,
        MissingReference,
        Referenced,
        Conflict,
        Precondition,
        Unique,
        Gone,
        TooLarge,
        Throttled,
        Transient,
        Unsupported,
    }
);

/// Writes a log entry.
pub(crate) fn encode_log(entry: &LogEntry) -> Result<String, Unreadable> {
    Ok(serde_json::to_string(&EntryV1 {
        v: 1,
        id: entry.id.0,
        at: entry.at.0,
        kind: entry.kind.into(),
        record: entry.record.clone(),
        title: entry.title.clone(),
        operations: entry.operations.clone(),
        fields: entry.fields.iter().map(write_case).collect(),
        cause: entry.cause.as_ref().map(|cause| CauseV1 {
            class: cause.class.into(),
            field: cause.field.clone(),
            code: cause.code.clone(),
            text: cause.text.clone(),
            other: cause.other.clone(),
        }),
        reason: entry.reason.clone(),
        kept: (&entry.kept).into(),
        needs_person: entry.needs_person,
        settled: entry.settled.as_ref().map(|settled| SettledV1 {
            at: settled.at.0,
            by: settled.by.clone(),
        }),
    })?)
}

/// Reads a log entry.
pub(crate) fn decode_log(payload: &str) -> Result<LogEntry, Unreadable> {
    let stored: EntryV1<'_> = serde_json::from_str(payload)?;
    Ok(LogEntry {
        id: LogId(stored.id),
        at: Timestamp(stored.at),
        kind: stored.kind.into(),
        record: stored.record,
        title: stored.title,
        operations: stored.operations,
        fields: stored
            .fields
            .into_iter()
            .map(read_case)
            .collect::<Result<_, _>>()?,
        cause: stored.cause.map(|cause| Cause {
            class: cause.class.into(),
            field: cause.field,
            other: cause.other,
            code: cause.code,
            text: cause.text,
        }),
        reason: stored.reason,
        kept: stored.kept.into(),
        needs_person: stored.needs_person,
        settled: stored.settled.map(|settled| Settled {
            at: Timestamp(settled.at),
            by: settled.by,
        }),
    })
}

fn write_case(case: &FieldCase) -> CaseV1<'_> {
    CaseV1 {
        field: case.field.clone(),
        base: (&case.base).into(),
        mine: (&case.mine).into(),
        theirs: (&case.theirs).into(),
        mine_at: case.mine_at.map(Into::into),
        theirs_at: case.theirs_at.map(Into::into),
        winner: case.winner.map(Into::into),
        made: case.made.as_ref().map(Into::into),
    }
}

fn read_case(case: CaseV1<'_>) -> Result<FieldCase, Unreadable> {
    let mut read = FieldCase::new(
        case.field,
        case.base.try_into()?,
        case.mine.try_into()?,
        case.theirs.try_into()?,
    )
    .at(case.mine_at.map(Into::into), case.theirs_at.map(Into::into));
    read.winner = case.winner.map(Into::into);
    read.made = case.made.map(TryInto::try_into).transpose()?;
    Ok(read)
}
