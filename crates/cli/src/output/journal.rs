//! Operations and log entries, for programs and for people.

mod settles;

use std::collections::{BTreeMap, BTreeSet};

use driftless_engine::{Decision, Engine, EngineError, OutboxItem, Outcome};
use driftless_record::{
    Applied, CommandName, EntitySchema, FieldCase, FieldName, LogEntry, LogId, LogKind, Operation,
    OperationId, OperationKind, RawStamp, Schema, Side, Urgency, UserId,
};
use serde_json::{Map, Value as Json, json};

use super::record::shown;
use super::{json, text};
use crate::input::rule_name;
pub(crate) use settles::{is_of_device, settles};

/// Returns what an operation does, in one word.
pub(crate) fn verb(operation: &Operation) -> &'static str {
    match &operation.kind {
        OperationKind::Create(_) => "create",
        OperationKind::Update(_) => "update",
        OperationKind::Delete { .. } => "delete",
        OperationKind::Command { .. } => "command",
        OperationKind::Awaited { .. } => "awaited",
    }
}

/// Says what an operation does to which entity.
pub(crate) fn what(operation: &Operation) -> String {
    match &operation.kind {
        OperationKind::Command { call, .. } => format!("run {} on {}", call.name, operation.entity),
        OperationKind::Awaited { by, .. } => format!("{} made by {by}", operation.entity),
        OperationKind::Create(_) | OperationKind::Update(_) | OperationKind::Delete { .. } => {
            format!("{} {}", verb(operation), operation.entity)
        }
    }
}

/// Returns when an operation was made.
fn made(operation: &Operation) -> Option<RawStamp> {
    match &operation.kind {
        OperationKind::Create(edits)
        | OperationKind::Update(edits)
        | OperationKind::Awaited { edits, .. } => {
            edits.values().map(|edit| edit.raw).max_by_key(|raw| raw.wall)
        }
        OperationKind::Delete { raw, .. } | OperationKind::Command { raw, .. } => Some(*raw),
    }
}

fn urgency_name(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Background => "background",
        Urgency::Normal => "normal",
        Urgency::Urgent => "urgent",
    }
}

fn entity<'a>(schema: &'a Schema, name: &str) -> Option<&'a EntitySchema> {
    schema.entity(name).map(|entity| &**entity)
}

/// Writes a pending operation for programs.
pub(crate) fn operation_json(schema: &Schema, item: &OutboxItem) -> Json {
    let operation = &item.operation;
    let of = entity(schema, operation.entity.as_str());
    let edits = operation.kind.edits().into_iter().flatten();
    let fields: Map<String, Json> = edits
        .map(|(name, edit)| {
            let both = json!({
                "old": json::field(of, name, &edit.old),
                "new": json::field(of, name, &edit.new),
            });
            (name.to_string(), both)
        })
        .collect();
    let blocked: Vec<_> = item.blocked_by.iter().map(ToString::to_string).collect();
    json!({
        "id": operation.id.to_string(),
        "sequence": operation.sequence,
        "kind": verb(operation),
        "command": match &operation.kind {
            OperationKind::Command { call, .. } => Some(call.name.as_str()),
            _ => None,
        },
        "made_by": match &operation.kind {
            OperationKind::Awaited { by, .. } => Some(by.to_string()),
            _ => None,
        },
        "entity": operation.entity.as_str(),
        "record": operation.record.as_str(),
        "title": item.title,
        "state": operation.state.word(),
        "log": operation.state.parked().map(|log| log.0),
        "at": made(operation).map(|raw| json::time(raw.wall)),
        "fields": fields,
        "blocked_by": blocked,
        "reason": item.reason,
        "attempts": operation.attempts,
        "policy": operation.handling.conflict.map(rule_name),
        "urgency": urgency_name(operation.handling.urgency),
        "group": operation.handling.group.map(|group| group.to_string()),
    })
}

/// Writes pending operations as a table.
pub(crate) fn operations(items: &[OutboxItem]) -> String {
    let rows = items.iter().map(|item| {
        let operation = &item.operation;
        let mut state = operation.state.word().to_owned();
        if let Some(log) = operation.state.parked() {
            state.push_str(&format!(", see log {log}"));
        } else if let Some(first) = item.blocked_by.first() {
            state.push_str(&format!(", waits for {first}"));
        } else if let Some(reason) = &item.reason {
            state.push_str(&format!(": {reason}"));
        }
        [
            operation.id.to_string(),
            made(operation)
                .map(|raw| text::when(raw.wall))
                .unwrap_or_default(),
            what(operation),
            item.title.clone(),
            state,
        ]
    });
    text::table(["operation", "made", "what", "record", "state"], rows)
}

