//! A write that is saved, as it is told.

use driftless_engine::{Outcome, Written};
use driftless_record::EntitySchema;
use serde_json::{Value as Json, json};

use super::journal;

/// Writes a saved write as a document.
pub(crate) fn written_json(entity: &EntitySchema, written: &Written, outcome: Option<Outcome>) -> Json {
    let told = journal::outcome_json(outcome);
    json!({
        "entity": entity.name.as_str(),
        "id": written.record.as_str(),
        "operation": written.operation.map(|id| id.to_string()),
        "outcome": told["outcome"],
        "log": told["log"],
    })
}

/// Writes a saved write as a line: what was done, and what became of it.
pub(crate) fn written_text(did: &str, written: &Written, outcome: Option<Outcome>) -> String {
    let mut text = format!("{did}: {}", journal::outcome_text(outcome));
    if let Some(operation) = written.operation {
        text.push_str(&format!("\noperation {operation}"));
    }
    text
}
