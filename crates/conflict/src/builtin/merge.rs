//! Field merge: each field for itself.

use crate::{CaseKind, ConflictCase, ConflictPolicy, Resolution};

/// Merges field by field: what one side alone changed is kept, and each field that both changed is put to a second
/// policy by itself, so that one it cannot decide holds back no other's answer. Whole records (a delete on one side, the
/// same key twice, a command) wait for a person, as do values that are taken and records that are gone.
#[derive(Debug, Clone, Copy, Default)]
pub struct FieldMerge<P>(
    /// The second policy.
    pub P,
);

impl<P: ConflictPolicy> ConflictPolicy for FieldMerge<P> {
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution {
        if case.kind != CaseKind::UpdateUpdate {
            return Resolution::ask(case.kind.words());
        }
        by_field(case, |_| &self.0)
    }
}

/// Puts each field of a case to a policy of its own.
pub(super) fn by_field<'p>(
    case: &ConflictCase<'_>,
    policy: impl Fn(&driftless_record::FieldName) -> &'p dyn ConflictPolicy,
) -> Resolution {
    let mut picks = Vec::new();
    let mut reasons: Vec<String> = Vec::new();
    let mut fields: Vec<_> = case.fields.iter().collect();
    // The reason reads the same in whatever order the fields come.
    fields.sort_by(|a, b| a.field.cmp(&b.field));
    for field in fields {
        let alone = case.clone().of_fields(std::slice::from_ref(field));
        let answer = policy(&field.field).resolve(&alone);
        picks.extend(answer.pick(&field.field).map(|pick| (field.field.clone(), pick)));
        if !reasons.iter().any(|known| known == answer.reason()) {
            reasons.push(answer.reason().to_owned());
        }
    }
    if reasons.is_empty() {
        return Resolution::ask(case.kind.words());
    }
    Resolution::fields(picks, reasons.join("; "))
}