/// Writes an outcome in one word and, where it is parked, the log entry.
pub(crate) fn outcome_json(outcome: Option<Outcome>) -> Json {
    let (word, log) = match outcome {
        None => ("unchanged", None),
        Some(Outcome::Pending) => ("pending", None),
        Some(Outcome::Applied(Applied::Accepted)) => ("accepted", None),
        Some(Outcome::Applied(Applied::Merged)) => ("merged", None),
        Some(Outcome::Superseded) => ("superseded", None),
        Some(Outcome::Reverted) => ("reverted", None),
        Some(Outcome::Parked(log)) => ("waiting", Some(log.0)),
    };
    json!({ "outcome": word, "log": log })
}

/// Writes an outcome as a sentence.
pub(crate) fn outcome_text(outcome: Option<Outcome>) -> String {
    match outcome {
        None => "nothing to change".to_owned(),
        Some(Outcome::Pending) => "saved, pending".to_owned(),
        Some(Outcome::Applied(Applied::Accepted)) => "on the server".to_owned(),
        Some(Outcome::Applied(Applied::Merged)) => "on the server, merged with changes of others".to_owned(),
        Some(Outcome::Superseded) => "gave way to the server's values".to_owned(),
        Some(Outcome::Reverted) => "taken back".to_owned(),
        Some(Outcome::Parked(log)) => format!("saved, waits for you: driftless log {log}"),
    }
}

/// What the outbox says of the operations that entries are about.
#[derive(Debug, Clone, Default)]
pub(crate) struct OutboxFacts {
    /// The pending deletes: for a delete there are no values to choose.
    deletes: BTreeSet<OperationId>,
    /// The pending creates: only what was made here can turn out to be another record.
    creates: BTreeSet<OperationId>,
    /// The pending updates: only these can go without some of their fields.
    updates: BTreeSet<OperationId>,
    /// The fields that the updates of an entry change together.
    fields: BTreeMap<LogId, BTreeSet<FieldName>>,
    /// The entries about commands that cannot be run on their records as the server has them.
    stuck: BTreeSet<LogId>,
    /// The pending commands.
    commands: BTreeMap<OperationId, CommandName>,
    /// Who made the pending operations.
    authors: BTreeMap<OperationId, UserId>,
    /// The operations that wait for others, with these.
    blocked: Vec<(OperationId, Vec<OperationId>)>,
}

impl OutboxFacts {
    /// Takes the facts from the outbox of an engine, which is asked what can be done about parked commands.
    pub(crate) fn read(engine: &Engine, outbox: &[OutboxItem]) -> Result<Self, EngineError> {
        let mut facts = Self::of(outbox);
        let commands = outbox.iter().filter(|item| item.operation.kind.is_command());
        for log in commands.filter_map(|item| item.operation.state.parked()) {
            match engine.resolve_preview(log, &Decision::Mine) {
                Ok(_) => {}
                Err(EngineError::NotPossible(_)) => drop(facts.stuck.insert(log)),
                Err(other) => return Err(other),
            }
        }
        Ok(facts)
    }

    fn of(outbox: &[OutboxItem]) -> Self {
        let of_kind = |is: fn(&OperationKind) -> bool| {
            let operations = outbox.iter().map(|item| &item.operation);
            operations
                .filter(|operation| is(&operation.kind))
                .map(|operation| operation.id)
                .collect()
        };
        let authors = outbox.iter().map(|item| &item.operation);
        let commands = outbox.iter().filter_map(|item| match &item.operation.kind {
            OperationKind::Command { call, .. } => Some((item.operation.id, call.name.clone())),
            _ => None,
        });
        let mut fields: BTreeMap<LogId, BTreeSet<FieldName>> = BTreeMap::new();
        for operation in outbox.iter().map(|item| &item.operation) {
            if let (OperationKind::Update(edits), Some(log)) = (&operation.kind, operation.state.parked()) {
                fields.entry(log).or_default().extend(edits.keys().cloned());
            }
        }
        Self {
            commands: commands.collect(),
            deletes: of_kind(|kind| matches!(kind, OperationKind::Delete { .. })),
            creates: of_kind(|kind| matches!(kind, OperationKind::Create(_))),
            updates: of_kind(|kind| matches!(kind, OperationKind::Update(_))),
            fields,
            stuck: BTreeSet::new(),
            authors: authors
                .map(|operation| (operation.id, operation.author.clone()))
                .collect(),
            blocked: outbox
                .iter()
                .map(|item| (item.operation.id, item.blocked_by.clone()))
                .collect(),
        }
    }

