//! Offline by order: the network is left alone until somebody says to synchronize.

use std::io::ErrorKind;
use std::net::TcpListener;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::device::{Device, Server};

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

/// A person who is told to be offline, by himself or by his administrator, may be where a call costs money or gives him
/// away: whatever he reads or writes, nothing is called.
#[test]
fn i07_offline_by_order_makes_no_call() {
    let mut server = Server::start();
    let device = Device::downloaded(&server, "alice");
    device.json(&["mode", "offline"], 0);
    let account = device.json(&["list", "Account", "--top", "1"], 0)["records"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let lead =
        device.json(&["list", "Lead", "--filter", "status eq 'new'", "--top", "1"], 0)["records"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
    server.stop();
    let address = server.url.trim_start_matches("http://").trim_end_matches('/');
    let listener = TcpListener::bind(address).unwrap();
    listener.set_nonblocking(true).unwrap();

    let made = device.json(&["create", "CaseCategory", "name=Leak"], 0);
    let (id, operation) = (made["id"].as_str().unwrap(), made["operation"].as_str().unwrap());
    let file = device.home.path().join("group.txt");
    std::fs::write(&file, format!("update Account {account} phone=1\n")).unwrap();
    let commands: [&[&str]; 16] = [
        &["update", "CaseCategory", id, "response_hours=4"],
        &["run", "QualifyLead", "Lead", &lead],
        &["group", file.to_str().unwrap()],
        &["get", "Account", &account],
        &["list", "Account"],
        &["why", "Account", &account],
        &["outbox"],
        &["log"],
        &["status"],
        &["ready"],
        &["mode"],
        &["settings"],
        &["accounts"],
        &["sync", "--plan"],
        &["undo", operation],
        &["delete", "Account", &account],
    ];
    let mut runner = TestRunner::new(ProptestConfig::with_cases(3));
    let in_any_order = Just(commands.to_vec()).prop_shuffle();
    let quiet = |commands: Vec<&[&str]>| {
        for command in commands {
            device.run(command);
            prop_assert_eq!(calls(&listener), 0, "{:?}", command);
        }
        Ok(())
    };
    runner.run(&in_any_order, quiet).unwrap();
    // Only a synchronization that somebody asks for.
    device.run(&["sync", "--deadline", "1"]);
    assert!(calls(&listener) > 0);
}
