//! Histories of a system that does everything right: devices that append, synchronize and are killed, and one server.

use driftless_testkit::history::{Event, History, Outcome, Rule, SERVER};
use proptest::prelude::*;

pub(super) const DEVICES: [&str; 3] = ["phone", "tablet", "laptop"];
const LISTS: [(&str, Rule); 3] = [
    ("notes", Rule::Kept),
    ("summary", Rule::LastWins),
    ("remarks", Rule::Kept),
];

/// What happens next. Devices and lists go by their place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Append(usize, usize, Answer),
    Sync(usize),
    Undo(usize, usize),
    Read(usize, usize),
}

/// How an append ends for whoever asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    Saved,
    Denied,
    /// Killed after it was saved.
    KilledAfter,
    KilledBefore,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let device = 0..DEVICES.len();
    let list = 0..LISTS.len();
    let answer = prop_oneof![
        8 => Just(Answer::Saved),
        1 => Just(Answer::Denied),
        1 => Just(Answer::KilledAfter),
        1 => Just(Answer::KilledBefore),
    ];
    let step = prop_oneof![
        6 => (device.clone(), list.clone(), answer).prop_map(|(d, l, a)| Step::Append(d, l, a)),
        3 => device.clone().prop_map(Step::Sync),
        1 => (device, list.clone()).prop_map(|(d, l)| Step::Undo(d, l)),
        3 => (0..=DEVICES.len(), list).prop_map(|(d, l)| Step::Read(d, l)),
    ];
    proptest::collection::vec(step, 10..80)
}

/// Plays steps, and then synchronizes until everything is at rest.
pub(super) fn history(steps: &[Step]) -> History {
    let mut world = World::new();
    for step in steps {
        world.play(*step);
    }
    for device in (0..DEVICES.len()).chain(0..DEVICES.len()) {
        world.sync(device);
    }
    world.events.push(Event::Rest);
    for list in 0..LISTS.len() {
        for reader in 0..=DEVICES.len() {
            world.read(reader, list);
        }
    }
    History { events: world.events }
}

struct World {
    events: Vec<Event>,
    server: Vec<Held>,
    devices: Vec<Vec<Local>>,
    next: usize,
}

/// A list on the server, and when the write that made it was made.
struct Held {
    value: Vec<String>,
    stamp: usize,
}

/// A list on a device.
struct Local {
    image: Vec<String>,
    pending: Vec<Pending>,
}

struct Pending {
    token: String,
    seen: Vec<String>,
    stamp: usize,
    is_acknowledged: bool,
}

impl Pending {
    fn value(&self) -> Vec<String> {
        let mut value = self.seen.clone();
        value.push(self.token.clone());
        value
    }
}

impl World {
    fn new() -> Self {
        let start = || vec!["begin".to_owned()];
        let local = || Local {
            image: start(),
            pending: Vec::new(),
        };
        let begin = |(list, rule): &(&str, Rule)| Event::List {
            list: (*list).to_owned(),
            rule: *rule,
            tokens: start(),
        };
        Self {
            events: LISTS.iter().map(begin).collect(),
            server: LISTS
                .iter()
                .map(|_| start())
                .map(|value| Held { value, stamp: 0 })
                .collect(),
            devices: DEVICES
                .iter()
                .map(|_| LISTS.iter().map(|_| local()).collect())
                .collect(),
            next: 0,
        }
    }

    fn play(&mut self, step: Step) {
        match step {
            Step::Append(device, list, answer) => self.append(device, list, answer),
            Step::Sync(device) => self.sync(device),
            Step::Undo(device, list) => self.undo(device, list),
            Step::Read(reader, list) => self.read(reader, list),
        }
    }

    fn view(&self, device: usize, list: usize) -> Vec<String> {
        let local = &self.devices[device][list];
        local
            .pending
            .last()
            .map_or_else(|| local.image.clone(), Pending::value)
    }

    fn append(&mut self, at: usize, list: usize, answer: Answer) {
        self.next += 1;
        let device = DEVICES[at].to_owned();
        let token = format!("{device}-{}", self.next);
        let seen = self.view(at, list);
        self.events.push(Event::Invoked {
            device: device.clone(),
            list: LISTS[list].0.to_owned(),
            token: token.clone(),
            seen: seen.clone(),
        });
        let pending = Pending {
            token: token.clone(),
            seen,
            stamp: self.next,
            is_acknowledged: matches!(answer, Answer::Saved),
        };
        let operation = format!("operation {}", self.next);
        self.events.push(match answer {
            Answer::Saved => Event::Saved {
                device,
                token,
                operation,
            },
            Answer::Denied => Event::Denied { device, token },
            Answer::KilledAfter | Answer::KilledBefore => Event::Unanswered { device, token },
        });
        if matches!(answer, Answer::Saved | Answer::KilledAfter) {
            self.devices[at][list].pending.push(pending);
        }
    }

    fn end(&mut self, device: usize, pending: &Pending, outcome: Outcome) {
        if pending.is_acknowledged {
            self.events.push(Event::Ended {
                device: DEVICES[device].to_owned(),
                token: pending.token.clone(),
                outcome,
            });
        }
    }

    fn tell(&mut self, device: usize, list: usize, tokens: Vec<String>) {
        self.events.push(Event::Told {
            device: DEVICES[device].to_owned(),
            list: LISTS[list].0.to_owned(),
            tokens,
        });
    }

    fn sync(&mut self, device: usize) {
        for (list, (_, rule)) in LISTS.iter().enumerate() {
            let mut base = self.devices[device][list].image.clone();
            for pending in std::mem::take(&mut self.devices[device][list].pending) {
                let is_alone = self.server[list].value == base;
                let outcome = match rule {
                    Rule::Kept => {
                        self.server[list].value.push(pending.token.clone());
                        if is_alone {
                            Outcome::Accepted
                        } else {
                            Outcome::Merged
                        }
                    }
                    Rule::LastWins if is_alone || pending.stamp > self.server[list].stamp => {
                        if !is_alone {
                            self.tell(device, list, self.server[list].value.clone());
                        }
                        self.server[list] = Held {
                            value: pending.value(),
                            stamp: pending.stamp,
                        };
                        Outcome::Accepted
                    }
                    Rule::LastWins => {
                        self.tell(device, list, pending.value());
                        Outcome::Superseded
                    }
                };
                base = pending.value();
                self.end(device, &pending, outcome);
            }
            self.devices[device][list].image = self.server[list].value.clone();
        }
    }

    fn undo(&mut self, device: usize, list: usize) {
        if let Some(pending) = self.devices[device][list]
            .pending
            .pop_if(|pending| pending.is_acknowledged)
        {
            self.end(device, &pending, Outcome::Reverted);
        }
    }

    /// Reads on a device, or on the server behind the last.
    fn read(&mut self, reader: usize, list: usize) {
        let (by, tokens) = match DEVICES.get(reader) {
            Some(device) => (*device, self.view(reader, list)),
            None => (SERVER, self.server[list].value.clone()),
        };
        self.events.push(Event::Read {
            by: by.to_owned(),
            list: LISTS[list].0.to_owned(),
            tokens,
        });
    }
}
