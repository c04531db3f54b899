//! When processes are killed: moments drawn from what the same command took when it was not killed.

use std::collections::BTreeMap;
use std::fmt;
use std::future;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use rand::rngs::StdRng;

use super::device::{Device, Ended};
use super::lasting::Lasting;
use super::proxy::FaultProxy;
use super::rule::{Fault, Rule};

/// When a process is killed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    Never,
    After(Duration),
    /// When the wire holds something back.
    Held,
}

impl Moment {
    /// Waits for the moment. The timer waits for nothing else: the moment itself is what is drawn at random.
    pub(crate) async fn come(self, wire: &FaultProxy) {
        match self {
            Self::Never => future::pending().await,
            Self::After(time) => tokio::time::sleep(time).await,
            Self::Held => wire.held().await,
        }
    }
}

/// What is known of the commands of one device: how long each kind takes, and how many were killed.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    pace: BTreeMap<&'static str, Pace>,
    kills: BTreeMap<&'static str, u64>,
}

/// How long a command takes, and how many requests it makes.
#[derive(Debug, Clone, Copy)]
struct Pace {
    time: Duration,
    requests: usize,
}

impl Fate {
    /// Runs a command until a moment, and notes its pace if it was not killed.
    #[expect(
        clippy::disallowed_methods,
        reason = "the next kill is drawn from what this takes"
    )]
    pub(crate) async fn run(
        &mut self,
        device: &Device,
        wire: &FaultProxy,
        kind: &'static str,
        arguments: &[&str],
        moment: Moment,
    ) -> Ended {
        wire.take_seen();
        let began = Instant::now();
        let ended = device.run_until(arguments, "", moment.come(wire)).await;
        if !ended.was_killed() {
            let pace = Pace {
                time: began.elapsed(),
                requests: wire.take_seen().len(),
            };
            self.pace.insert(kind, pace);
        }
        self.note_kill(&ended, kind);
        ended
    }

    /// Synchronizes while the server is killed at a moment, and started again.
    pub(crate) async fn server_dies(
        &self,
        server: &Lasting,
        device: &Device,
        wire: &FaultProxy,
        moment: Moment,
    ) -> Ended {
        // With a limit for the case that nothing is ever held.
        let limit = Moment::After(self.pace["sync"].time);
        let dies = server.killed_at(async {
            tokio::select! {
                () = moment.come(wire) => {}
                () = limit.come(wire) => {}
            }
        });
        let sync = device.run_until(&["sync"], "", future::pending());
        let (synced, ()) = tokio::join!(sync, async {
            dies.await;
            // What the dead server's wire holds back is cut with it.
            wire.heal();
        });
        synced
    }

    pub(crate) fn note_kill(&mut self, ended: &Ended, kind: &'static str) {
        *self.kills.entry(kind).or_default() += u64::from(ended.was_killed());
    }

    /// How many processes were killed.
    pub(crate) fn kills(&self) -> u64 {
        self.kills.values().sum()
    }

    /// Draws a moment: by the clock, or at a request of this method (of any, if it is empty).
    pub(crate) fn moment(
        &self,
        random: &mut StdRng,
        wire: &FaultProxy,
        kind: &'static str,
        method: &str,
    ) -> Moment {
        if random.random() {
            return self.time(random, kind);
        }
        let requests = if method.is_empty() {
            self.pace[kind].requests
        } else {
            1
        };
        let fault = match random.random_range(0..3) {
            0 => Fault::HoldBefore,
            1 => Fault::HoldAfter,
            _ => Fault::HoldAt(random.random_range(0..400)),
        };
        let passes = random.random_range(0..requests.max(1));
        wire.plan(Rule::next(fault, method, "").after(passes));
        Moment::Held
    }

    /// Draws a moment by the clock, anywhere within what the command takes, and a little later.
    pub(crate) fn time(&self, random: &mut StdRng, kind: &'static str) -> Moment {
        let usual = self.pace.get(kind).or(self.pace.get("write")).unwrap().time;
        Moment::After(usual.mul_f64(random.random_range(0.0..1.1)))
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "killed {:?}; pace {:?}", self.kills, self.pace)
    }
}
