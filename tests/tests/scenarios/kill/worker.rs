//! One user at one device: writes and synchronizes, and every so often the process is killed under their hands.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use super::ledger::{Account, Ledger};
use crate::common::{Device, Ended, Fate, FaultProxy, Lasting, Moment, PASSWORD};

/// More rounds than this for each kill, and the kills come too late to test anything.
const ROUNDS: u64 = 8;

pub(super) struct Worker {
    pub(super) user: &'static str,
    pub(super) device: Device,
    pub(super) ledger: Ledger,
    wire: FaultProxy,
    server: Arc<Lasting>,
    random: StdRng,
    fate: Fate,
    next: u64,
}

/// What the user does.
#[derive(Debug, Clone, Copy)]
enum Write {
    Append,
    Create,
    Count(usize),
    Delete(usize),
}

impl Worker {
    /// Signs in, downloads, and makes the records to work with.
    pub(super) async fn start(
        server: Arc<Lasting>,
        shared: &Value,
        user: &'static str,
        place: u64,
        seed: u64,
    ) -> Self {
        let wire = FaultProxy::start_along(server.route.clone());
        let device = Device::new();
        let url = format!("http://{}/", wire.address());
        device.sign_in_with(&url, user, PASSWORD).await.expect_code(0);
        device.run(&["download"]).await.expect_code(0);
        let mut worker = Self {
            user,
            device,
            ledger: Ledger::default(),
            wire,
            server,
            random: StdRng::seed_from_u64(seed.wrapping_add(place)),
            fate: Fate::default(),
            next: 1,
        };
        worker.ledger.case = worker
            .device
            .create("Case", &[&format!("subject=Work of {user}")])
            .await;
        worker.share(shared, place).await;
        // The first of each kind is not killed: it shows how long that takes.
        worker.write(Write::Append, Moment::Never).await;
        worker.write(Write::Create, Moment::Never).await;
        worker.sync(Moment::Never).await;
        worker
    }

    /// Counts in an account in which the other user counts as well, in another field.
    async fn share(&mut self, shared: &Value, place: u64) {
        let field = ["street", "phone"][usize::try_from(place).unwrap()];
        let id = shared["id"].as_str().unwrap();
        self.device.update("Account", id, &[&format!("{field}=1")]).await;
        let mut account = Account::known(shared["name"].as_str().unwrap(), id.to_owned(), field);
        account.written.push((1, true));
        self.next = 2;
        self.ledger.accounts.push(account);
    }

    /// Works until so many processes were killed.
    pub(super) async fn work(&mut self, kills: u64) {
        for round in 0.. {
            if self.fate.kills() >= kills {
                break;
            }
            assert!(round < kills * ROUNDS, "too few kills: {}", self.told());
            match self.random.random_range(0..20) {
                0..6 => self.write_without_a_network().await,
                6..11 => {
                    let moment = self.fate.moment(&mut self.random, &self.wire, "write", "POST");
                    let write = self.wish();
                    self.write(write, moment).await;
                }
                11..17 => {
                    let moment = self.fate.moment(&mut self.random, &self.wire, "sync", "");
                    self.sync(moment).await;
                }
                17..19 => self.write_while_synchronizing().await,
                _ => self.sync_while_the_server_dies().await,
            }
            self.wire.heal();
            self.watch().await;
        }
        self.wire.up();
    }

    async fn write_without_a_network(&mut self) {
        self.wire.down().await;
        let write = self.wish();
        self.write(write, Moment::Never).await;
        let moment = self.fate.time(&mut self.random, "offline");
        let write = self.wish();
        self.write(write, moment).await;
        self.wire.up();
    }

    /// Both processes are killed, each at a moment of its own.
    async fn write_while_synchronizing(&mut self) {
        let sync = self.fate.time(&mut self.random, "sync");
        let write = self.fate.time(&mut self.random, "write");
        let wish = self.wish();
        let arguments = self.ask(wish);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let (synced, written) = tokio::join!(
            self.device.run_until(&["sync"], "", sync.come(&self.wire)),
            self.device.run_until(&arguments, "", write.come(&self.wire)),
        );
        self.fate.note_kill(&synced, "sync");
        self.synced(&synced);
        self.fate.note_kill(&written, "write");
        self.written(wish, &written);
    }

    async fn sync_while_the_server_dies(&mut self) {
        let moment = self.fate.moment(&mut self.random, &self.wire, "sync", "");
        let synced = self
            .fate
            .server_dies(&self.server, &self.device, &self.wire, moment)
            .await;
        self.synced(&synced);
    }

