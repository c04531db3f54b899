//! What the report says, and its JSON form.

use driftless_engine::Outcome;
use driftless_record::{Applied, EntityName, LogEntry, RecordId, Schema};
use serde_json::{Value as Json, json};

use crate::demo::device::{Device, Person};
use crate::demo::proof::{Agreement, Effects};
use crate::error::CliError;
use crate::output::journal::{OutboxFacts, entry_json, settles};

/// How long a part took.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Timing {
    pub(in crate::demo) what: String,
    pub(in crate::demo) millis: i64,
}

/// What became of the work of one device.
#[derive(Debug, Clone)]
pub(in crate::demo) struct DeviceReport {
    pub(in crate::demo) person: Person,
    /// Operations made offline.
    pub(in crate::demo) made: usize,
    /// Operations that the server has.
    pub(in crate::demo) sent: usize,
    /// How many of them were merged with the work of others.
    pub(in crate::demo) merged: usize,
    /// Operations that gave way to a later edit.
    pub(in crate::demo) gave_way: usize,
    /// Operations that were over before they were sent.
    pub(in crate::demo) stayed: usize,
    /// Records that came, and records that left, after the first synchronization.
    pub(in crate::demo) received: u64,
    pub(in crate::demo) removed: u64,
    /// The sync log.
    pub(in crate::demo) log: Vec<LogEntry>,
    /// Records with operations that wait.
    pub(in crate::demo) unsettled: Vec<(EntityName, RecordId)>,
    /// What the outbox says of entries.
    pub(in crate::demo) facts: OutboxFacts,
    pub(in crate::demo) agreement: Agreement,
}

/// The whole report.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Report {
    /// How many records the server has in the end.
    pub(in crate::demo) records: usize,
    pub(in crate::demo) devices: Vec<DeviceReport>,
    pub(in crate::demo) effects: Effects,
    pub(in crate::demo) timings: Vec<Timing>,
}

/// Collects what a device tells; the comparison with the server is added later.
pub(in crate::demo) fn of_device(device: &Device) -> Result<DeviceReport, CliError> {
    let log = device.log()?;
    let mut report = DeviceReport {
        person: device.person,
        made: device.made.len(),
        sent: 0,
        merged: 0,
        gave_way: 0,
        stayed: 0,
        received: device.reports.iter().map(|report| report.received()).sum(),
        removed: device.reports.iter().map(|report| report.removed()).sum(),
        log,
        unsettled: Vec::new(),
        facts: OutboxFacts::default(),
        agreement: Agreement::default(),
    };
    for made in &device.made {
        let is_told = report
            .log
            .iter()
            .any(|entry| entry.operations.contains(&made.operation));
        match device.engine.outcome(made.operation)? {
            Outcome::Applied(how) => {
                report.sent += 1;
                report.merged += usize::from(how == Applied::Merged);
            }
            Outcome::Superseded | Outcome::Reverted if is_told => report.gave_way += 1,
            Outcome::Superseded | Outcome::Reverted => report.stayed += 1,
            Outcome::Pending | Outcome::Parked(_) => {}
        }
    }
    let outbox = device.engine.outbox()?;
    report.facts = OutboxFacts::read(&device.engine, &outbox)?;
    for item in outbox {
        let key = (item.operation.entity, item.operation.record);
        if !report.unsettled.contains(&key) {
            report.unsettled.push(key);
        }
    }
    Ok(report)
}

impl DeviceReport {
    /// Returns the log entries that wait for the user.
    pub(in crate::demo) fn waiting(&self) -> impl Iterator<Item = &LogEntry> {
        self.log.iter().filter(|entry| entry.is_open())
    }

    fn to_json(&self, schema: &Schema) -> Json {
        let waiting: Vec<Json> = self
            .waiting()
            .map(|entry| {
                json!({
                    "log": entry.id.0,
                    "entity": entry.record.as_ref().map(|(name, _)| name.as_str()),
                    "title": entry.title,
                    "reason": entry.reason,
                    "settle": settles(entry, &self.facts),
                })
            })
            .collect();
        let log: Vec<Json> = self
            .log
            .iter()
            .map(|entry| entry_json(schema, entry, &self.facts))
            .collect();
        json!({
            "user": self.person.user,
            "name": self.person.name,
            "role": self.person.role,
            "made": self.made,
            "sent": self.sent,
            "merged": self.merged,
            "gave_way": self.gave_way,
            "never_sent": self.stayed,
            "received": self.received,
            "removed": self.removed,
            "waiting": waiting,
            "log": log,
            "compared": {
                "entities": self.agreement.entities,
                "records": self.agreement.records,
                "values": self.agreement.values,
                "waiting": self.agreement.waiting,
                "differences": self.agreement.differences,
            },
        })
    }
}

impl Report {
    /// Returns whether devices and server agree and every operation had the effect that it should.
    pub(in crate::demo) fn agree(&self) -> bool {
        self.effects.failures.is_empty()
            && self
                .devices
                .iter()
                .all(|device| device.agreement.differences.is_empty())
    }

    pub(in crate::demo) fn to_json(&self, schema: &Schema) -> Json {
        let devices: Vec<Json> = self.devices.iter().map(|device| device.to_json(schema)).collect();
        let timings: serde_json::Map<String, Json> = self
            .timings
            .iter()
            .map(|timing| (timing.what.clone(), json!(timing.millis)))
            .collect();
        json!({
            "agree": self.agree(),
            "server_records": self.records,
            "devices": devices,
            "effects": {
                "operations": self.effects.operations,
                "records_changed": self.effects.changed,
                "records_untouched": self.effects.untouched,
                "failures": self.effects.failures,
            },
            "timings_ms": timings,
        })
    }
}
