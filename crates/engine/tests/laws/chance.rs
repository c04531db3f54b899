//! What the properties draw.

use driftless_testkit::backend::Fault;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// So many cases from one seed, the same in every run; `DRIFTLESS_LAWS_SEED` and `DRIFTLESS_LAWS_CASES` choose others.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed: u64 = number("DRIFTLESS_LAWS_SEED").unwrap_or(1);
    let asked = number("DRIFTLESS_LAWS_CASES").and_then(|n: u64| u32::try_from(n).ok());
    ProptestConfig {
        cases: asked.unwrap_or(cases),
        rng_seed: RngSeed::Fixed(seed),
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
