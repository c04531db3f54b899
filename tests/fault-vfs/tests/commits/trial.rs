//! One fault at a time, at every call or at a sample of the calls.

use driftless_fault_vfs::{Drive, Fault, Kind};

use crate::common::{mix, rounds, seed};
use crate::open::mount;
use crate::story::Story;

/// How many calls of the beginning and of the end are always tried.
const ENDS: u64 = 4;

/// Tries a story with every kind of fault: at every call if there are no more than `limit`, else at a sample of so many.
/// `prepare` makes it on a store that was closed before, or that a process had open when it ended.
pub(crate) fn check(name: &str, limit: u64, kinds: &[Kind], prepare: impl Fn(bool) -> Story) {
    let stories = [prepare(true), prepare(false)];
    let (mut tried, mut all) = (0, 0);
    for seed in (0..rounds()).map(|round| seed().wrapping_add(round)) {
        for kind in kinds {
            let trait_seed = mix(seed, &format!("{name} {kind:?}"));
            let story = &stories[usize::from(trait_seed & 1 == 0)];
            let powersafe = trait_seed & 2 == 0;
            let calls = trial(
                story,
                Fault {
                    kind: *kind,
                    call: u64::MAX,
                },
                trait_seed,
                powersafe,
            )
            .unwrap_or_else(|wrong| panic!("{name} without a fault: the store {wrong}"));
            all += calls;
            for call in sample(calls, limit, trait_seed) {
                tried += 1;
                let fault = Fault { kind: *kind, call };
                let own_seed = mix(trait_seed, &call.to_string());
                if let Err(wrong) = trial(story, fault, own_seed, powersafe) {
                    panic!(
                        "{name}, {kind:?} at call {call} of {calls}: the store {wrong}\n\
                         again: DRIFTLESS_FAULT_SEED={seed} cargo test -p driftless-fault-vfs"
                    );
                }
            }
        }
    }
    println!("{name}: {tried} of {all} places for a fault tried, nothing lost");
}

/// Runs a story with a fault and judges what is left. Returns how many calls could have gone wrong.
fn trial(story: &Story, fault: Fault, seed: u64, powersafe: bool) -> Result<u64, String> {
    let drive = Drive {
        seed,
        powersafe,
        lies: false,
    };
    let disk = mount(drive, &story.image);
    let (store, done) = story.run(&disk, || disk.arm(fault))?;
    // The places in the closing of the store are met only if it is closed.
    let closes = !disk.fired() || seed & 4 == 0;
    if !closes {
        disk.kill();
    }
    drop(store);
    let (calls, _) = disk.disarm();
    // A process that was killed leaves what the system has; and what failed is gone over without a power cut at times.
    if fault.kind != Kind::Killed && seed & 24 != 0 {
        disk.cut_power();
    }
    story.judge(&disk, done)?;
    Ok(calls)
}

/// Returns the calls to try, in order.
fn sample(calls: u64, limit: u64, seed: u64) -> Vec<u64> {
    if calls <= limit {
        return (1..=calls).collect();
    }
    let between = limit.saturating_sub(2 * ENDS).max(1);
    let step = (calls - 2 * ENDS) / between;
    let mut chosen: Vec<_> = (1..=ENDS).chain(calls - ENDS + 1..=calls).collect();
    chosen.extend((0..between).map(|at| ENDS + 1 + at * step + mix(seed, &at.to_string()) % step.max(1)));
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}
