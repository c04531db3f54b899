//! One person at one device: appends, synchronizes, takes back and settles conflicts, while things break.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_testkit::history::{Event, Outcome, Rule, appended, tokens};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::office::{KEPT, LAST_WINS, Office};
use super::recorder::{List, Recorder, outcome};
use crate::common::{Device, Ended, Fate, Fault, FaultProxy, Moment, PASSWORD, Rule as Break};

/// The longest value that a list takes, with room for a last token.
const FULL: usize = 1_900;

/// A write that was saved.
struct Saved {
    token: String,
    operation: String,
    list: String,
    outcome: Option<Outcome>,
}

pub(super) struct Worker {
    name: &'static str,
    device: Device,
    /// The list that nobody else writes to.
    pub(super) own: List,
    office: Arc<Office>,
    recorder: Arc<Recorder>,
    pub(super) wire: FaultProxy,
    random: StdRng,
    fate: Fate,
    saved: Vec<Saved>,
    next: u32,
}

impl Worker {
    /// Signs in, downloads, and makes the device's own list.
    pub(super) async fn start(
        office: &Arc<Office>,
        recorder: &Arc<Recorder>,
        (name, user): (&'static str, &str),
        seed: u64,
    ) -> Self {
        let wire = FaultProxy::start_along(office.server.route.clone());
        let device = Device::new();
        let url = format!("http://{}/", wire.address());
        device.sign_in_with(&url, user, PASSWORD).await.expect_code(0);
        device.run(&["download"]).await.expect_code(0);
        let record = device
            .create(List::ENTITY, &[&format!("name=The rival of {name}")])
            .await;
        let own = List::new(&record, KEPT);
        recorder.note(Event::List {
            list: own.name.clone(),
            rule: Rule::Kept,
            tokens: Vec::new(),
        });
        let mut worker = Self {
            name,
            device,
            own: own.clone(),
            office: office.clone(),
            recorder: recorder.clone(),
            wire,
            random: StdRng::seed_from_u64(seed),
            fate: Fate::default(),
            saved: Vec::new(),
            next: 0,
        };
        // The first of each kind is not killed: it shows how long that takes.
        worker.append(&own, Moment::Never).await;
        worker.sync(Moment::Never).await;
        worker
    }

    /// Does so many things one after another, or two at a time.
    pub(super) async fn work(&mut self, rounds: u64) {
        for _ in 0..rounds {
            match self.random.random_range(0..20) {
                0..5 => self.append_without_a_network().await,
                5..8 => {
                    let list = self.any_list();
                    let moment = self.fate.moment(&mut self.random, &self.wire, "write", "PATCH");
                    self.append(&list, moment).await;
                }
                8..11 => {
                    let moment = self.fate.moment(&mut self.random, &self.wire, "sync", "");
                    self.sync(moment).await;
                }
                11..14 => self.sync_over_a_bad_wire().await,
                14..16 => self.append_while_synchronizing().await,
                16 => self.sync_while_the_server_dies().await,
                17 => self.take_back().await,
                _ => drop(self.decide().await),
            }
            self.wire.heal();
            let list = self.any_list();
            if self.random.random() {
                self.office.look(&self.recorder, &list).await;
            } else {
                self.read(&list).await;
            }
        }
        self.wire.up();
    }

    fn any_list(&mut self) -> List {
        let shared = self.office.shared.choose(&mut self.random).unwrap();
        if self.random.random_range(0..4) == 0 {
            self.own.clone()
        } else {
            shared.clone()
        }
    }

    /// Notes what the device shows: nothing, if it does not have the record.
    pub(super) async fn read(&mut self, list: &List) -> Vec<String> {
        let fields = self.device.get(List::ENTITY, &list.record).await;
        let seen = list.in_fields(&fields.unwrap_or_default());
        self.recorder.read(self.name, list, seen.clone());
        seen
    }

    async fn append_without_a_network(&mut self) {
        self.wire.down().await;
        for _ in 0..2 {
            let list = self.any_list();
            let moment = match self.random.random_range(0..3) {
                0 => self.fate.time(&mut self.random, "offline"),
                _ => Moment::Never,
            };
            self.append(&list, moment).await;
        }
        self.wire.up();
    }

    pub(super) async fn append(&mut self, list: &List, moment: Moment) {
        let Some((token, arguments)) = self.ask(list).await else {
            return;
        };
        let kind = if self.wire.is_up() { "write" } else { "offline" };
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let fate = &mut self.fate;
        let ended = fate.run(&self.device, &self.wire, kind, &arguments, moment).await;
        self.appended(list, token, &ended);
    }

    /// Notes that a token is about to be appended, and says it as a command.
    async fn ask(&mut self, list: &List) -> Option<(String, Vec<String>)> {
        let seen = self.read(list).await;
        self.next += 1;
        let token = format!("{}{}", &self.name[..1], self.next);
        let value = appended(&seen, &token);
        if value.len() > FULL {
            return None;
        }
        self.recorder.note(Event::Invoked {
            device: self.name.to_owned(),
            list: list.name.clone(),
            token: token.clone(),
            seen,
        });
        let words = [
            "update",
            List::ENTITY,
            &list.record,
            &format!("{}={value}", list.field),
        ];
        Some((token, words.map(str::to_owned).to_vec()))
    }

    /// Notes what a command answered about a write.
    fn appended(&mut self, list: &List, token: String, ended: &Ended) {
        let device = self.name.to_owned();
        let answer = ended.answer().filter(|answer| answer["operation"].is_string());
        let Some(answer) = answer else {
            assert!(ended.was_killed(), "{ended:?}");
            return self.recorder.note(Event::Unanswered { device, token });
        };
        let operation = answer["operation"].as_str().unwrap().to_owned();
        self.recorder.note(Event::Saved {
            device,
            token: token.clone(),
            operation: operation.clone(),
        });
        self.saved.push(Saved {
            token,
            operation,
            list: list.name.clone(),
            outcome: None,
        });
        let last = self.saved.len() - 1;
        self.became(last, outcome(&answer));
    }

    /// Notes what became of a saved write, if that is new.
    fn became(&mut self, place: usize, outcome: Option<Outcome>) {
        let saved = &mut self.saved[place];
        let Some(outcome) = outcome.filter(|outcome| saved.outcome != Some(*outcome)) else {
            return;
        };
        saved.outcome = Some(outcome);
        self.recorder.note(Event::Ended {
            device: self.name.to_owned(),
            token: saved.token.clone(),
            outcome,
        });
    }

    pub(super) async fn sync(&mut self, moment: Moment) {
        let fate = &mut self.fate;
        let ended = fate
            .run(&self.device, &self.wire, "sync", &["sync"], moment)
            .await;
        self.synced(&ended).await;
    }

    /// A synchronization that was not killed is done, or waits for a person, or did not reach the server.
    async fn synced(&mut self, ended: &Ended) {
        assert!(
            ended.was_killed() || matches!(ended.code, Some(0 | 3 | 4)),
            "{ended:?}"
        );
        // Which of the writes are accepted now is asked of one.
        let open = (0..self.saved.len()).filter(|place| self.saved[*place].outcome.is_none());
        let open: Vec<_> = open.collect();
        if let Some(place) = open.choose(&mut self.random) {
            self.inquire(*place).await;
        }
    }

    async fn inquire(&mut self, place: usize) {
        let operation = self.saved[place].operation.clone();
        let run = self.device.run(&["wait", &operation, "--timeout", "0"]).await;
        if run.json["outcome"].is_string() {
            self.became(place, outcome(&run.json));
        }
    }

    async fn sync_over_a_bad_wire(&mut self) {
        for _ in 0..self.random.random_range(1..4) {
            let fault = match self.random.random_range(0..3) {
                0 => Fault::CutBefore,
                1 => Fault::CutAfter,
                _ => Fault::Truncate(self.random.random_range(0..400)),
            };
            let method = *["", "PATCH", "POST"].choose(&mut self.random).unwrap();
            let passes = self.random.random_range(0..4);
            self.wire.plan(Break::next(fault, method, "").after(passes));
        }
        let ended = self.device.run(&["sync"]).await;
        assert!(matches!(ended.code, 0 | 1 | 3 | 4), "{ended:?}");
    }

    /// Both processes are killed, each at a moment of its own. Only to the own list: what the person saw of another may
    /// be out of date by then, through no fault of the device's.
    async fn append_while_synchronizing(&mut self) {
        let own = self.own.clone();
        let Some((token, arguments)) = self.ask(&own).await else {
            return;
        };
        let sync = self.fate.time(&mut self.random, "sync");
        let write = self.fate.time(&mut self.random, "write");
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let (synced, written) = tokio::join!(
            self.device.run_until(&["sync"], "", sync.come(&self.wire)),
            self.device.run_until(&arguments, "", write.come(&self.wire)),
        );
        self.fate.note_kill(&synced, "sync");
        self.fate.note_kill(&written, "write");
        self.appended(&own, token, &written);
        self.synced(&synced).await;
    }

    async fn sync_while_the_server_dies(&mut self) {
        let moment = self.fate.moment(&mut self.random, &self.wire, "sync", "");
        self.recorder.say("the server is killed and started again");
        let synced = self
            .fate
            .server_dies(&self.office.server, &self.device, &self.wire, moment)
            .await;
        self.synced(&synced).await;
    }

    /// Takes back the last write, if it has not been sent. Whether it was is asked at the end.
    async fn take_back(&mut self) {
        let Some(last) = self.saved.last().filter(|last| last.outcome.is_none()) else {
            return;
        };
        let operation = last.operation.clone();
        let moment = self.fate.time(&mut self.random, "offline");
        let fate = &mut self.fate;
        let ended = fate
            .run(&self.device, &self.wire, "undo", &["undo", &operation], moment)
            .await;
        assert!(
            ended.was_killed() || matches!(ended.code, Some(0 | 1)),
            "{ended:?}"
        );
    }

    /// Settles every entry that waits: both sides are kept where that is the rule, else one of them is chosen. Returns
    /// how many there were.
    async fn decide(&mut self) -> u64 {
        let waiting = self.device.waiting().await;
        for entry in &waiting {
            let fields = entry["fields"].as_array().unwrap();
            let undecided = fields.iter().filter(|case| case["winner"].is_null());
            let mut choice = vec!["--set".to_owned()];
            for case in undecided {
                let side = |name: &str| tokens(case[name].as_str().unwrap_or_default());
                let (mine, theirs) = (side("mine"), side("theirs"));
                let field = case["field"].as_str().unwrap();
                let value = if field == LAST_WINS {
                    self.let_stand(&mine, &theirs);
                    mine
                } else {
                    let new = mine.iter().filter(|token| !theirs.contains(token));
                    theirs.iter().chain(new).cloned().collect()
                };
                choice.push(format!("{field}={}", value.join(" ")));
            }
            assert!(choice.len() > 1, "nothing here needs a person: {entry}");
            let id = entry["id"].to_string();
            self.recorder.say(&format!(
                "a person at {} settles {id} by {}",
                self.name,
                choice.join(" ")
            ));
            let command = [vec!["resolve".to_owned(), id], choice].concat();
            let command: Vec<_> = command.iter().map(String::as_str).collect();
            // It is sent at once, and may meet what others wrote since the entry.
            let run = self.device.run(&command).await;
            assert!(matches!(run.code, 0 | 3), "{run:?}");
        }
        waiting.len() as u64
    }

    /// Notes that a person lets tokens stand that the other side does not have.
    fn let_stand(&self, mine: &[String], theirs: &[String]) {
        let own = |token: &&String| self.saved.iter().any(|saved| saved.token == **token);
        for token in mine.iter().filter(|token| !theirs.contains(token)).filter(own) {
            self.recorder.note(Event::Decided {
                device: self.name.to_owned(),
                token: token.clone(),
            });
        }
    }

    /// Synchronizes and settles until nothing is left to send; returns how much was done.
    pub(super) async fn settle(&mut self) -> u64 {
        let run = self.device.run(&["sync"]).await;
        assert!(matches!(run.code, 0 | 3), "{run:?}");
        let count = |name: &str| run.json[name].as_u64().unwrap();
        let moved = count("sent") + count("received") + count("removed");
        moved + self.decide().await
    }

    /// Notes what became of every write, and what the log tells.
    pub(super) async fn tell(&mut self) {
        for place in 0..self.saved.len() {
            self.inquire(place).await;
        }
        let lists: BTreeMap<_, _> = { self.saved.iter() }
            .map(|saved| (saved.list.clone(), ()))
            .collect();
        for entry in self.device.log().await {
            for case in entry["fields"].as_array().unwrap() {
                let name = format!(
                    "{} {} {}",
                    List::ENTITY,
                    entry["record"].as_str().unwrap(),
                    case["field"].as_str().unwrap()
                );
                if !lists.contains_key(&name) {
                    continue;
                }
                let sides: &[&str] = match case["winner"].as_str() {
                    Some("mine") => &["theirs"],
                    Some("theirs") => &["mine"],
                    _ => &["mine", "theirs"],
                };
                for side in sides {
                    self.recorder.note(Event::Told {
                        device: self.name.to_owned(),
                        list: name.clone(),
                        tokens: tokens(case[*side].as_str().unwrap_or_default()),
                    });
                }
            }
        }
    }

    /// Says what was done.
    pub(super) fn told(&self) -> String {
        format!("{}: {} writes saved; {}", self.name, self.saved.len(), self.fate)
    }
}
