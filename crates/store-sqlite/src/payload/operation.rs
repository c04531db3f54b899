//! Operations as they are stored: a byte that says how, then the form in `postcard`, which is half the size of JSON; an
//! edit writes one. Format 1 of the database had the same form in JSON.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{
    Applied, ConflictRule, EntityName, FieldEdit, FieldName, GroupId, Handling, LogId, Operation,
    OperationId, OperationKind, OperationState, RecordId, RequestId, Revision, TenantId, Timestamp, Urgency,
    UserId,
};
use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::call::StoredCall;
use super::value::{StoredFields, StoredRaw, StoredStamp, StoredValue};

/// The first byte of a payload in `postcard`. No text in JSON begins with it.
const POSTCARD: u8 = 1;
/// The first byte of a payload in `postcard` with the way of handling behind the operation: only where that is not the
/// usual one.
const HANDLED: u8 = 2;

#[derive(Debug, Serialize, Deserialize)]
struct OperationV1<'a> {
    v: u8,
    id: OperationId,
    sequence: u64,
    author: UserId,
    tenant: TenantId,
    schema: String,
    entity: EntityName,
    record: RecordId,
    base: Option<Revision>,
    #[serde(borrow)]
    kind: KindV1<'a>,
    needs: BTreeSet<OperationId>,
    state: StateV1,
    attempts: u32,
    rebased: u32,
}

/// An operation as JSON, with the way of handling in it.
#[derive(Debug, Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    operation: OperationV1<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handling: Option<HandlingV1>,
}

