//! Pushing many queued edits: how fast, in how many requests, with how many commits.

use super::data::opportunity;
use super::device::Connected;
use super::entity::ENTITY;
use super::served::Served;
use super::{Limit, Row, Scale, Stopwatch, Unit};
use anyhow::{Result, ensure};
use driftless_engine::What;
use driftless_record::{FieldName, Fields, Value};

/// Changes in one request.
const BATCH: usize = 100;

pub(super) const RATE: Row = Row {
    name: "push",
    what: "edits of a tenth as many records, queued offline, are sent to our server and confirmed",
    unit: Unit::RowsPerSecond,
    limit: None,
    measure: |scale| Ok(push(scale)?.rate),
};

pub(super) const FEWEST: Row = Row {
    name: "push-batches",
    what: "the fewest requests that these edits fit in, at 100 a request",
    unit: Unit::Requests,
    limit: None,
    measure: |scale| Ok(edits(scale).div_ceil(BATCH) as f64),
};

pub(super) const REQUESTS: Row = Row {
    name: "push-requests",
    what: "the requests of that push, sign-in and description included",
    unit: Unit::Requests,
    limit: Some(Limit {
        row: "push-batches",
        floor: Some(1.1),
    }),
    measure: |scale| Ok(push(scale)?.requests as f64),
};

pub(super) const CONFIRMS: Row = Row {
    name: "push-confirms",
    what: "the durable commits that confirm the replies of that push: one a reply",
    unit: Unit::Commits,
    limit: Some(Limit {
        row: "push-batches",
        floor: Some(1.0),
    }),
    measure: |scale| Ok(push(scale)?.confirms as f64),
};

struct Pushed {
    rate: f64,
    requests: usize,
    confirms: usize,
}

fn edits(scale: Scale) -> usize {
    scale.records / 10
}

fn push(scale: Scale) -> Result<Pushed> {
    let edits = edits(scale);
    let served = Served::start(edits)?;
    let connected = Connected::new(&served)?;
    connected.sync(What::Everything)?;
    let phone = FieldName::parse("Phone")?;
    for number in 0..edits {
        let fields = Fields::from([(phone.clone(), Value::text(format!("+47 5 {number:08}")))]);
        connected
            .device
            .engine
            .update(ENTITY, &opportunity(number).id, fields)?;
    }
    connected.requests.take();
    connected.device.store.take();
    let watch = Stopwatch::start();
    let report = connected.sync(What::Push)?;
    let rate = watch.rate(edits);
    ensure!(report.applied == edits, "{} edits were applied", report.applied);
    Ok(Pushed {
        rate,
        requests: connected.requests.take(),
        confirms: connected.device.store.take(),
    })
}
