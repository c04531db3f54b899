//! Asking policies that are not built in: on a thread of their own, for a limited time, whatever they do.

use std::pin::pin;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use driftless_conflict::{ByRules, ConflictPolicy, Resolution, resolve_guarded};
use futures_channel::oneshot;
use futures_util::future::{Either, select};

use crate::host::Clock;
use crate::plan::Case;

/// Who wins conflicts.
#[derive(Clone, Default)]
pub enum Policy {
    /// The built-in policies, as the app's rule for a change or the administrator's settings say.
    #[default]
    Rules,
    /// One of the built-in policies, or made of them: quick, and it never hangs. It is asked in place.
    BuiltIn(Arc<dyn ConflictPolicy>),
    /// The app's own: asked on a thread of its own. If it panics, hangs or takes longer than its limit, the case waits
    /// for a person and everything else goes on; one that hangs is not asked again until the engine is opened anew.
    Own {
        /// The policy.
        policy: Arc<dyn ConflictPolicy>,
        /// The most milliseconds that an answer may take.
        limit_millis: u64,
    },
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rules => "Rules",
            Self::BuiltIn(_) => "BuiltIn",
            Self::Own { .. } => "Own",
        })
    }
}

type Answered = oneshot::Sender<Option<Resolution>>;

/// The thread on which a policy is asked.
#[derive(Debug)]
enum Seat {
    /// Not needed yet.
    Empty,
    /// Waits for cases.
    Taken(Sender<(Case, Answered)>),
    /// Abandoned: the policy did not come back in time.
    Closed,
}

/// Puts cases to the app's policy. One for the life of an engine.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) policy: Policy,
    seat: Mutex<Seat>,
}

/// Asks a policy in place.
pub(crate) fn ask_in_place(policy: &dyn ConflictPolicy, case: &Case) -> Resolution {
    let answer = resolve_guarded(policy, &case.seen());
    answer.unwrap_or_else(|| Resolution::ask(NoVerdict::Panicked.words()))
}

/// Why a policy gave no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoVerdict {
    Panicked,
    TooLong(u64),
    GivenUp,
    NoThread,
}

impl NoVerdict {
    fn words(self) -> String {
        match self {
            Self::Panicked => "the app's conflict policy failed on this record, so nothing was decided".to_owned(),
            Self::TooLong(limit) => format!(
                "the app's conflict policy took longer than its {limit} ms for this record, so nothing was decided"
            ),
            Self::GivenUp => {
                "the app's conflict policy did not come back from an earlier record, so nothing is decided by it until the app is started anew"
                    .to_owned()
            }
            Self::NoThread => "the system gave no thread to ask the app's conflict policy on, so nothing was decided".to_owned(),
        }
    }
}

impl Judge {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            seat: Mutex::new(Seat::Empty),
        }
    }

    /// Asks about a case. Without a verdict in time it is left to a person, with the reason.
    pub(crate) async fn ask(&self, clock: &dyn Clock, case: Case) -> Resolution {
        match &self.policy {
            Policy::Rules => ask_in_place(&ByRules, &case),
            Policy::BuiltIn(policy) => ask_in_place(&**policy, &case),
            Policy::Own { policy, limit_millis } => {
                let answer = self.ask_own(clock, policy, *limit_millis, case).await;
                answer.unwrap_or_else(|why| Resolution::ask(why.words()))
            }
        }
    }

    async fn ask_own(
        &self,
        clock: &dyn Clock,
        policy: &Arc<dyn ConflictPolicy>,
        limit: u64,
        case: Case,
    ) -> Result<Resolution, NoVerdict> {
        let (answer, answered) = oneshot::channel();
        let began = clock.monotonic();
        self.hand_over(policy, case, answer)?;
        let late = pin!(clock.sleep(limit));
        let answer = match select(answered, late).await {
            // Without an answer the thread has ended, which only a panic brings about.
            Either::Left((answer, _)) => answer.ok().flatten().ok_or(NoVerdict::Panicked)?,
            Either::Right(_) => {
                self.close();
                return Err(NoVerdict::TooLong(limit));
            }
        };
        let took = u64::try_from(clock.monotonic().saturating_sub(began)).unwrap_or_default();
        if took > limit {
            return Err(NoVerdict::TooLong(limit));
        }
        Ok(answer)
    }

    /// Gives a case to the thread, which is started if there is none.
    fn hand_over(
        &self,
        policy: &Arc<dyn ConflictPolicy>,
        case: Case,
        answer: Answered,
    ) -> Result<(), NoVerdict> {
        let mut seat = self.seat.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*seat, Seat::Empty) {
            *seat = Seat::Taken(sit_down(policy.clone()).ok_or(NoVerdict::NoThread)?);
        }
        match &*seat {
            Seat::Taken(cases) => cases.send((case, answer)).map_err(|_| NoVerdict::NoThread),
            Seat::Closed | Seat::Empty => Err(NoVerdict::GivenUp),
        }
    }

    fn close(&self) {
        *self.seat.lock().unwrap_or_else(PoisonError::into_inner) = Seat::Closed;
    }
}

/// Starts the thread. It ends when its judge is dropped or has given it up, as soon as the policy lets it.
fn sit_down(policy: Arc<dyn ConflictPolicy>) -> Option<Sender<(Case, Answered)>> {
    let (cases, queue) = channel::<(Case, Answered)>();
    let sit = move || {
        for (case, answer) in queue {
            drop(answer.send(resolve_guarded(&*policy, &case.seen())));
        }
    };
    let thread = thread::Builder::new().name("driftless-policy".to_owned());
    thread.spawn(sit).ok().map(|_| cases)
}