    /// Returns the command that an entry is about, while that is pending.
    fn command_of(&self, entry: &LogEntry) -> Option<&str> {
        let found = entry.operations.iter().find_map(|id| self.commands.get(id));
        found.map(CommandName::as_str)
    }

    /// Returns the operations that wait behind those of an entry.
    fn behind(&self, entry: &LogEntry) -> Vec<OperationId> {
        let waits = |(id, by): &&(OperationId, Vec<OperationId>)| {
            !entry.operations.contains(id) && by.iter().any(|other| entry.operations.contains(other))
        };
        self.blocked.iter().filter(waits).map(|(id, _)| *id).collect()
    }

    /// Returns who made what an entry is about, while that is pending.
    fn author(&self, entry: &LogEntry) -> Option<&UserId> {
        entry.operations.iter().find_map(|id| self.authors.get(id))
    }
}

fn kind(entry: &LogEntry) -> &'static str {
    match entry.kind {
        LogKind::Merged => "merged",
        LogKind::Overwritten => "overwritten",
        LogKind::Conflict => "conflict",
        LogKind::Refused => "refused",
        LogKind::Unproved => "unproved",
        LogKind::Notice => "notice",
    }
}

fn side(case: &FieldCase) -> Option<&'static str> {
    case.winner.map(|side| match side {
        Side::Mine => "mine",
        Side::Theirs => "theirs",
    })
}

/// Writes a log entry for programs.
pub(crate) fn entry_json(schema: &Schema, entry: &LogEntry, facts: &OutboxFacts) -> Json {
    let of = entry
        .record
        .as_ref()
        .and_then(|(name, _)| entity(schema, name.as_str()));
    let fields = entry.fields.iter().map(|case| {
        let label = of
            .and_then(|of| of.field(&case.field))
            .map(|field| field.label.clone());
        json!({
            "field": case.field.as_str(),
            "label": label.unwrap_or_else(|| case.field.to_string()),
            "base": json::field(of, &case.field, &case.base),
            "mine": json::field(of, &case.field, &case.mine),
            "theirs": json::field(of, &case.field, &case.theirs),
            "mine_at": case.mine_at.map(|stamp| json::time(stamp.time)),
            "theirs_at": case.theirs_at.map(|stamp| json::time(stamp.time)),
            "winner": side(case),
            "made": case.made.as_ref().map(|made| json::field(of, &case.field, made)),
            "mine_device": case.mine_at.map(|stamp| stamp.device.to_string()),
            "theirs_device": case.theirs_at.map(|stamp| stamp.device.to_string()),
        })
    });
    let cause = entry.cause.as_ref().map(|cause| {
        json!({
            "class": cause.class,
            "words": cause.class.words(),
            "field": cause.field.as_ref().map(|field| field.as_str()),
            "code": cause.code,
            "text": cause.text,
            "other": cause.other.as_ref().map(|other| other.as_str()),
        })
    });
    let operations: Vec<_> = entry.operations.iter().map(ToString::to_string).collect();
    json!({
        "id": entry.id.0,
        "at": json::time(entry.at),
        "kind": kind(entry),
        "entity": entry.record.as_ref().map(|(name, _)| name.as_str()),
        "record": entry.record.as_ref().map(|(_, id)| id.as_str()),
        "title": entry.title,
        "command": facts.command_of(entry),
        "operations": operations,
        "behind": facts.behind(entry).iter().map(ToString::to_string).collect::<Vec<_>>(),
        "author": facts.author(entry).map(|author| author.0.clone()),
        "fields": fields.collect::<Vec<_>>(),
        "cause": cause,
        "reason": entry.reason,
        "kept": json::fields(of, &entry.kept),
        "needs_person": entry.needs_person,
        "settled": entry.settled.as_ref().map(|s| json!({ "at": json::time(s.at), "by": s.by })),
        "settle": settles(entry, facts),
    })
}

/// Writes log entries as a table, one line each.
pub(crate) fn entries(entries: &[LogEntry]) -> String {
    let rows = entries.iter().map(|entry| {
        let what = entry
            .record
            .as_ref()
            .map(|(name, _)| format!("{name} {}", entry.title));
        [
            entry.id.to_string(),
            text::when(entry.at),
            kind(entry).to_owned(),
            what.unwrap_or_default(),
            entry.reason.clone(),
            state(entry),
        ]
    });
    text::table(["log", "when", "kind", "record", "why", ""], rows)
}

