//! Partial accept on the command line: the real server forbids one field of a change.

use serde_json::json;

use crate::device::{Device, Server};

#[test]
fn a_forbidden_field_waits_alone_and_the_rest_of_the_change_goes_on() {
    let server = Server::start();
    let ann = Device::downloaded(&server, "alice");
    let made = ann.json(&["create", "Account", "name=Before", "city=Rome"], 0);
    let id = made["id"].as_str().unwrap();
    server.put("rights", &json!({ "Account": ["city"] }));
    server.put("settings", &json!({ "park_forbidden_field_alone": true }));
    let bob = Device::downloaded(&server, "bob");
    let written = bob.json(&["update", "Account", id, "name=After", "city=Oslo"], 0);
    assert_eq!(written["outcome"], "waiting", "{written}");
    let log = written["log"].to_string();
    let entry = bob.json(&["log", &log], 0)["entries"][0].clone();
    assert_eq!(entry["cause"]["class"], "permission", "{entry}");
    assert_eq!(entry["fields"][0]["field"], "city", "{entry}");
    let reason = entry["reason"].as_str().unwrap();
    assert!(reason.contains("the rest of it goes without that"), "{reason}");
    let outbox = bob.json(&["outbox"], 0);
    let operations = outbox["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 1, "{outbox}");
    assert_eq!(
        operations[0]["fields"],
        json!({ "city": { "old": "Rome", "new": "Oslo" } })
    );
    let seen = |device: &Device| {
        let fields = device.json(&["get", "Account", id], 0)["fields"].clone();
        (fields["name"].clone(), fields["city"].clone())
    };
    assert_eq!(seen(&bob), (json!("After"), json!("Oslo")));
    ann.json(&["sync"], 0);
    assert_eq!(seen(&ann), (json!("After"), json!("Rome")));
    let operation = written["operation"].as_str().unwrap();
    assert_eq!(
        bob.json(&["wait", operation, "--timeout", "1"], 3)["log"].to_string(),
        log
    );
    // The right is granted, and what waited goes as it is.
    server.put("rights", &json!({}));
    bob.json(&["resolve", &log, "--retry"], 0);
    let outcome = bob.json(&["wait", operation, "--timeout", "5"], 0);
    assert_eq!(outcome["outcome"], "accepted", "{outcome}");
    ann.json(&["sync"], 0);
    assert_eq!(seen(&ann), (json!("After"), json!("Oslo")));
}

#[test]
fn what_belongs_together_is_not_split() {
    let server = Server::start();
    let ann = Device::downloaded(&server, "alice");
    let made = ann.json(&["create", "Account", "name=Before", "city=Rome"], 0);
    let id = made["id"].as_str().unwrap();
    server.put("rights", &json!({ "Account": ["city"] }));
    let together = json!({ "Account": [["city", "country"]] });
    let settings = json!({ "park_forbidden_field_alone": true, "field_groups": together });
    server.put("settings", &settings);
    let bob = Device::downloaded(&server, "bob");
    let written = bob.json(
        &[
            "update",
            "Account",
            id,
            "name=After",
            "city=Oslo",
            "country=Norway",
        ],
        0,
    );
    assert_eq!(written["outcome"], "waiting", "{written}");
    let operations = bob.json(&["outbox"], 0)["operations"].clone();
    assert_eq!(operations.as_array().unwrap().len(), 1, "{operations}");
    assert_eq!(
        operations[0]["fields"].as_object().unwrap().len(),
        3,
        "{operations}"
    );
    ann.json(&["sync"], 0);
    assert_eq!(ann.json(&["get", "Account", id], 0)["fields"]["name"], "Before");
}
