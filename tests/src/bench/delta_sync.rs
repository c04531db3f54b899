//! A synchronization that brings changes to a device that has everything.

use super::changes::change;
use super::device::Connected;
use super::served::Served;
use super::{Limit, Row, Scale, Stopwatch, Unit};
use anyhow::{Result, ensure};
use driftless_engine::What;

pub(super) const ROW: Row = Row {
    name: "incremental-pull",
    what: "a device that has every record synchronizes after a tenth of them changed",
    unit: Unit::RowsPerSecond,
    limit: Some(Limit {
        row: "served-upsert",
        floor: None,
    }),
    measure,
};

fn measure(scale: Scale) -> Result<f64> {
    let served = Served::start(scale.records)?;
    let device = Connected::new(&served)?;
    device.sync(What::Everything)?;
    let changed = change(&served, scale.records / 10)?;
    let watch = Stopwatch::start();
    let report = device.sync(What::Everything)?;
    let rate = watch.rate(changed);
    ensure!(report.received() == changed as u64, "changes are missing");
    Ok(rate)
}
