//! What can happen in a world, as data: a run can be cut down to the steps that matter.

use driftless_record::ConflictRule;

use super::config::Config;
use super::life::Crash;
use super::network::{Link, Weather};
use super::random::Rng;

/// What happens in one step. Records are named by their place among those that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A person makes a record; a child refers to a record that is there.
    Create {
        /// The device.
        device: usize,
        /// The account that a contact is made for; `None` makes an account.
        parent: Option<usize>,
    },
    /// A person changes a field of an account.
    Set {
        /// The device.
        device: usize,
        /// Which account.
        of: usize,
        /// Which field: name, city or status.
        field: usize,
        /// Which of a few values.
        value: usize,
    },
    /// A person deletes an account.
    Delete {
        /// The device.
        device: usize,
        /// Which account.
        of: usize,
    },
    /// A person deletes an account and makes one with its key.
    Again {
        /// The device.
        device: usize,
        /// Which account.
        of: usize,
    },
    /// A person takes an operation back.
    Undo {
        /// The device.
        device: usize,
        /// Which operation of the outbox.
        of: usize,
    },
    /// A person decides an open entry of the log.
    Decide {
        /// The device.
        device: usize,
        /// Which entry.
        of: usize,
        /// Which decision.
        how: usize,
    },
    /// Somebody in the office changes a field of an account.
    Office {
        /// Which account.
        of: usize,
        /// Which field.
        field: usize,
        /// Which of a few values.
        value: usize,
    },
    /// Somebody in the office makes an account.
    OfficeCreate,
    /// Somebody in the office deletes an account.
    OfficeDelete {
        /// Which account.
        of: usize,
    },
    /// A device begins to synchronize.
    Sync {
        /// The device.
        device: usize,
        /// The network meanwhile.
        weather: Weather,
        /// After how many milliseconds it stops.
        deadline: Option<u64>,
        /// The most rows in a page.
        page_rows: usize,
    },
    /// A device's process will end at its n-th call to a port from here.
    Kill {
        /// The device.
        device: usize,
        /// At which call.
        call: u64,
        /// On which side of it.
        crash: Crash,
    },
    /// A device's process ends now.
    KillNow {
        /// The device.
        device: usize,
    },
    /// A device's disk will be full at its n-th call to a port from here, if that writes.
    Full {
        /// The device.
        device: usize,
        /// At which call.
        call: u64,
    },
    /// A device is started anew.
    Reboot {
        /// The device.
        device: usize,
    },
    /// A device's wall clock is turned.
    Turn {
        /// The device.
        device: usize,
        /// By how many milliseconds.
        millis: i64,
    },
    /// The way between a device and the server is cut.
    Cut {
        /// The device.
        device: usize,
        /// What still gets through.
        link: Link,
        /// For how many milliseconds.
        millis: i64,
    },
    /// The server begins to refuse some changes, or ends it.
    Refuse {
        /// Which rule; `None` means nothing is refused.
        rule: Option<usize>,
    },
    /// The administrator sets who wins conflicts.
    Rule(ConflictRule),
    /// The administrator takes contacts off the devices, or back onto them.
    Scope {
        /// Whether they belong on devices.
        contacts: bool,
    },
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How many milliseconds pass before it.
    pub gap: i64,
    /// What its chances follow from.
    pub salt: u64,
    /// What happens.
    pub act: Act,
}

impl Step {
    /// Draws a step.
    pub(super) fn draw(rng: &mut Rng, config: &Config) -> Self {
        let gap = match rng.below(8) {
            0..=2 => rng.millis(0, 1_000),
            3 | 4 => rng.millis(1_000, 40_000),
            5 | 6 => rng.millis(60_000, 3_600_000),
            _ => rng.millis(3_600_000, 8 * 3_600_000),
        };
        Self {
            gap,
            salt: rng.next(),
            act: act(rng, config.devices),
        }
    }
}

fn act(rng: &mut Rng, devices: usize) -> Act {
    let device = rng.index(devices);
    let of = rng.index(5);
    match rng.below(41) {
        0..=2 => Act::Create {
            device,
            parent: rng.one_in(2).then_some(of),
        },
        3..=11 => Act::Set {
            device,
            of,
            field: rng.index(3),
            value: rng.index(3),
        },
        12 => Act::Delete { device, of },
        13 => Act::Again { device, of },
        14 => Act::Undo { device, of },
        15 | 16 => Act::Decide {
            device,
            of,
            how: rng.index(5),
        },
        17..=20 => Act::Office {
            of,
            field: rng.index(3),
            value: rng.index(3),
        },
        21 => Act::OfficeCreate,
        22 => Act::OfficeDelete { of },
        23..=31 => Act::Sync {
            device,
            weather: rng
                .pick(&[Weather::Fine, Weather::Shaky, Weather::Stormy])
                .unwrap_or(Weather::Fine),
            deadline: rng.one_in(6).then(|| rng.below(5_000)),
            page_rows: 1 + rng.index(4),
        },
        32 | 33 => Act::Kill {
            device,
            call: 1 + rng.below(120),
            crash: if rng.one_in(2) {
                Crash::Before
            } else {
                Crash::After
            },
        },
        34 => Act::KillNow { device },
        35 => Act::Full {
            device,
            call: 1 + rng.below(60),
        },
        36 => Act::Reboot { device },
        37 if rng.one_in(2) => Act::Turn {
            device,
            millis: rng.millis(-40 * 86_400_000, 40 * 86_400_000),
        },
        37 => Act::Turn {
            device,
            millis: rng.millis(-600_000, 600_000),
        },
        38 => Act::Cut {
            device,
            link: rng
                .pick(&[Link::Down, Link::Silent, Link::NoReplies])
                .unwrap_or(Link::Down),
            millis: rng.millis(1_000, 7_200_000),
        },
        39 if rng.one_in(2) => Act::Refuse {
            rule: rng.one_in(2).then(|| rng.index(2)),
        },
        40 => Act::Scope {
            contacts: rng.one_in(2),
        },
        _ => Act::Rule(
            rng.pick(&[
                ConflictRule::ExecutionOrder,
                ConflictRule::ServerWins,
                ConflictRule::ClientWins,
                ConflictRule::Ask,
            ])
            .unwrap_or_default(),
        ),
    }
}
