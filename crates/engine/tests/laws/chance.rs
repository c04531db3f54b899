//! What the properties draw: faults, back ends, and three versions of a record that come from one ancestor.

use driftless_record::{Fields, Value};
use driftless_testkit::backend::Fault;
use driftless_transport::{Batch, Capabilities, CompareAndSet, Deletions, Idempotency};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::common::{able, fields};

/// So many cases from one seed, the same in every run; `DRIFTLESS_LAWS_SEED` and `DRIFTLESS_LAWS_CASES` choose others.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed: u64 = number("DRIFTLESS_LAWS_SEED").unwrap_or(1);
    let asked = number("DRIFTLESS_LAWS_CASES").and_then(|n: u64| u32::try_from(n).ok());
    ProptestConfig {
        cases: asked.unwrap_or(cases),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Runs what waits for a world.
pub(crate) fn block<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(work)
}

pub(crate) fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::None),
        1 => Just(Fault::Unreachable),
        1 => Just(Fault::RequestLost),
        2 => Just(Fault::ReplyLost),
        1 => (0usize..3).prop_map(Fault::ReplyCut),
        1 => Just(Fault::KilledBefore),
        1 => Just(Fault::KilledAfter),
    ]
}

pub(crate) fn capabilities() -> impl Strategy<Value = Capabilities> {
    let idempotency = prop_oneof![Just(Idempotency::Repeatable), Just(Idempotency::ClientKey)];
    let deletions = prop_oneof![Just(Deletions::Reported), Just(Deletions::Sweep)];
    let compare = prop_oneof![3 => Just(CompareAndSet::Revision), 1 => Just(CompareAndSet::None)];
    let batch = (1usize..4, any::<bool>()).prop_map(|(limit, depends_on)| Batch {
        limit,
        depends_on,
        groups: true,
    });
    (idempotency, deletions, compare, batch, any::<bool>()).prop_map(
        |(idempotency, deletions, compare_and_set, batch, stamps)| Capabilities {
            idempotency,
            deletions,
            compare_and_set,
            batch,
            stamps,
            ..able()
        },
    )
}

/// One change of one field to one of three values: equal values and ways back to the old one are to occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Touch {
    /// Which of the two fields.
    pub(crate) city: bool,
    /// Which value.
    pub(crate) value: u8,
}

impl Touch {
    pub(crate) fn field(self) -> &'static str {
        if self.city { "city" } else { "name" }
    }

    pub(crate) fn value(self) -> Value {
        Value::text(format!("v{}", self.value))
    }

    pub(crate) fn fields(self) -> Fields {
        fields(&[(self.field(), self.value())])
    }
}

pub(crate) fn touch() -> impl Strategy<Value = Touch> {
    (any::<bool>(), 0u8..3).prop_map(|(city, value)| Touch { city, value })
}

/// What happened to one record since device and server were the same, on each side.
#[derive(Debug, Clone)]
pub(crate) struct Apart {
    /// The ancestor's fields.
    pub(crate) base: [Touch; 2],
    /// The device's changes, in order.
    pub(crate) mine: Vec<Touch>,
    /// The office's changes, in order.
    pub(crate) theirs: Vec<Touch>,
}

/// Draws up to three changes on each side of one ancestor.
pub(crate) fn apart() -> impl Strategy<Value = Apart> {
    let base = (0u8..3, 0u8..3).prop_map(|(name, city)| {
        [
            Touch {
                city: false,
                value: name,
            },
            Touch {
                city: true,
                value: city,
            },
        ]
    });
    let some = || prop::collection::vec(touch(), 0..4);
    (base, some(), some()).prop_map(|(base, mine, theirs)| Apart { base, mine, theirs })
}
