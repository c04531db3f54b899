//! Open conflicts show what the server has now: a person decides about the value that he sees (law L31). Pure.

use driftless_record::{LogEntry, LogKind, OperationKind};
use driftless_store::Write;

use crate::ground::Ground;

/// Makes the writes that bring the server's side of open conflicts up to date.
pub(crate) fn renewed(ground: &Ground, open: &[LogEntry]) -> Vec<Write> {
    let conflicts = open.iter().filter(|entry| entry.kind == LogKind::Conflict);
    let renewed = conflicts.filter_map(|entry| {
        let image = ground.images.get(entry.record.as_ref()?)?;
        let server = image.present()?;
        let mut now = entry.clone();
        // The server's side of a conflict about a delete is the whole record.
        if now.fields.is_empty() && deletes(ground, entry) {
            now.kept.clone_from(&server.record.fields);
        }
        for case in &mut now.fields {
            let theirs = server.record.value(&case.field);
            if case.theirs != *theirs {
                case.theirs = theirs.clone();
                case.theirs_at = server.stamps.get(&case.field).copied();
            }
        }
        (now != *entry).then(|| Write::PutLog(Box::new(now)))
    });
    renewed.collect()
}

fn deletes(ground: &Ground, entry: &LogEntry) -> bool {
    let mut parked = ground
        .pending
        .iter()
        .filter(|operation| operation.state.parked() == Some(entry.id));
    parked.any(|operation| matches!(operation.kind, OperationKind::Delete { .. }))
}
