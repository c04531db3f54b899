//! What can happen in a world, as data: a run can be cut down to the steps that matter.

use driftless_record::ConflictRule;

use super::command::Command;
use super::config::{Config, Play};
use super::life::{Ailment, Crash};
use super::network::{Link, Weather};
use super::random::Rng;
use super::schema::Reshape;
use crate::backend::Sight;

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
        /// Which field: name, city, status or extra.
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
    /// A person runs a command on an account.
    Run {
        /// The device.
        device: usize,
        /// Which account.
        of: usize,
        /// Which command.
        command: Command,
    },
    /// A person makes several writes that belong together: he changes an account, makes another one and, where it can be,
    /// a contact of the first.
    Together {
        /// The device.
        device: usize,
        /// Which account.
        of: usize,
        /// Which of a few values.
        value: usize,
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
    /// The user loses the right to set cities.
    Split {
        /// Whether what is forbidden is split off from the rest of a change.
        apart: bool,
    },
    /// The administrator takes contacts off the devices, or back onto them.
    Scope {
        /// Whether they belong on devices.
        contacts: bool,
    },
    /// The administrator lets only some accounts belong on the devices, or all of them again.
    Filter {
        /// Those of this name stay off; `None` means that all belong there.
        name: Option<usize>,
    },
    /// The user loses the right to an account, or has it again.
    Right {
        /// Which account.
        of: usize,
        /// Whether he may see and change it.
        sight: Sight,
    },
    /// Somebody in the office replaces an account by another one that stands for the same customer.
    Merge {
        /// Which account goes.
        of: usize,
        /// Which one stays.
        into: usize,
    },
    /// The server's data get another form.
    Reshape(Reshape),
    /// The server forgets how far devices have read.
    Forget,
    /// The server puts every change off.
    Busy {
        /// For how many milliseconds.
        millis: i64,
    },
    /// A device's sign-in runs out.
    Expire {
        /// The device.
        device: usize,
    },
    /// The user of a device signs in again.
    SignIn {
        /// The device.
        device: usize,
    },
    /// A device's disk fails at its n-th call to a port from here.
    Disk {
        /// The device.
        device: usize,
        /// At which call.
        call: u64,
        /// What it says.
        ailment: Ailment,
        /// Whether a commit has been carried out all the same.
        crash: Crash,
    },
}

/// How many rules there are by which the server can refuse.
pub(super) const RULES: usize = 4;

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
            act: match config.play {
                Play::Everything => act(rng, config.devices),
                Play::Order => act_in_order(rng, config.devices),
            },
        }
    }
}

fn act(rng: &mut Rng, devices: usize) -> Act {
    let device = rng.index(devices);
    let of = rng.index(5);
    // Most of what happens is that people write and devices synchronize.
    let what = match rng.below(83) {
        56..=63 => 3,
        64..=71 => 23,
        72..=74 => 54,
        75..=77 => 55,
        78 | 79 => 39,
        80.. => 56,
        what => what,
    };
    match what {
        0..=2 => Act::Create {
            device,
            parent: rng.one_in(2).then_some(of),
        },
        3..=11 => Act::Set {
            device,
            of,
            field: rng.index(5),
            value: rng.index(3),
        },
        12 => Act::Delete { device, of },
        13 => Act::Again { device, of },
        14 => Act::Undo { device, of },
        15 | 16 => Act::Decide {
            device,
            of,
            how: rng.index(9),
        },
        17..=20 => Act::Office {
            of,
            field: rng.index(4),
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
        38 => cut(rng, device),
        39 if rng.one_in(2) => Act::Refuse {
            rule: rng.one_in(2).then(|| rng.index(RULES)),
        },
        40 => Act::Scope {
            contacts: rng.one_in(2),
        },
        41 | 42 => Act::Filter {
            name: (!rng.one_in(4)).then(|| rng.index(3)),
        },
        43 | 44 => Act::Right {
            of,
            sight: if rng.one_in(2) {
                Sight::Shown
            } else {
                Sight::Hidden
            },
        },
        45 => Act::Merge {
            of,
            into: rng.index(5),
        },
        46 | 47 => Act::Reshape(Reshape::draw(rng)),
        48 => Act::Forget,
        49 => Act::Busy {
            millis: rng.millis(1_000, 1_200_000),
        },
        50 => Act::Expire { device },
        51 => Act::SignIn { device },
        52 | 53 => disk(rng, device),
        54 => Act::Run {
            device,
            of,
            command: Command::draw(rng),
        },
        55 => Act::Together {
            device,
            of,
            value: rng.index(3),
        },
        56 => Act::Split {
            apart: !rng.one_in(4),
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

fn cut(rng: &mut Rng, device: usize) -> Act {
    Act::Cut {
        device,
        link: rng
            .pick(&[Link::Down, Link::Silent, Link::NoReplies, Link::HalfOpen])
            .unwrap_or(Link::Down),
        millis: rng.millis(1_000, 7_200_000),
    }
}

fn disk(rng: &mut Rng, device: usize) -> Act {
    Act::Disk {
        device,
        call: 1 + rng.below(80),
        ailment: rng
            .pick(&[Ailment::Busy, Ailment::Broken, Ailment::Full])
            .unwrap_or(Ailment::Busy),
        crash: if rng.one_in(2) {
            Crash::Before
        } else {
            Crash::After
        },
    }
}

/// Draws what can happen where the later edit is to win, whatever else goes wrong.
fn act_in_order(rng: &mut Rng, devices: usize) -> Act {
    let (device, of) = (rng.index(devices), rng.index(3));
    match rng.below(24) {
        0..=8 => Act::Set {
            device,
            of,
            field: rng.index(3),
            value: rng.index(8),
        },
        9..=12 => Act::Office {
            of,
            field: rng.index(3),
            value: rng.index(8),
        },
        13..=18 => Act::Sync {
            device,
            weather: rng
                .pick(&[Weather::Fine, Weather::Shaky, Weather::Stormy])
                .unwrap_or(Weather::Fine),
            deadline: rng.one_in(6).then(|| rng.below(5_000)),
            page_rows: 1 + rng.index(4),
        },
        19 => Act::KillNow { device },
        20 => Act::Turn {
            device,
            millis: rng.millis(-86_400_000, 86_400_000),
        },
        21 => cut(rng, device),
        22 => disk(rng, device),
        _ if rng.one_in(4) => Act::Reboot { device },
        _ => Act::Kill {
            device,
            call: 1 + rng.below(120),
            crash: Crash::After,
        },
    }
}
