//! What a person can do about a change that the real server refuses: ask for the right, mend it, or take it back.

use serde_json::json;

use crate::device::{Device, Server};

/// A change that its user has no right to, for all that can be done about it.
struct Refused {
    server: Server,
    ann: Device,
    bob: Device,
    id: String,
    log: String,
}

impl Refused {
    fn new() -> Self {
        let server = Server::start();
        let ann = Device::downloaded(&server, "alice");
        let made = ann.json(&["create", "Account", "name=Before", "city=Rome"], 0);
        let id = made["id"].as_str().unwrap().to_owned();
        server.put("rights", &json!({ "Account": ["city"] }));
        server.put("settings", &json!({ "request_mailbox": "it@example.com" }));
        let bob = Device::downloaded(&server, "bob");
        let written = bob.json(&["update", "Account", &id, "name=After", "city=Oslo"], 0);
        let log = written["log"].to_string();
        Self {
            server,
            ann,
            bob,
            id,
            log,
        }
    }

    fn seen(&self, device: &Device) -> (String, String) {
        let fields = device.json(&["get", "Account", &self.id], 0)["fields"].clone();
        let text = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
        (text("name"), text("city"))
    }

    /// Returns whether nobody has to do anything any more, and both devices show the same.
    fn ends_as(&self, name: &str, city: &str) {
        self.bob.json(&["sync"], 0);
        self.ann.json(&["sync"], 0);
        let expected = (name.to_owned(), city.to_owned());
        assert_eq!(self.seen(&self.bob), expected);
        assert_eq!(self.seen(&self.ann), expected);
        let status = self.bob.json(&["status"], 0);
        assert_eq!(
            (&status["waiting"], &status["pending"]),
            (&json!(0), &json!(0)),
            "{status}"
        );
    }
}

#[test]
fn access_is_asked_for_by_a_ready_mail_and_the_change_goes_once_it_is_granted() {
    let refused = Refused::new();
    let before = refused.bob.json(&["outbox"], 0);
    let mail = refused
        .bob
        .json(&["resolve", &refused.log, "--request-access"], 0);
    assert_eq!(mail["to"], "it@example.com", "{mail}");
    let body = mail["body"].as_str().unwrap();
    for named in ["Account", "city", "update", refused.id.as_str(), "bob"] {
        assert!(body.contains(named), "{named}: {body}");
    }
    assert_eq!(refused.bob.json(&["outbox"], 0), before, "asking changes nothing");
    refused.server.put("rights", &json!({}));
    refused.bob.json(&["resolve", &refused.log, "--retry"], 0);
    refused.ends_as("After", "Oslo");
}

#[test]
fn a_refused_change_is_mended_and_goes_on() {
    let refused = Refused::new();
    refused
        .bob
        .json(&["resolve", &refused.log, "--without", "city"], 0);
    refused.ends_as("After", "Rome");
}

#[test]
fn a_refused_change_is_reverted_and_the_record_is_the_servers_again() {
    let refused = Refused::new();
    let kept = || refused.bob.json(&["log", &refused.log], 0)["entries"][0]["kept"].clone();
    let values = json!({ "name": "After", "city": "Oslo" });
    assert_eq!(kept(), values);
    let planned = refused
        .bob
        .json(&["resolve", &refused.log, "--discard", "--plan"], 0);
    assert_eq!(planned["done"], false, "{planned}");
    assert_eq!(
        refused.seen(&refused.bob),
        ("After".to_owned(), "Oslo".to_owned())
    );
    refused.bob.json(&["resolve", &refused.log, "--discard"], 0);
    assert_eq!(
        refused.seen(&refused.bob),
        ("Before".to_owned(), "Rome".to_owned())
    );
    assert_eq!(kept(), values, "what was taken back can be read for ever");
    refused.ends_as("Before", "Rome");
}
