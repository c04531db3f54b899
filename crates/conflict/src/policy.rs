//! The port: one pure method.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use driftless_record::{FieldName, Side};

use crate::ConflictCase;

/// What a policy decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Field by field. A conflicting field that is not named waits for a person.
    Fields {
        /// Who wins each field.
        sides: BTreeMap<FieldName, Side>,
        /// Why, in a sentence for people.
        reason: String,
    },
    /// One side for the whole record.
    Keep {
        /// Who wins.
        side: Side,
        /// Why, in a sentence for people.
        reason: String,
    },
    /// A person has to decide.
    Ask {
        /// Why, in a sentence for people.
        reason: String,
    },
}

/// Decides conflicts.
///
/// # Contract
/// The same case always gets the same resolution; the policy keeps no state, reads no clock and does no I/O. It sees
/// copies and returns a value: it cannot reach a store or a wire.
#[diagnostic::on_unimplemented(note = "start from `examples/amount_only_grows.rs` in driftless-conflict")]
pub trait ConflictPolicy: Send + Sync {
    /// Decides one case.
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution;
}

const _: fn(&dyn ConflictPolicy) = |_| {};

/// Asks a policy; one that panics gets the case shown to a person instead.
#[must_use]
pub fn resolve_guarded(policy: &dyn ConflictPolicy, case: &ConflictCase<'_>) -> Resolution {
    catch_unwind(AssertUnwindSafe(|| policy.resolve(case))).unwrap_or_else(|_| Resolution::Ask {
        reason: "the conflict policy failed on this record, so nothing was decided".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use driftless_record::{EntitySchema, Fields, RecordId, Settings};

    use super::*;
    use crate::CaseKind;

    struct Broken;

    impl ConflictPolicy for Broken {
        fn resolve(&self, _case: &ConflictCase<'_>) -> Resolution {
            panic!("this policy is broken")
        }
    }

    #[test]
    fn a_policy_that_panics_decides_nothing() {
        let entity = EntitySchema::new("Case".try_into().unwrap());
        let (record, none, settings) = (RecordId::from_canonical("1"), Fields::new(), Settings::default());
        let case = ConflictCase::new(
            CaseKind::UpdateDelete,
            &entity,
            &record,
            &[],
            (&none, None),
            &settings,
        );
        assert!(matches!(resolve_guarded(&Broken, &case), Resolution::Ask { .. }));
    }
}
