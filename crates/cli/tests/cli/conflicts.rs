//! Conflicts on the command line: who wins, and what a person decides.

use serde_json::json;

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

/// The administrator's setting says whose values win; nothing waits, and the values that lost are in the log.
#[test]
fn the_administrators_setting_says_who_wins_and_lost_values_are_in_the_log() {
    let server = Server::start();
    let ann = Device::downloaded(&server, "alice");
    let bob = Device::downloaded(&server, "bob");
    for (rule, name, lost) in [("server_wins", "Ann", "Bob"), ("client_wins", "Bob", "Ann")] {
        server.put(
            "settings",
            &json!({ "conflict_by_entity": { "CaseCategory": { "rule": rule } } }),
        );
        let id = both_change(&ann, &bob, &[]);
        let report = bob.json(&["sync"], 0);
        assert_eq!(report["waiting"], json!([]), "{rule}: {report}");
        ann.json(&["sync"], 0);
        for device in [&ann, &bob] {
            let seen = device.json(&["get", "CaseCategory", &id], 0);
            assert_eq!(seen["fields"]["name"], name, "{rule}");
        }
        let log = bob.json(&["log"], 0);
        let entry = log["entries"].as_array().unwrap().last().unwrap();
        assert_eq!(entry["kind"], "overwritten", "{rule}: {log}");
        assert!(entry["fields"].to_string().contains(lost), "{rule}: {entry}");
    }
}

#[test]
fn a_side_is_picked_for_each_field_and_what_it_touches_is_told_beforehand() {
    let server = Server::start();
    let ann = Device::downloaded(&server, "alice");
    let bob = Device::downloaded(&server, "bob");
    let made = ann.json(&["create", "Account", "name=Before", "city=Rome", "phone=1"], 0);
    let id = made["id"].as_str().unwrap();
    bob.json(&["sync"], 0);
    bob.json(&["mode", "offline"], 0);
    bob.json(
        &[
            "update",
            "Account",
            id,
            "city=Bergen",
            "phone=2",
            "--policy",
            "ask",
        ],
        0,
    );
    ann.json(&["update", "Account", id, "city=Oslo", "phone=3"], 0);
    let report = bob.json(&["sync"], 3);
    let log = report["newly_waiting"][0].to_string();
    let later = bob.json(&["update", "Account", id, "name=Later"], 0);
    let entry = bob.json(&["log", &log], 0)["entries"][0].clone();
    assert_eq!(entry["author"], "bob", "{entry}");
    assert_eq!(entry["behind"], json!([later["operation"]]), "{entry}");
    assert!(
        entry["settle"].to_string().contains("--pick FIELD=SIDE"),
        "{entry}"
    );
    let open = bob.json(&["resolve", &log, "--pick", "city=mine"], 1);
    assert!(
        open["error"]["hint"].as_str().unwrap().contains("`phone`"),
        "{open}"
    );
    bob.json(&["resolve", &log, "--pick", "city=bob"], 2);
    let picks = ["resolve", &log, "--pick", "city=mine", "phone=theirs"];
    let planned = bob.json(&[&picks[..], &["--plan"]].concat(), 0);
    assert_eq!(
        (&planned["done"], &planned["behind"]),
        (&json!(false), &json!([later["operation"]])),
        "{planned}"
    );
    bob.json(&["mode", "auto"], 0);
    let done = bob.json(&picks, 0);
    assert_eq!(done["queued"], planned["queued"], "{done}");
    bob.json(&["sync"], 0);
    let seen = ann.json(&["sync"], 0);
    assert_eq!(seen["waiting"], json!([]));
    let seen = ann.json(&["get", "Account", id], 0);
    let field = |name: &str| seen["fields"][name].as_str().unwrap().to_owned();
    assert_eq!(
        (field("name"), field("city"), field("phone")),
        ("Later".to_owned(), "Bergen".to_owned(), "3".to_owned())
    );
}