#[derive(Debug, Serialize, Deserialize)]
struct HandlingV1 {
    urgency: Urgency,
    conflict: Option<ConflictRule>,
    group: Option<GroupId>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindV1<'a> {
    Create(BTreeMap<FieldName, EditV1<'a>>),
    Update(BTreeMap<FieldName, EditV1<'a>>),
    Delete {
        seen: StoredFields<'a>,
        raw: StoredRaw,
        stamp: Option<StoredStamp>,
    },
    Command {
        #[serde(borrow)]
        call: StoredCall<'a>,
        edits: BTreeMap<FieldName, EditV1<'a>>,
        raw: StoredRaw,
    },
    Awaited {
        by: OperationId,
        slot: FieldName,
        edits: BTreeMap<FieldName, EditV1<'a>>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct EditV1<'a> {
    old: StoredValue<'a>,
    new: StoredValue<'a>,
    raw: StoredRaw,
    #[serde(default)]
    stamp: Option<StoredStamp>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateV1 {
    Queued,
    InFlight(RequestId),
    Unknown(RequestId),
    Waiting(i64),
    Conflict(LogId),
    Refused(LogId),
    Accepted,
    Merged,
    Superseded,
    Reverted,
}

/// Writes an operation.
pub(crate) fn encode_operation(operation: &Operation) -> Result<Vec<u8>, Unreadable> {
    let stored = stored(operation);
    let written = match handling(operation) {
        None => postcard::to_extend(&stored, vec![POSTCARD]),
        Some(handling) => postcard::to_extend(&stored, vec![HANDLED])
            .and_then(|written| postcard::to_extend(&handling, written)),
    };
    written.map_err(|_| Unreadable)
}

/// Returns how an operation is handled, unless it is in the usual way.
fn handling(operation: &Operation) -> Option<HandlingV1> {
    let Handling {
        urgency,
        conflict,
        group,
    } = operation.handling;
    (operation.handling != Handling::default()).then_some(HandlingV1 {
        urgency,
        conflict,
        group,
    })
}

/// Writes an operation as JSON, for a file that people and other programs read.
pub(crate) fn operation_json(operation: &Operation) -> Result<String, Unreadable> {
    Ok(serde_json::to_string(&Told {
        operation: stored(operation),
        handling: handling(operation),
    })?)
}

fn stored(operation: &Operation) -> OperationV1<'_> {
    OperationV1 {
        v: 1,
        id: operation.id,
        sequence: operation.sequence,
        author: operation.author.clone(),
        tenant: operation.tenant.clone(),
        schema: operation.schema_version.clone(),
        entity: operation.entity.clone(),
        record: operation.record.clone(),
        base: operation.base_revision.clone(),
        kind: match &operation.kind {
            OperationKind::Create(edits) => KindV1::Create(write_edits(edits)),
            OperationKind::Update(edits) => KindV1::Update(write_edits(edits)),
            OperationKind::Delete { seen, raw, stamp } => KindV1::Delete {
                seen: seen.into(),
                raw: (*raw).into(),
                stamp: stamp.map(Into::into),
            },
            OperationKind::Command { call, edits, raw } => KindV1::Command {
                call: (&**call).into(),
                edits: write_edits(edits),
                raw: (*raw).into(),
            },
            OperationKind::Awaited { by, slot, edits } => KindV1::Awaited {
                by: *by,
                slot: slot.clone(),
                edits: write_edits(edits),
            },
        },
        needs: operation.needs.clone(),
        state: (&operation.state).into(),
        attempts: operation.attempts,
        rebased: operation.rebased,
    }
}

/// Reads an operation.
pub(crate) fn decode_operation(payload: &[u8]) -> Result<Operation, Unreadable> {
    let (stored, handling): (OperationV1<'_>, Option<HandlingV1>) = match payload {
        [POSTCARD, payload @ ..] => (postcard::from_bytes(payload).map_err(|_| Unreadable)?, None),
        [HANDLED, payload @ ..] => {
            let (stored, handling) = postcard::from_bytes(payload).map_err(|_| Unreadable)?;
            (stored, Some(handling))
        }
        json => (serde_json::from_slice(json)?, None),
    };
    Ok(Operation {
        id: stored.id,
        sequence: stored.sequence,
        author: stored.author,
        tenant: stored.tenant,
        schema_version: stored.schema,
        entity: stored.entity,
        record: stored.record,
        base_revision: stored.base,
        kind: match stored.kind {
            KindV1::Create(edits) => OperationKind::Create(read_edits(edits)?),
            KindV1::Update(edits) => OperationKind::Update(read_edits(edits)?),
            KindV1::Delete { seen, raw, stamp } => OperationKind::Delete {
                seen: seen.into(),
                raw: raw.into(),
                stamp: stamp.map(Into::into),
            },
            KindV1::Command { call, edits, raw } => OperationKind::Command {
                call: Box::new(call.into()),
                edits: read_edits(edits)?,
                raw: raw.into(),
            },
            KindV1::Awaited { by, slot, edits } => OperationKind::Awaited {
                by,
                slot,
                edits: read_edits(edits)?,
            },
        },
        needs: stored.needs,
        state: stored.state.into(),
        attempts: stored.attempts,
        rebased: stored.rebased,
        handling: handling.map_or_else(Handling::default, |kept| Handling {
            urgency: kept.urgency,
            conflict: kept.conflict,
            group: kept.group,
        }),
    })
}

fn write_edits(edits: &BTreeMap<FieldName, FieldEdit>) -> BTreeMap<FieldName, EditV1<'_>> {
    edits
        .iter()
        .map(|(name, edit)| (name.clone(), write_edit(edit)))
        .collect()
}

fn write_edit(edit: &FieldEdit) -> EditV1<'_> {
    EditV1 {
        old: (&edit.old).into(),
        new: (&edit.new).into(),
        raw: edit.raw.into(),
        stamp: edit.stamp.map(Into::into),
    }
}

fn read_edits(edits: BTreeMap<FieldName, EditV1<'_>>) -> Result<BTreeMap<FieldName, FieldEdit>, Unreadable> {
    let read = |edit: EditV1<'_>| -> Result<FieldEdit, Unreadable> {
        Ok(FieldEdit {
            old: edit.old.try_into()?,
            new: edit.new.try_into()?,
            raw: edit.raw.into(),
            stamp: edit.stamp.map(Into::into),
        })
    };
    edits
        .into_iter()
        .map(|(name, edit)| Ok((name, read(edit)?)))
        .collect()
}

impl From<&OperationState> for StateV1 {
    fn from(state: &OperationState) -> Self {
        match state {
            OperationState::Queued => Self::Queued,
            OperationState::InFlight(id) => Self::InFlight(*id),
            OperationState::Unknown(id) => Self::Unknown(*id),
            OperationState::Waiting(until) => Self::Waiting(until.0),
            OperationState::Conflict(log) => Self::Conflict(*log),
            OperationState::Refused(log) => Self::Refused(*log),
            OperationState::Applied(Applied::Accepted) => Self::Accepted,
            OperationState::Applied(Applied::Merged) => Self::Merged,
            OperationState::Superseded => Self::Superseded,
            OperationState::Reverted => Self::Reverted,
        }
    }
}

impl From<StateV1> for OperationState {
    fn from(state: StateV1) -> Self {
        match state {
            StateV1::Queued => Self::Queued,
            StateV1::InFlight(id) => Self::InFlight(id),
            StateV1::Unknown(id) => Self::Unknown(id),
            StateV1::Waiting(until) => Self::Waiting(Timestamp(until)),
            StateV1::Conflict(log) => Self::Conflict(log),
            StateV1::Refused(log) => Self::Refused(log),
            StateV1::Accepted => Self::Applied(Applied::Accepted),
            StateV1::Merged => Self::Applied(Applied::Merged),
            StateV1::Superseded => Self::Superseded,
            StateV1::Reverted => Self::Reverted,
        }
    }
}
