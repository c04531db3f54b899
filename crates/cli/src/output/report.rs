//! The report of a synchronization, for programs and for people.

use std::collections::BTreeMap;

use driftless_engine::SyncReport;
use driftless_record::{LogEntry, Schema};
use serde_json::{Value as Json, json};

use super::journal::{self, OutboxFacts};
use super::text;
use crate::error::CliError;

/// Writes the report for programs. `waiting` are the entries that wait for the user, old and new.
pub(crate) fn json(report: &SyncReport, schema: &Schema, waiting: &[LogEntry], facts: &OutboxFacts) -> Json {
    let ids = |ids: &[driftless_record::LogId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    let entries: Vec<_> = waiting
        .iter()
        .map(|entry| journal::entry_json(schema, entry, facts))
        .collect();
    let news: BTreeMap<_, _> = report
        .entities
        .iter()
        .filter(|(_, of)| of.received + of.removed > 0 || of.problem.is_some())
        .collect();
    let mut document = json!({
        "sent": report.applied,
        "merged": report.merged,
        "refused": report.refused,
        "decided": report.decided,
        "received": report.received(),
        "removed": report.removed(),
        "bytes": report.bytes,
        "entities": news,
        "pending": report.pending,
        "unknown": report.unknown,
        "waiting": entries,
        "newly_waiting": ids(&report.newly_waiting),
        "log": ids(&report.log),
        "notes": report.notes,
        "stopped": report.out_of_time,
    });
    if let (Some(error), Some(document)) = (&report.interrupted, document.as_object_mut()) {
        document.insert("error".to_owned(), CliError::from(error.clone()).to_json());
    }
    document
}

/// Writes the report for people.
pub(crate) fn text(report: &SyncReport, waiting: &[LogEntry]) -> String {
    let mut lines = Vec::new();
    if let Some(error) = &report.interrupted {
        let error = CliError::from(error.clone());
        lines.push(format!("interrupted: {}", error.message));
        lines.extend(error.hint.map(|hint| format!("  {hint}")));
    }
    if report.out_of_time {
        lines.push("stopped before the end: synchronize again to go on where it stopped".to_owned());
    }
    let merged = match report.merged {
        0 => String::new(),
        merged => format!(", {merged} of them merged with changes of others"),
    };
    lines.push(format!(
        "sent      {}{merged}",
        text::count(report.applied as u64, "change")
    ));
    lines.push(format!(
        "received  {}, {} removed here",
        text::count(report.received(), "record"),
        report.removed()
    ));
    if report.decided > 0 {
        let why = if report.log.is_empty() {
            "came to nothing, or the server has it already"
        } else {
            "at an end without it, or waiting for you; see driftless log"
        };
        let changes = text::count(report.decided as u64, "change");
        lines.push(format!("not sent  {changes}: {why}"));
    }
    lines.extend(pending(report));
    for (entity, of) in &report.entities {
        if let Some(problem) = &of.problem {
            lines.push(format!("not read  {entity}: {}", text::plain(problem)));
        }
    }
    lines.extend(
        report
            .notes
            .iter()
            .map(|note| format!("note      {}", text::plain(note))),
    );
    if !waiting.is_empty() {
        lines.push(format!(
            "\nwaiting for you: {}",
            text::count(waiting.len() as u64, "entry").replace("entrys", "entries")
        ));
        for entry in waiting {
            let what = entry
                .record
                .as_ref()
                .map(|(name, _)| format!("{name} {}", text::clip(&entry.title)));
            lines.push(format!(
                "  log {}: {}: {}",
                entry.id,
                what.unwrap_or_default(),
                text::plain(&entry.reason)
            ));
            if let Some(cause) = &entry.cause {
                let who = if journal::is_of_device(cause) {
                    "this device found"
                } else {
                    "the server said"
                };
                lines.push(format!("    {who}: {}", text::clip(&cause.text)));
            }
        }
        lines.push("see one with `driftless log ID`, settle it with `driftless resolve ID …`".to_owned());
    }
    lines.join("\n")
}

fn pending(report: &SyncReport) -> Option<String> {
    let unknown = match report.unknown {
        0 => String::new(),
        unknown => format!(", {unknown} of them sent without an answer so far"),
    };
    let count = text::count(report.pending, "change");
    (report.pending > 0)
        .then(|| format!("pending   {count}{unknown}; `driftless outbox` says what each waits for"))
}
