//! Offline by order: the network is left alone until somebody says to synchronize.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, ErrorKind, Lines};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Stdio};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::device::{Device, Server, binary};

/// How many commands are tried.
const COMMANDS: usize = 19;

/// Returns how many connections have come since the last time.
fn calls(listener: &TcpListener) -> usize {
    let mut count = 0;
    loop {
        match listener.accept() {
            Ok(_) => count += 1,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return count,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A command that goes on until it is ended, with what it prints.
struct Following {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Following {
    fn start(device: &Device, arguments: &[&str]) -> Self {
        let mut process = binary()
            .arg("--home")
            .arg(device.home.path())
            .args(arguments)
            .arg("--json")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Reads on until a line that has this in it.
    fn until(&mut self, wanted: &str) {
        let found = self.lines.any(|line| line.unwrap().contains(wanted));
        assert!(found, "it ended before it told of {wanted}");
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Has conflicts wait for the user; returns their log entries.
fn conflicts(server: &Server, device: &Device, count: usize) -> Vec<String> {
    let other = Device::downloaded(server, "bob");
    for _ in 0..count {
        let made = other.json(&["create", "CaseCategory", "name=Before"], 0);
        let id = made["id"].as_str().unwrap();
        device.json(&["sync"], 0);
        other.json(&["update", "CaseCategory", id, "name=Bob"], 0);
        let mine = ["update", "CaseCategory", id, "name=Alice", "--policy", "ask"];
        device.json(&mine, 0);
        // The one before waits still.
        assert!([0, 3].contains(&device.run(&["sync"]).code));
    }
    let open = device.json(&["log", "--open"], 0);
    let open = open["entries"].as_array().unwrap();
    assert_eq!(open.len(), count, "{open:?}");
    open.iter().map(|entry| entry["id"].to_string()).collect()
}

/// A person who is told to be offline, by himself or by his administrator, may be where a call costs money or gives him
/// away: whatever he reads, writes or decides, and whatever he watches meanwhile, nothing is called.
#[test]
fn i07_offline_by_order_makes_no_call() {
    const ROUNDS: usize = 3;
    let mut server = Server::start();
    let device = Device::downloaded(&server, "alice");
    device.json(&["mode", "offline"], 0);
    let conflicts = conflicts(&server, &device, ROUNDS);
    let account = device.json(&["list", "Account", "--top", "1"], 0)["records"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    server.stop();
    let address = server.url.trim_start_matches("http://").trim_end_matches('/');
    let listener = TcpListener::bind(address).unwrap();
    listener.set_nonblocking(true).unwrap();

    let mut watch = Following::start(&device, &["watch", "CaseCategory"]);
    let mut events = Following::start(&device, &["events", "--follow"]);
    let create = |what: &[&str]| {
        let made = device.json(&[&["create"], what].concat(), 0);
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("id"), text("operation"))
    };
    let file = device.home.path().join("group.txt");
    std::fs::write(
        &file,
        format!("update Account {account} phone=1\nupdate Account {account} phone=2\n"),
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let log = RefCell::new(conflicts);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(u32::try_from(ROUNDS).unwrap()));
    let quiet = |order: Vec<usize>| {
        let (changed, pending) = create(&["CaseCategory", "name=Leak"]);
        let (_, undone) = create(&["CaseCategory", "name=Noise"]);
        let (deleted, _) = create(&["Account", "name=Gone"]);
        let (lead, _) = create(&[
            "Lead",
            "subject=Pumps",
            "company=North",
            "full_name=Ann Lee",
            "status=new",
        ]);
        let entry = log.borrow_mut().pop().unwrap_or_default();
        let commands: [(&[&str], i32); COMMANDS] = [
            (&["update", "CaseCategory", &changed, "response_hours=4"], 0),
            (&["run", "QualifyLead", "Lead", &lead], 0),
            (&["group", file], 0),
            (&["get", "Account", &account], 0),
            (&["list", "Account"], 0),
            (&["why", "Account", &account], 0),
            (&["outbox"], 0),
            (&["log"], 0),
            (&["status"], 0),
            (&["ready"], 0),
            (&["mode"], 0),
            (&["settings"], 0),
            (&["accounts"], 0),
            (&["events"], 0),
            (&["sync", "--plan"], 0),
            (&["undo", &undone], 0),
            (&["delete", "Account", &deleted], 0),
            (&["resolve", &entry, "--mine"], 0),
            // It is told that nothing is sent by itself.
            (&["wait", &pending, "--timeout", "5"], 4),
        ];
        for (command, code) in order.into_iter().map(|at| commands[at]) {
            let run = device.run(command);
            prop_assert_eq!(run.code, code, "{:?}: {:?}", command, run);
            prop_assert_eq!(calls(&listener), 0, "{:?}", command);
        }
        Ok(())
    };
    let in_any_order = Just((0..COMMANDS).collect::<Vec<_>>()).prop_shuffle();
    runner.run(&in_any_order, quiet).unwrap();
    create(&["CaseCategory", "name=Last"]);
    watch.until("Last");
    events.until("\"settled\":{");
    assert_eq!(calls(&listener), 0, "what was watched");
    // Only a synchronization that somebody asks for.
    device.run(&["sync", "--deadline", "1"]);
    assert!(calls(&listener) > 0);
}
