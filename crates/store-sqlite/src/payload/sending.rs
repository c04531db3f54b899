//! Sendings as they are stored.

use driftless_record::{
    Change, ChangeAction, Condition, EntityName, OperationId, RecordId, RequestId, Revision, Sending,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::call::StoredCall;
use super::value::{StoredFields, StoredStamps, read_stamps, stamps};

#[derive(Debug, Serialize, Deserialize)]
struct SendingV1<'a> {
    v: u8,
    id: RequestId,
    first_sent: i64,
    entity: EntityName,
    record: RecordId,
    #[serde(borrow)]
    action: ActionV1<'a>,
    condition: ConditionV1,
    stamps: StoredStamps,
    operations: Vec<OperationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    together: Option<RequestId>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActionV1<'a> {
    Create(StoredFields<'a>),
    Update(StoredFields<'a>),
    Delete,
    Command(#[serde(borrow)] StoredCall<'a>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ConditionV1 {
    Absent,
    Revision(Revision),
    Exists,
}

/// Writes a sending.
pub(crate) fn encode_sending(sending: &Sending) -> Result<String, Unreadable> {
    let change = &sending.change;
    Ok(serde_json::to_string(&SendingV1 {
        v: 1,
        id: sending.id,
        first_sent: sending.first_sent.0,
        entity: change.entity.clone(),
        record: change.record.clone(),
        action: match &change.action {
            ChangeAction::Create(values) => ActionV1::Create(values.into()),
            ChangeAction::Update(values) => ActionV1::Update(values.into()),
            ChangeAction::Delete => ActionV1::Delete,
            ChangeAction::Command(call) => ActionV1::Command(call.into()),
        },
        condition: match &change.condition {
            Condition::Absent => ConditionV1::Absent,
            Condition::Revision(revision) => ConditionV1::Revision(revision.clone()),
            Condition::Exists => ConditionV1::Exists,
        },
        stamps: stamps(&change.stamps),
        operations: sending.operations.clone(),
        together: sending.together,
    })?)
}

/// Reads a sending.
pub(crate) fn decode_sending(payload: &str) -> Result<Sending, Unreadable> {
    let stored: SendingV1<'_> = serde_json::from_str(payload)?;
    Ok(Sending {
        id: stored.id,
        first_sent: Timestamp(stored.first_sent),
        change: Change {
            entity: stored.entity,
            record: stored.record,
            action: match stored.action {
                ActionV1::Create(values) => ChangeAction::Create(values.into()),
                ActionV1::Update(values) => ChangeAction::Update(values.into()),
                ActionV1::Delete => ChangeAction::Delete,
                ActionV1::Command(call) => ChangeAction::Command(call.into()),
            },
            condition: match stored.condition {
                ConditionV1::Absent => Condition::Absent,
                ConditionV1::Revision(revision) => Condition::Revision(revision),
                ConditionV1::Exists => Condition::Exists,
            },
            stamps: read_stamps(stored.stamps),
        },
        operations: stored.operations,
        together: stored.together,
    })
}
