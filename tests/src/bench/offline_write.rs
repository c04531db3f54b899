//! An edit without a network: record, operation and base, durable.

use super::data::opportunity;
use super::device::Device;
use super::entity::{ENTITY, row_sets, schema};
use super::{Limit, Row, Scale, Stopwatch, Unit};
use anyhow::{Result, ensure};
use driftless_record::{FieldName, Fields, TenantId, Value};
use driftless_store::{RecordStore as _, Write, WriteBatch};
use std::sync::Arc;

pub(super) const ROW: Row = Row {
    name: "offline-write",
    what: "a field of a record that nobody edited yet is changed through the engine: record, operation and base image \
           in one durable commit; median",
    unit: Unit::Microseconds,
    limit: Some(Limit {
        row: "bare-commit",
        floor: Some(1.5),
    }),
    measure,
};

fn measure(scale: Scale) -> Result<f64> {
    let device = loaded(scale.writes)?;
    let phone = FieldName::parse("Phone")?;
    let mut took = Vec::with_capacity(scale.writes);
    for number in 0..scale.writes {
        let id = opportunity(number).id;
        let fields = Fields::from([(phone.clone(), Value::text(format!("+47 5 {number:08}")))]);
        let watch = Stopwatch::start();
        let written = device.engine.update(ENTITY, &id, fields)?;
        took.push(watch.elapsed());
        ensure!(written.operation.is_some(), "an edit made no operation");
    }
    took.sort_unstable();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    Ok(median.as_secs_f64() * 1e6)
}

/// A device that has so many records, as if they had been read from a server.
pub(super) fn loaded(records: usize) -> Result<Device> {
    let device = Device::new(TenantId("here".to_owned()))?;
    let schema = schema()?;
    let sets = row_sets(&schema, records)?;
    let mut writes = vec![Write::PutSchema(Arc::new(schema))];
    writes.extend(sets.into_iter().map(Write::PutRows));
    device.store.commit(WriteBatch { expect: None, writes })?;
    Ok(device)
}
