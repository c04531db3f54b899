//! Conflicts on the command line: who wins, and what a person decides.

use crate::device::{Device, Server};

/// Lets two people change the name of a record that both have; returns its id. The second one's change is in his outbox.
fn both_change(ann: &Device, bob: &Device, options: &[&str]) -> String {
    let made = ann.json(&["create", "CaseCategory", "name=Before"], 0);
    let id = made["id"].as_str().unwrap().to_owned();
    bob.json(&["sync"], 0);
    bob.json(&["mode", "offline"], 0);
    bob.json(
        &[&["update", "CaseCategory", &id, "name=Bob"], options].concat(),
        0,
    );
    ann.json(&["update", "CaseCategory", &id, "name=Ann"], 0);
    id
}

#[test]
fn the_rule_of_one_change_is_kept_with_it_and_decides() {
    let server = Server::start();
    let ann = Device::downloaded(&server, "alice");
    let bob = Device::downloaded(&server, "bob");
    for (rule, name, code) in [
        ("client_wins", "Bob", 0),
        ("server_wins", "Ann", 0),
        ("ask", "Ann", 3),
    ] {
        let id = both_change(&ann, &bob, &["--policy", rule]);
        let outbox = bob.json(&["outbox"], 0);
        let kept = outbox["operations"].as_array().unwrap().last().unwrap();
        assert_eq!(kept["policy"], rule, "{outbox}");
        bob.json(&["sync"], code);
        ann.json(&["sync"], 0);
        let seen = ann.json(&["get", "CaseCategory", &id], 0);
        assert_eq!(seen["fields"]["name"], name, "{rule}");
    }
    let wrong = bob.json(
        &["delete", "CaseCategory", "1", "--policy", "whoever_shouts_louder"],
        2,
    );
    assert_eq!(wrong["error"]["code"], "usage", "{wrong}");
}
