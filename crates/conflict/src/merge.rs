//! Three-way comparison: which fields of an edit contradict the server's.

use std::collections::BTreeMap;

use driftless_record::{FieldCase, FieldEdit, FieldName, Stamp, Value};

/// The edits of one or several operations on a record, field by field: the first `old`, the last `new`, the last stamp.
pub type MergedEdits = BTreeMap<FieldName, FieldEdit>;

/// Returns the fields that the server changed too, and to another value, since the user saw them.
///
/// `theirs` gives the server's value of a field, or `None` if it is not on the device: then there is nothing to
/// contradict. A field that both sides set to the same value is no conflict.
pub fn conflicting_fields<'a>(
    edits: &MergedEdits,
    theirs: impl Fn(&FieldName) -> Option<&'a Value>,
    theirs_at: impl Fn(&FieldName) -> Option<Stamp>,
) -> Vec<FieldCase> {
    let conflicting = |(field, edit): (&FieldName, &FieldEdit)| {
        let theirs = theirs(field)?;
        (*theirs != edit.old && *theirs != edit.new).then(|| {
            FieldCase::new(field.clone(), edit.old.clone(), edit.new.clone(), theirs.clone())
                .at(edit.stamp, theirs_at(field))
        })
    };
    edits.iter().filter_map(conflicting).collect()
}
