//! The network of one device: what becomes of each request follows from the weather and from the salt of a step.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use driftless_transport::TransportError;

use super::random::Rng;

/// After how many milliseconds a device gives up waiting for an answer.
pub(super) const TIMEOUT: i64 = 30_000;

/// How bad the network is during a synchronization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Nothing goes wrong.
    Fine,
    /// Something goes wrong with one request in twelve.
    Shaky,
    /// Something goes wrong with one request in four.
    Stormy,
}

/// What gets through between a device and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Everything.
    Up,
    /// Nothing, and the device notices at once.
    Down,
    /// Nothing, and the device waits in vain.
    Silent,
    /// Requests, but no replies.
    NoReplies,
    /// Requests, after the device has given up, if they may come late at all.
    HalfOpen,
}

/// What becomes of one request.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    /// It reaches the server, and the reply the device.
    Answered {
        there: i64,
        back: i64,
        /// The reply to a push is cut after so many results.
        cut: Option<usize>,
        /// The request reaches the server once more after so long.
        again: Option<i64>,
    },
    /// It reaches the server, possibly after the device has given up, and no reply comes.
    ReplyLost { there: i64 },
    /// It does not reach the server; the device learns of it after a while.
    Fails(i64, TransportError),
}

#[derive(Debug)]
struct State {
    rng: Rng,
    weather: Weather,
    link: Link,
    link_until: i64,
    /// Whether the server takes the sign-in.
    signed_in: bool,
}

/// The way from one device to the server.
#[derive(Debug)]
pub(super) struct Network {
    state: Mutex<State>,
    /// Whether requests may arrive late or twice: only where the server knows them again.
    repeats: bool,
}

impl Network {
    /// Makes a way on which nothing goes wrong yet.
    pub(super) fn new(repeats: bool) -> Self {
        Self {
            state: Mutex::new(State {
                rng: Rng::new(0, 0),
                weather: Weather::Fine,
                link: Link::Up,
                link_until: 0,
                signed_in: true,
            }),
            repeats,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the weather, and what its chances follow from.
    pub(super) fn weather(&self, weather: Weather, salt: u64) {
        let mut state = self.lock();
        state.weather = weather;
        state.rng = Rng::new(salt, 1);
    }

    /// Cuts the way until a time.
    pub(super) fn cut(&self, link: Link, until: i64) {
        let mut state = self.lock();
        state.link = link;
        state.link_until = until;
    }

    /// Lets the sign-in run out, or renews it.
    pub(super) fn sign_in(&self, signed_in: bool) {
        self.lock().signed_in = signed_in;
    }

    /// Returns what becomes of a request now.
    pub(super) fn fate(&self, now: i64) -> Fate {
        let mut state = self.lock();
        let link = if now < state.link_until {
            state.link
        } else {
            Link::Up
        };
        let signed_in = state.signed_in;
        let rng = &mut state.rng;
        let (there, back) = (rng.millis(5, 400), rng.millis(5, 400));
        let chance = rng.below(12);
        let (kind, late) = (rng.below(12), rng.millis(TIMEOUT, 4 * TIMEOUT));
        let cut = rng.index(4);
        let goes_wrong = match state.weather {
            Weather::Fine => false,
            Weather::Shaky => chance == 0,
            Weather::Stormy => chance < 3,
        };
        let fine = Fate::Answered {
            there,
            back,
            cut: None,
            again: None,
        };
        let lost = || {
            let host = "memory".to_owned();
            let detail = "no answer".to_owned();
            TransportError::Lost { host, detail }
        };
        let host = || "memory".to_owned();
        match link {
            Link::Up => {}
            Link::Down => return Fate::Fails(there, unreachable()),
            Link::Silent => return Fate::Fails(TIMEOUT, lost()),
            Link::NoReplies => return Fate::ReplyLost { there },
            Link::HalfOpen if self.repeats => return Fate::ReplyLost { there: late },
            Link::HalfOpen => return Fate::Fails(TIMEOUT, lost()),
        }
        if !signed_in {
            return Fate::Fails(there + back, TransportError::SignIn { host: host() });
        }
        if !goes_wrong {
            return fine;
        }
        match kind {
            0 => Fate::Fails(there, unreachable()),
            1 | 2 => Fate::Fails(TIMEOUT, lost()),
            3 | 4 => Fate::ReplyLost { there },
            5 if self.repeats => Fate::ReplyLost { there: late },
            6 | 7 => Fate::Answered {
                there,
                back,
                cut: Some(cut),
                again: None,
            },
            8 if self.repeats => Fate::Answered {
                there,
                back,
                cut: None,
                again: Some(late),
            },
            9 => Fate::Fails(
                there,
                TransportError::NotOurs {
                    host: host(),
                    detail: "a sign-in page".to_owned(),
                },
            ),
            10 => Fate::Fails(there, TransportError::SignIn { host: host() }),
            11 => Fate::Fails(
                there,
                TransportError::Throttled {
                    after: Duration::from_secs(1 << cut),
                },
            ),
            _ => Fate::Answered {
                there,
                back: TIMEOUT - 1,
                cut: None,
                again: None,
            },
        }
    }
}

fn unreachable() -> TransportError {
    TransportError::Unreachable {
        host: "memory".to_owned(),
        detail: "no connection".to_owned(),
    }
}
