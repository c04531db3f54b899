//! The history test: devices append to shared and to own fields while they, the server and their connections are cut
//! down; what was asked, answered and seen is recorded and checked by `driftless_testkit::history`.
//!
//! `cargo xtask history` runs it longer: `DRIFTLESS_HISTORY_SEED` repeats a run's choices (not the machine's timing),
//! `DRIFTLESS_HISTORY_ROUNDS` says how much each device does, `DRIFTLESS_HISTORY_MINUTES` how long runs follow one
//! another, and `DRIFTLESS_HISTORY_FILE` where the last history is written.

mod office;
mod recorder;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use driftless_testkit::history::{Event, Fault as Kind, Report};

use crate::common::{Fault, Moment, Rule};
use office::Office;
use recorder::Recorder;
use worker::Worker;

/// How much each device does, unless the environment says otherwise.
const ROUNDS: u64 = 25;

/// After so many rounds of synchronizing everything must be quiet.
const QUIET: usize = 12;

/// Two devices of one person, and one of another.
const DEVICES: [(&str, &str); 3] = [("phone", "alice"), ("tablet", "alice"), ("laptop", "bob")];

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number")),
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "every run tries other moments; the seed is told, and repeats it"
)]
fn seed() -> u64 {
    number("DRIFTLESS_HISTORY_SEED").unwrap_or_else(rand::random)
}

/// Devices and their server, with what was seen of them.
struct Run {
    recorder: Arc<Recorder>,
    office: Arc<Office>,
    workers: Vec<Worker>,
}

impl Run {
    /// Begins with this rule of the administrator's for the lists of which every token is to be kept.
    async fn begin(seed: u64, rule: &str) -> Self {
        eprintln!("repeat with DRIFTLESS_HISTORY_SEED={seed}");
        let recorder = Arc::new(Recorder::to_file());
        let office = Arc::new(Office::open(&recorder, rule).await);
        let mut workers = Vec::new();
        for (place, device) in (0..).zip(DEVICES) {
            workers.push(Worker::start(&office, &recorder, device, seed.wrapping_add(place)).await);
        }
        Self {
            recorder,
            office,
            workers,
        }
    }

    /// Lets everybody work at the same time.
    async fn work(&mut self, rounds: u64) {
        let running: Vec<_> = { self.workers.drain(..) }
            .map(|mut worker| {
                tokio::spawn(async move {
                    worker.work(rounds).await;
                    worker
                })
            })
            .collect();
        for worker in running {
            self.workers.push(worker.await.unwrap());
        }
    }

    /// Synchronizes until everything is at rest, and checks what was recorded.
    async fn end(mut self) -> Report {
        // What one device sends last, the others receive in the next round.
        for round in 0.. {
            let mut moved = 0;
            for worker in &mut self.workers {
                moved += worker.settle().await;
            }
            if moved == 0 {
                break;
            }
            assert!(round < QUIET, "the devices never come to rest");
        }
        for worker in &mut self.workers {
            worker.tell().await;
            eprintln!("{}", worker.told());
        }
        self.recorder.note(Event::Rest);
        let own = self.workers.iter().map(|worker| worker.own.clone());
        for list in self.office.shared.iter().cloned().chain(own).collect::<Vec<_>>() {
            self.office.look(&self.recorder, &list).await;
            for worker in &mut self.workers {
                worker.read(&list).await;
            }
        }
        eprintln!("killed the server {} times", self.office.server.kills());
        self.recorder.check()
    }
}

/// Devices killed at any moment, a server killed and restarted, connections cut before, within and after requests: the
/// recorded history of what people asked for and what could be seen shows every acknowledged write, in order, none
/// that was carried out again over somebody else's, and each one that gave way told (laws L2, L3, L9, L27 and L39, by
/// evidence from outside alone). A write that is repeated before anybody else writes shows nothing: values are whole.
#[expect(
    clippy::disallowed_methods,
    reason = "the limit is one of real time; the history holds none"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l09_a_recorded_history_of_real_processes_has_nothing_lost_repeated_or_reordered() {
    let minutes = number("DRIFTLESS_HISTORY_MINUTES").unwrap_or(0);
    let limit = Duration::from_secs(60 * minutes);
    let began = Instant::now();
    let rounds = number("DRIFTLESS_HISTORY_ROUNDS").unwrap_or(ROUNDS);
    let mut seed = seed();
    for runs in 1_u64.. {
        let mut run = Run::begin(seed, "ask").await;
        run.work(rounds).await;
        let report = run.end().await;
        eprintln!("history: seed {seed}, {report}");
        assert!(report.findings.is_empty(), "seed {seed}\n{report}");
        if began.elapsed() >= limit {
            eprintln!("history: {runs} runs, 0 findings");
            break;
        }
        seed = seed.wrapping_add(1);
    }
}

/// The check can fail: where something between device and server sends a request again without the ids by which the
/// server knows it, what others wrote meanwhile is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wire_that_repeats_a_request_without_its_ids_is_found() {
    let mut run = Run::begin(1, "ask").await;
    let list = run.office.shared[0].clone();
    let [phone, tablet, _] = &mut run.workers[..] else {
        unreachable!()
    };
    phone.wire.plan(Rule::next(Fault::Keep, "PATCH", ""));
    phone.append(&list, Moment::Never).await;
    tablet.sync(Moment::Never).await;
    tablet.append(&list, Moment::Never).await;
    assert_eq!(phone.wire.repeat_kept().await, [Some(204)]);
    assert_eq!(faults(&run.end().await), [Kind::WentBack, Kind::Lost]);
}

/// The check can fail: where an administrator lets the device that comes last overwrite, others' writes are gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_overwrites_what_was_to_be_kept_is_found() {
    let mut run = Run::begin(1, "client_wins").await;
    let list = run.office.shared[0].clone();
    for worker in &mut run.workers[..2] {
        worker.append(&list, Moment::Never).await;
    }
    assert_eq!(faults(&run.end().await), [Kind::WentBack, Kind::Lost]);
}

/// Which kinds of faults there are.
fn faults(report: &Report) -> Vec<Kind> {
    let mut kinds: Vec<_> = report.findings.iter().map(|finding| finding.fault).collect();
    kinds.dedup();
    kinds
}