/// Writes a log entry on one line.
pub(crate) fn entry_line(entry: &LogEntry) -> String {
    let what = entry
        .record
        .as_ref()
        .map(|(name, _)| format!("{name} {}: ", text::clip(&entry.title)));
    let state = match state(entry) {
        none if none.is_empty() => none,
        state => format!(" ({state})"),
    };
    format!(
        "{}  log {}  {}  {}{}{state}",
        text::when(entry.at),
        entry.id,
        kind(entry),
        what.unwrap_or_default(),
        text::plain(&entry.reason).replace('\n', " "),
    )
}

fn state(entry: &LogEntry) -> String {
    match &entry.settled {
        Some(settled) => format!("settled: {}", settled.by),
        None if entry.needs_person => "waits for you".to_owned(),
        None => String::new(),
    }
}

/// Writes a log entry as a card: both sides of every field, why, and what can be done.
pub(crate) fn card(entry: &LogEntry, facts: &OutboxFacts) -> String {
    let mut lines = vec![match &entry.record {
        Some((name, id)) => format!(
            "log {}: {} of {name} {} ({id})",
            entry.id,
            kind(entry),
            text::clip(&entry.title)
        ),
        None => format!("log {}: {}", entry.id, kind(entry)),
    }];
    if let Some(command) = facts.command_of(entry) {
        lines.push(format!("command {command}"));
    }
    lines.push(format!("when    {}", text::when(entry.at)));
    lines.push(format!("why     {}", text::plain(&entry.reason)));
    if let Some(author) = facts.author(entry) {
        lines.push(format!("mine    made by {}", text::clip(&author.0)));
    }
    if let Some(cause) = &entry.cause {
        let words = text::plain(&cause.text).replace('\n', "\n        ");
        let who = if is_of_device(cause) { "device" } else { "server" };
        lines.push(format!(
            "{who}  {}: {words} [{}]",
            cause.class.words(),
            text::clip(&cause.code)
        ));
    }
    if let (Some(other), Some((name, _))) =
        (entry.cause.as_ref().and_then(|c| c.other.as_ref()), &entry.record)
    {
        lines.push(format!(
            "other   {name} {other}, see it with: driftless get {name} {other}"
        ));
    }
    if let Some(settled) = &entry.settled {
        lines.push(format!("settled {}: {}", text::when(settled.at), settled.by));
    }
    if !entry.fields.is_empty() {
        lines.push(String::new());
        lines.push(cases(&entry.fields));
    }
    let is_linked = entry.settled.as_ref().is_some_and(|settled| settled.by == "link");
    let is_refusal = matches!(entry.kind, LogKind::Refused | LogKind::Unproved);
    if !entry.kept.is_empty() && (entry.fields.is_empty() || is_linked || is_refusal) {
        lines.push(String::new());
        let rows = entry
            .kept
            .iter()
            .map(|(name, value)| [name.to_string(), shown(value)]);
        lines.push(text::table(["kept", "value"], rows));
    }
    let behind = facts.behind(entry);
    if entry.is_open() && !behind.is_empty() {
        lines.push(format!(
            "\nwaiting behind it: {}",
            text::count(behind.len() as u64, "change")
        ));
        lines.extend(behind.iter().map(|operation| format!("  {operation}")));
    }
    let ways = settles(entry, facts);
    if !ways.is_empty() {
        lines.push("\nto settle it, choose one:".to_owned());
        lines.extend(ways.iter().map(|way| format!("  {way}")));
    }
    lines.join("\n")
}

fn cases(cases: &[FieldCase]) -> String {
    let at = |stamp: Option<driftless_record::Stamp>| match stamp {
        Some(stamp) => format!(" ({})", text::when(stamp.time)),
        None => String::new(),
    };
    let rows = cases.iter().map(|case| {
        [
            case.field.to_string(),
            shown(&case.base),
            format!("{}{}", shown(&case.mine), at(case.mine_at)),
            format!("{}{}", shown(&case.theirs), at(case.theirs_at)),
            match &case.made {
                Some(made) => format!("both: {}", shown(made)),
                None => side(case).unwrap_or("not decided").to_owned(),
            },
        ]
    });
    text::table(["field", "base", "mine", "theirs", "winner"], rows)
}

#[cfg(test)]
mod tests;
