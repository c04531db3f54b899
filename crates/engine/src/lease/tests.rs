//! Who may take the lease, and when.

use std::sync::Arc;

use driftless_record::Timestamp;
use driftless_store::MemoryStore;
use futures_util::future::{BoxFuture, ready};
use proptest::prelude::*;

use super::*;

/// A clock that shows what it is told to.
struct Shown {
    monotonic: i64,
    boot: u8,
}

impl Clock for Shown {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn monotonic(&self) -> i64 {
        self.monotonic
    }

    fn boot(&self) -> BootId {
        BootId(Uuid::from_u128(self.boot.into()))
    }

    fn sleep(&self, _: u64) -> BoxFuture<'static, ()> {
        Box::pin(ready(()))
    }
}

/// What an engine does.
#[derive(Debug, Clone, Copy)]
enum Move {
    Take(TakeOver),
    Renew,
    GiveBack,
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        4 => Just(Move::Take(TakeOver::RunOut)),
        1 => Just(Move::Take(TakeOver::Any)),
        3 => Just(Move::Renew),
        1 => Just(Move::GiveBack),
    ]
}

proptest! {
    /// Among engines that respect each other's leases, the last one that took it is the only one whose commits are
    /// taken, and it keeps that right as long as it renews the lease in time.
    #[test]
    fn l07_a_lease_has_one_holder_and_a_fence_that_only_grows(
        steps in prop::collection::vec((0u8..3, moves(), 0i64..40_000, prop::bool::weighted(0.1)), 1..40),
    ) {
        let store = Arc::new(MemoryStore::new());
        let mut clock = Shown { monotonic: 1, boot: 1 };
        let mut fences = [0u64; 3];
        // The model: who holds it, the largest fence, and until when.
        let mut held: Option<(u8, i64, u8)> = None;
        let mut last = 0;
        for (engine, step, passed, reboots) in steps {
            clock.monotonic += passed;
            if reboots {
                clock = Shown { monotonic: 1, boot: clock.boot + 1 };
            }
            let id = Uuid::from_u128(engine.into());
            let mine = &mut fences[usize::from(engine)];
            match step {
                Move::Take(over) => {
                    let other = held.is_some_and(|(holder, until, boot)| {
                        holder != engine && boot == clock.boot && clock.monotonic < until
                    });
                    let taken = take(&*store, id, &clock, over).unwrap();
                    prop_assert_eq!(taken.is_some(), !other || over == TakeOver::Any);
                    if let Some(fence) = taken {
                        prop_assert!(fence > last, "a fence is never given twice");
                        (*mine, last) = (fence, fence);
                        held = Some((engine, clock.monotonic + SPAN_MILLIS, clock.boot));
                    }
                }
                Move::Renew | Move::GiveBack => {
                    let fenced = crate::fenced::Fenced::new(&*store, *mine);
                    let back = matches!(step, Move::GiveBack);
                    let before = store.position().unwrap();
                    let writes = vec![note((!back).then_some(id), *mine, &clock)];
                    let done = fenced.commit(WriteBatch { expect: None, writes });
                    let is_last = *mine == last && last > 0;
                    prop_assert_eq!(done.is_ok(), is_last);
                    prop_assert_eq!(fenced.is_lost(), !is_last);
                    if is_last {
                        held = (!back).then_some((engine, clock.monotonic + SPAN_MILLIS, clock.boot));
                    } else {
                        prop_assert_eq!(store.position().unwrap(), before, "nothing was changed");
                    }
                }
            }
        }
    }
}

#[test]
fn the_form_in_which_a_lease_is_kept_stays_as_it_is() {
    let clock = Shown {
        monotonic: 5,
        boot: 1,
    };
    let Write::PutNote(name, Some(bytes)) = note(Some(Uuid::from_u128(2)), 3, &clock) else {
        panic!("nothing is written");
    };
    let kept = r#"{"v":1,"data":{"holder":"00000000-0000-0000-0000-000000000002","fence":3,"boot":"00000000-0000-0000-0000-000000000001","until":60005}}"#;
    assert_eq!(
        (name.as_str(), String::from_utf8(bytes).unwrap().as_str()),
        ("lease", kept)
    );
}
