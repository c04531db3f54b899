//! The kill test: processes end at random moments, while they write and while they synchronize. Afterwards every
//! acknowledged write is on the server exactly once, in order per record, and every other one at most once.
//!
//! `DRIFTLESS_KILL_SEED` repeats a run's choices (not the machine's timing); `DRIFTLESS_KILLS` makes it longer.

mod ledger;
mod worker;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::common::Lasting;
use worker::Worker;

/// How many kills of device processes make a run, unless the environment says otherwise.
const KILLS: u64 = 200;

/// Users of the server's demonstration data: each works on a device of their own.
const USERS: [&str; 2] = ["alice", "bob"];

/// Rounds of synchronizing after which everything must be quiet.
const QUIET: usize = 5;

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
    number("DRIFTLESS_KILL_SEED").unwrap_or_else(rand::random)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_kills_exactly_once_and_in_order() {
    let seed = seed();
    let kills = number("DRIFTLESS_KILLS").unwrap_or(KILLS);
    // Output of a test is shown when it fails.
    eprintln!("repeat with DRIFTLESS_KILL_SEED={seed}");

    let server = Arc::new(Lasting::start().await);
    let feed = server.service().await.delta_link("CaseMessages").await;
    let shared = server.service().await.rows("Accounts").await.swap_remove(0);
    let mut workers = Vec::new();
    for (place, user) in (0..).zip(USERS) {
        workers.push(Worker::start(server.clone(), &shared, user, place, seed).await);
    }
    let each = kills.div_ceil(workers.len() as u64);
    let running: Vec<_> = workers
        .into_iter()
        .map(|mut worker| {
            tokio::spawn(async move {
                worker.work(each).await;
                worker
            })
        })
        .collect();
    let mut workers = Vec::new();
    for worker in running {
        workers.push(worker.await.unwrap());
    }

    // To quiet: what one device sends last, the other receives in the next round.
    for round in 0.. {
        let mut moved = 0;
        for worker in &mut workers {
            moved += worker.settle().await;
        }
        if moved == 0 {
            break;
        }
        assert!(round < QUIET, "the devices never come to rest");
    }

    let service = server.service().await;
    let messages = service.rows(&feed).await;
    let accounts = service.rows("Accounts").await;
    for worker in &workers {
        let arrived = worker.ledger.check(&accounts, &messages);
        for (entity, set) in [
            ("Account", "Accounts"),
            ("Case", "Cases"),
            ("CaseMessage", "CaseMessages"),
        ] {
            let there: BTreeSet<_> = service.rows(set).await.iter().map(id).collect();
            let here: BTreeSet<_> = worker.device.ids(entity).await.into_iter().collect();
            assert_eq!(here, there, "{entity} on the device of {}", worker.user);
        }
        eprintln!(
            "{}; {arrived} creations that were not acknowledged are there",
            worker.told()
        );
    }
    eprintln!("killed the server {} times", server.kills());
}

fn id(row: &Value) -> String {
    row["id"].as_str().unwrap().to_owned()
}
