//! Changes on the server that no measured device made.

use super::data::opportunity;
use super::device::{Connected, now};
use super::entity::{ENTITY, schema};
use super::served::Served;
use anyhow::{Result, ensure};
use driftless_record::{
    Change, ChangeAction, Condition, EntityName, FieldName, Fields, RecordId, RequestId, Sending, Value,
};
use driftless_transport::{PushItem, PushResult, Transport as _};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Changes the first records on a server; returns how many.
pub(super) fn change(served: &Served, records: usize) -> Result<usize> {
    let other = Connected::new(served)?;
    let schema = Arc::new(schema()?);
    let (entity, phone) = (EntityName::parse(ENTITY)?, FieldName::parse("Phone")?);
    let first_sent = now();
    let item = |number: usize| PushItem {
        sending: Sending {
            id: RequestId(Uuid::from_u128(0x4000_8000_0000_0000_0000 + number as u128)),
            first_sent,
            change: Change {
                entity: entity.clone(),
                record: RecordId::from_canonical(&opportunity(number).id),
                action: ChangeAction::Update(Fields::from([(
                    phone.clone(),
                    Value::text(format!("+47 5 {number:08}")),
                )])),
                condition: Condition::Exists,
                stamps: BTreeMap::new(),
            },
            operations: Vec::new(),
            together: None,
        },
        after: Vec::new(),
    };
    let items: Vec<PushItem> = (0..records).map(item).collect();
    for items in items.chunks(100) {
        let reply = other.runtime.block_on(other.transport.push(&schema, items))?;
        let done = |result: &PushResult| matches!(result, PushResult::Done { .. });
        ensure!(
            reply.results.len() == items.len() && reply.results.values().all(done),
            "a change was not made: {:?}",
            reply.results.values().find(|result| !done(result))
        );
    }
    Ok(records)
}
