//! The report for people.

use std::fmt::Write as _;

use driftless_record::{FieldCase, LogEntry, Side};

use super::data::{DeviceReport, Report};
use crate::demo::proof::TOLD;
use crate::output::journal::settles;
use crate::output::text::{clip, plain, table};

/// Writes the report.
pub(in crate::demo) fn text(report: &Report) -> String {
    let mut parts = vec![heading("Report"), numbers(&report.devices)];
    for device in &report.devices {
        parts.push(waiting(device));
    }
    parts.push(heading("Do the devices and the server agree?"));
    parts.push(proof(report));
    parts.push(heading("Timings"));
    let rows = report.timings.iter().map(|timing| {
        [
            timing.what.clone(),
            format!("{}.{:03} s", timing.millis / 1000, timing.millis % 1000),
        ]
    });
    parts.push(indented(&table(["", ""], rows)));
    parts.join("\n")
}

fn heading(title: &str) -> String {
    format!("\n{title}")
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| format!("  {line}"))
        .collect();
    lines.join("\n")
}

fn numbers(devices: &[DeviceReport]) -> String {
    let rows = devices.iter().map(|device| {
        [
            device.person.name.to_owned(),
            device.made.to_string(),
            device.sent.to_string(),
            device.merged.to_string(),
            device.gave_way.to_string(),
            device.stayed.to_string(),
            device.waiting().count().to_string(),
            (device.received + device.removed).to_string(),
        ]
    });
    let header = [
        "",
        "made offline",
        "sent",
        "of them merged",
        "gave way",
        "never sent",
        "waiting",
        "received",
    ];
    indented(&table(header, rows))
}

/// Says what waits for a person, why, and what to type.
fn waiting(device: &DeviceReport) -> String {
    let mut text = String::new();
    for entry in device.waiting() {
        let _ = write!(text, "\n  Waiting for {}: {}", device.person.name, about(entry));
        let _ = write!(text, "\n    why: {}", plain(&entry.reason));
        text.push_str("\n    settle it with one of:");
        for way in settles(entry, &device.facts) {
            let _ = write!(text, "\n      {way}");
        }
    }
    if text.is_empty() {
        text = format!("\n  Nothing waits for {}.", device.person.name);
    }
    text
}

/// Returns what a log entry is about.
fn about(entry: &LogEntry) -> String {
    match &entry.record {
        Some((entity, _)) => format!("{entity} \"{}\"", clip(&entry.title)),
        None => clip(&entry.title),
    }
}

/// Writes one log entry as the story tells it.
pub(in crate::demo) fn log_line(entry: &LogEntry) -> String {
    let fields: Vec<String> = entry.fields.iter().map(case).collect();
    let fields = if fields.is_empty() {
        String::new()
    } else {
        format!(" [{}]", fields.join("; "))
    };
    let wait = if entry.is_open() { " (waits for you)" } else { "" };
    format!(
        "log {}: {}: {}{fields}{wait}",
        entry.id,
        about(entry),
        plain(&entry.reason)
    )
}

fn case(case: &FieldCase) -> String {
    let (mine, theirs) = (clip(&case.mine.to_string()), clip(&case.theirs.to_string()));
    match case.winner {
        Some(Side::Mine) => format!("{}: mine, {mine}, instead of {theirs}", case.field),
        Some(Side::Theirs) => format!("{}: theirs, {theirs}, instead of {mine}", case.field),
        None => format!("{}: mine is {mine}, theirs is {theirs}", case.field),
    }
}

fn proof(report: &Report) -> String {
    let mut lines = Vec::new();
    for device in &report.devices {
        let of = &device.agreement;
        let waits = match of.waiting {
            0 => String::new(),
            waiting => format!("; {waiting} left out, because it waits for the user"),
        };
        let verdict = if of.differences.is_empty() {
            "the same"
        } else {
            "NOT THE SAME"
        };
        lines.push(format!(
            "{} and the server, read by plain HTTP: {verdict} ({} entities, {} records, {} values{waits})",
            device.person.name, of.entities, of.records, of.values
        ));
        lines.extend(told(&of.differences));
    }
    let of = &report.effects;
    let verdict = if of.failures.is_empty() {
        "exactly the effect it should"
    } else {
        "NOT the effect it should"
    };
    lines.push(format!(
        "each of the {} operations had {verdict}: {} records changed on the server, {} did not",
        of.operations, of.changed, of.untouched
    ));
    lines.extend(told(&of.failures));
    lines.push(if report.agree() {
        "Yes: nothing was lost, nothing happened twice.".to_owned()
    } else {
        "NO: devices and server do not agree.".to_owned()
    });
    indented(&lines.join("\n"))
}

fn told(differences: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = differences
        .iter()
        .take(TOLD)
        .map(|difference| format!("  {}", plain(difference)))
        .collect();
    if differences.len() > TOLD {
        lines.push(format!("  and {} more", differences.len() - TOLD));
    }
    lines
}
