//! What a command of ours has left on a record: what was done behind it rests on that. Pure.

use std::collections::BTreeSet;

use driftless_record::{FieldName, Operation, OperationKind, Revision, ServerRecord, Value};

/// How much of a record's next reading is the doing of a command of ours, whose reply has just come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Left {
    /// All of it: the command has made the record.
    Made,
    /// The fields that it was expected to set, while the record has the revision that the reply told, if it told one.
    Set(BTreeSet<FieldName>, Option<Revision>),
}

impl Left {
    fn has(&self, field: &FieldName, server: &ServerRecord) -> bool {
        match self {
            Self::Made => true,
            Self::Set(fields, revision) => {
                fields.contains(field) && (revision.is_none() || *revision == server.record.revision)
            }
        }
    }
}

/// Lets operations that wait behind a command rest on what it has left, which may not be what was expected of it: that is
/// no change by somebody else. Returns those that it changes.
pub(crate) fn rest_on_left(left: &Left, server: &ServerRecord, pending: &mut [Operation]) -> Vec<Operation> {
    let mut own = BTreeSet::new();
    let mut changed = Vec::new();
    for operation in pending
        .iter_mut()
        .filter(|operation| operation.state.is_to_be_sent())
    {
        let before = operation.clone();
        let found = |field: &FieldName| {
            let value = server.record.fields.get(field)?;
            (!own.contains(field) && left.has(field, server)).then_some(value)
        };
        let rest = |(field, old): (&FieldName, &mut Value)| {
            if let Some(value) = found(field) {
                old.clone_from(value);
            }
        };
        if let OperationKind::Delete { seen, .. } = &mut operation.kind {
            seen.iter_mut().for_each(rest);
        } else if let Some(edits) = operation.kind.edits_mut() {
            edits
                .iter_mut()
                .map(|(field, edit)| (field, &mut edit.old))
                .for_each(rest);
            own.extend(edits.keys().cloned());
        }
        if *operation != before {
            changed.push(operation.clone());
        }
    }
    changed
}