    /// Synchronizes until nothing is left to send; returns how much was sent or received.
    pub(super) async fn settle(&mut self) -> u64 {
        let run = self.device.sync(0).await;
        assert_eq!(
            self.device.outbox().await,
            Vec::<Value>::new(),
            "{} after {}",
            self.user,
            run.json
        );
        let waiting = self.device.waiting().await;
        assert!(waiting.is_empty(), "nothing here needs a person: {waiting:?}");
        let count = |name: &str| run.json[name].as_u64().unwrap();
        count("sent") + count("received") + count("removed")
    }

    /// Says what was done.
    pub(super) fn told(&self) -> String {
        let (acknowledged, others) = self.ledger.counts();
        format!(
            "{}: {acknowledged} writes acknowledged, {others} not; {}",
            self.user, self.fate
        )
    }

    /// Chooses what to do next.
    fn wish(&mut self) -> Write {
        let alive = self.ledger.alive();
        match (self.random.random_range(0..10), alive.choose(&mut self.random)) {
            (4..8, Some(account)) => Write::Count(*account),
            // The first one is shared.
            (8, Some(account)) if *account > 0 => Write::Delete(*account),
            (8.., _) => Write::Create,
            _ => Write::Append,
        }
    }

    /// Notes what is about to be done, and says it as a command.
    fn ask(&mut self, write: Write) -> Vec<String> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match write {
            Write::Append => {
                let number = self.ledger.messages.len();
                self.ledger.messages.push(false);
                let case = format!("case_id={}", self.ledger.case);
                owned(&["create", "CaseMessage", &case, &format!("text={number}")])
            }
            Write::Create => {
                let name = format!("Account {} of {}", self.ledger.accounts.len(), self.user);
                let command = owned(&["create", "Account", &format!("name={name}")]);
                self.ledger.accounts.push(Account::asked_for(name, "employees"));
                command
            }
            Write::Count(place) => {
                let account = &mut self.ledger.accounts[place];
                account.written.push((self.next, false));
                let value = format!("{}={}", account.field, self.next);
                self.next += 1;
                owned(&["update", "Account", account.id.as_ref().unwrap(), &value])
            }
            Write::Delete(place) => {
                let account = &mut self.ledger.accounts[place];
                account.deleted = Some(false);
                owned(&["delete", "Account", account.id.as_ref().unwrap()])
            }
        }
    }

    async fn write(&mut self, write: Write, moment: Moment) {
        let kind = if self.wire.is_up() { "write" } else { "offline" };
        let arguments = self.ask(write);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let fate = &mut self.fate;
        let ended = fate.run(&self.device, &self.wire, kind, &arguments, moment).await;
        self.written(write, &ended);
    }

    async fn sync(&mut self, moment: Moment) {
        let fate = &mut self.fate;
        let ended = fate
            .run(&self.device, &self.wire, "sync", &["sync"], moment)
            .await;
        self.synced(&ended);
    }

    /// Notes whether a write was acknowledged: by its answer, or not at all.
    fn written(&mut self, write: Write, ended: &Ended) {
        let answer = ended.answer().filter(|answer| answer["operation"].is_string());
        assert!(answer.is_some() || ended.was_killed(), "{ended:?}");
        let Some(answer) = answer else { return };
        let id = answer["id"].as_str().unwrap();
        match write {
            Write::Append => *self.ledger.messages.last_mut().unwrap() = true,
            Write::Create => self.ledger.accounts.last_mut().unwrap().id = Some(id.to_owned()),
            Write::Count(place) => {
                self.ledger.accounts[place].written.last_mut().unwrap().1 = true;
            }
            Write::Delete(place) => self.ledger.accounts[place].deleted = Some(true),
        }
    }

    /// A synchronization that was not killed is done, or the server was away.
    fn synced(&self, ended: &Ended) {
        assert!(
            ended.was_killed() || matches!(ended.code, Some(0 | 4)),
            "{ended:?}"
        );
    }

    /// Looks at a counter on the server: it only grows.
    async fn watch(&mut self) {
        let alive = self.ledger.alive();
        let account = &mut self.ledger.accounts[*alive.choose(&mut self.random).unwrap()];
        let record = format!("Accounts({})", account.id.as_ref().unwrap());
        if let Some(row) = self.server.look(&record).await {
            account.see(account.value(&row));
        }
    }
}
