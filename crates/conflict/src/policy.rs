//! The port: one pure method.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{ConflictCase, Resolution};

/// Decides conflicts.
///
/// # Contract
/// Asked only where both sides contradict each other: what one side alone changed is kept whatever the policy says. The
/// same case always gets the same resolution, whatever the order of its fields; the policy keeps no state, reads no
/// clock and does no I/O. It sees copies and returns a value: it cannot reach a store or a wire. It answers every kind of
/// case, if only by leaving it to a person, and says why in a sentence for people.
///
/// `driftless_testkit::policy_laws!` tests this contract. A policy that breaks it costs the case its automatic answer
/// and nothing else: a person is asked.
#[diagnostic::on_unimplemented(note = "start from `examples/amount_only_grows.rs` in driftless-conflict")]
pub trait ConflictPolicy: Send + Sync {
    /// Decides one case.
    fn resolve(&self, case: &ConflictCase<'_>) -> Resolution;
}

const _: fn(&dyn ConflictPolicy) = |_| {};

/// Asks a policy; `None` if it panics.
#[must_use]
pub fn resolve_guarded(policy: &dyn ConflictPolicy, case: &ConflictCase<'_>) -> Option<Resolution> {
    catch_unwind(AssertUnwindSafe(|| policy.resolve(case))).ok()
}

#[cfg(test)]
mod tests {
    use driftless_record::{EntitySchema, RecordId, Settings};

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
        let (record, settings) = (RecordId::from_canonical("1"), Settings::default());
        for kind in CaseKind::ALL {
            let case = ConflictCase::new(kind, &entity, &record, &settings);
            assert_eq!(resolve_guarded(&Broken, &case), None);
        }
    }
}
