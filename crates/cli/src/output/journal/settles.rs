//! The commands that settle an entry of the log.

use std::collections::BTreeSet;

use driftless_record::{Cause, CauseClass, LogEntry, LogKind, OperationId};

use super::OutboxFacts;

fn are_all(ids: &BTreeSet<OperationId>, operations: &[OperationId]) -> bool {
    !operations.is_empty() && operations.iter().all(|id| ids.contains(id))
}

/// Returns the commands that settle an entry, best first; none if it waits for nobody.
pub(crate) fn settles(entry: &LogEntry, facts: &OutboxFacts) -> Vec<String> {
    if !entry.is_open() {
        return Vec::new();
    }
    let is_refusal = matches!(entry.kind, LogKind::Refused | LogKind::Unproved);
    let needs_right = entry
        .cause
        .as_ref()
        .is_some_and(|cause| cause.class == CauseClass::Permission);
    let mut ways: Vec<&str> = if let Some(cause) = entry.cause.as_ref().filter(|cause| is_obstacle(cause)) {
        obstacle_ways(cause)
    } else if entry.cause.as_ref().is_some_and(is_of_device) {
        vec!["--retry", "--discard", "--revert"]
    } else if is_refusal {
        vec!["--set FIELD=VALUE", "--retry", "--discard", "--revert"]
    } else if entry.fields.is_empty() {
        vec!["--mine", "--theirs", "--set FIELD=VALUE", "--revert"]
    } else {
        vec![
            "--mine",
            "--theirs",
            "--pick FIELD=SIDE",
            "--set FIELD=VALUE",
            "--revert",
        ]
    };
    let server_refused = entry.kind == LogKind::Refused && !entry.cause.as_ref().is_some_and(is_of_device);
    if server_refused && are_all(&facts.updates, &entry.operations) {
        ways.insert(1, "--without FIELD");
    }
    if facts.fields.get(&entry.id).is_some_and(|fields| fields.len() < 2) {
        // Nothing would be left.
        ways.retain(|way| *way != "--without FIELD");
    }
    let has_values = !are_all(&facts.deletes, &entry.operations) && facts.command_of(entry).is_none();
    if !has_values {
        ways.retain(|way| !way.starts_with("--set"));
    }
    if facts.stuck.contains(&entry.id) {
        ways.retain(|way| !["--mine", "--pick FIELD=SIDE"].contains(way));
    }
    if facts.command_of(entry).is_some() && !ways.contains(&"--discard") {
        ways.push("--discard");
    }
    if needs_right {
        ways.push("--request-access");
    }
    let clash = clash(entry, facts);
    if !clash.is_empty() {
        ways.retain(|way| !way.starts_with("--set"));
    }
    let clash = clash.iter().map(String::as_str);
    clash
        .chain(ways)
        .map(|way| format!("driftless resolve {} {way}", entry.id))
        .collect()
}

/// Returns the ways to settle that another record has a value already; none if the entry is not about that.
fn clash(entry: &LogEntry, facts: &OutboxFacts) -> Vec<String> {
    let Some(cause) = entry
        .cause
        .as_ref()
        .filter(|cause| cause.class == CauseClass::Unique)
    else {
        return Vec::new();
    };
    let field = cause.field.as_ref().map_or("FIELD", |field| field.as_str());
    let mut ways = vec![format!("--rename {field}=VALUE")];
    if entry.operations.iter().any(|id| facts.creates.contains(id)) {
        let other = cause.other.as_ref().map_or("OTHER-ID", |other| other.as_str());
        ways.push(format!("--link {other}"));
    }
    ways
}

/// Returns the ways past an obstacle: where nothing can be mended, it would be sent as little as now, whoever decides.
fn obstacle_ways(cause: &Cause) -> Vec<&'static str> {
    let mut ways = match cause.code.as_str() {
        "device:no-field" | "device:no-field-update" => vec!["--without FIELD"],
        "device:field-retyped" => vec!["--set FIELD=VALUE", "--without FIELD"],
        "device:field-required" => vec!["--set FIELD=VALUE"],
        _ => Vec::new(),
    };
    ways.extend(["--discard", "--revert"]);
    ways
}

/// Whether something stands against sending at all.
fn is_obstacle(cause: &Cause) -> bool {
    cause.code.starts_with("device:")
}

/// Whether the device has found this cause, and no server said it.
pub(crate) fn is_of_device(cause: &Cause) -> bool {
    is_obstacle(cause) || ["no-answer", "unreadable"].contains(&cause.code.as_str())
}
