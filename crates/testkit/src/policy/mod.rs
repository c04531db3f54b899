//! The laws of conflict policies, for authors of one.
//!
//! One line in a policy's tests holds it against the contract of
//! [`ConflictPolicy`](driftless_conflict::ConflictPolicy), a law a test:
//!
//! ```
//! use driftless_conflict::ServerWins;
//!
//! driftless_testkit::policy_laws!(ServerWins);
//! ```
//!
//! The argument makes the policy. `about = ENTITY` gives the entity whose conflicts are drawn, for a policy that looks at
//! names of entities or fields; else it is [`thing`], with a field of most kinds. `makes_values` says that the policy may
//! decide on values that neither side has:
//!
//! ```text
//! driftless_testkit::policy_laws!(TagsAreUnited, about = contact(), makes_values);
//! ```
//!
//! Cases are drawn the same in every run. `DRIFTLESS_POLICY_CASES` says how many a law looks at, 256 unless told otherwise.

mod ask;
mod draw;
mod laws;
mod sample;
mod trial;
mod values;
mod world;

pub use laws::{
    every_case_is_answered_in_time, only_fields_of_the_case_are_decided, reasons_can_be_read,
    the_order_of_fields_makes_no_difference, the_same_case_gets_the_same_answer,
    values_are_made_only_where_that_is_said,
};
pub use sample::{Sample, thing};
pub use trial::{Made, Trial};
pub use world::devices_end_equal_and_keep_what_one_side_changed;

/// Makes a test of each law of conflict policies. See [`policy`](crate::policy) for the arguments.
#[macro_export]
macro_rules! policy_laws {
    ($policy:expr) => {
        $crate::policy_laws!(@ $crate::policy::Trial::of(|| $policy));
    };
    ($policy:expr, makes_values) => {
        $crate::policy_laws!(@ $crate::policy::Trial::of(|| $policy).making_values());
    };
    ($policy:expr, about = $entity:expr) => {
        $crate::policy_laws!(@ $crate::policy::Trial::of(|| $policy).about($entity));
    };
    ($policy:expr, about = $entity:expr, makes_values) => {
        $crate::policy_laws!(@ $crate::policy::Trial::of(|| $policy).about($entity).making_values());
    };
    (@ $trial:expr) => {
        $crate::policy_laws!(@ $trial;
            every_case_is_answered_in_time,
            the_same_case_gets_the_same_answer,
            the_order_of_fields_makes_no_difference,
            only_fields_of_the_case_are_decided,
            values_are_made_only_where_that_is_said,
            reasons_can_be_read,
            devices_end_equal_and_keep_what_one_side_changed,
        );
    };
    (@ $trial:expr; $($law:ident),* $(,)?) => {
        $(
            #[test]
            fn $law() {
                $crate::policy::$law(&$trial);
            }
        )*
    };
}
