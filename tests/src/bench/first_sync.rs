//! The first synchronization of an empty device.

use super::device::Connected;
use super::served::Served;
use super::{Limit, Row, Scale, Stopwatch, Unit};
use anyhow::{Result, ensure};
use driftless_engine::What;

pub(super) const ROW: Row = Row {
    name: "first-sync",
    what: "an empty device reads every record from our server, a process of its own, over loopback HTTP: sign-in, \
           description, pages, commits, indexes",
    unit: Unit::RowsPerSecond,
    limit: Some(Limit {
        row: "served-insert",
        floor: Some(0.5),
    }),
    measure,
};

fn measure(scale: Scale) -> Result<f64> {
    let served = Served::start(scale.records)?;
    let device = Connected::new(&served)?;
    let watch = Stopwatch::start();
    let report = device.sync(What::Everything)?;
    let rate = watch.rate(scale.records);
    ensure!(report.received() == scale.records as u64, "records are missing");
    Ok(rate)
}
