//! `run`: commands of records, without the server and with it.

use serde_json::{Value, json};

use crate::device::{Device, Server};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Makes a lead that nobody has decided about; returns its id.
fn new_lead(device: &Device) -> String {
    let lead = [
        "create",
        "Lead",
        "subject=Pumps",
        "company=Northern Lights",
        "full_name=Ann Lee",
        "status=new",
    ];
    text(&device.json(&lead, 0)["id"]).to_owned()
}

#[test]
fn what_a_command_makes_offline_is_worked_on_at_once_and_is_the_servers_after_sync() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    device.json(&["mode", "offline"], 0);
    let lead = new_lead(&device);
    let run = device.json(&["run", "QualifyLead", "Lead", &lead], 0);
    assert_eq!(
        (&run["command"], &run["outcome"]),
        (&json!("QualifyLead"), &json!("pending"))
    );
    let made: Vec<_> = run["made"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| text(&m["entity"]))
        .collect();
    assert_eq!(made, ["Account", "Contact", "Opportunity"]);
    let opportunity = text(&run["made"][2]["id"]);
    device.json(&["update", "Opportunity", opportunity, "probability=40"], 0);
    let outbox = device.json(&["outbox"], 0);
    let command = &outbox["operations"][1];
    assert_eq!(
        (&command["kind"], &command["command"]),
        (&json!("command"), &json!("QualifyLead"))
    );
    assert_eq!(outbox["operations"][2]["made_by"], run["operation"]);
    let told = device.run(&["outbox"]).stdout;
    assert!(told.contains("run QualifyLead on Lead"), "{told}");
    assert_eq!(device.json(&["sync"], 0)["pending"], 0);
    // The id that the device made up leads to the record for ever.
    let now = device.json(&["get", "Opportunity", opportunity], 0);
    assert_ne!(now["id"], opportunity, "the server makes the key");
    assert_eq!(now["fields"]["probability"], 40);
    assert_eq!(
        device.json(&["get", "Lead", &lead], 0)["fields"]["status"],
        "qualified"
    );
}

#[test]
fn slips_with_commands_are_told_with_what_there_is() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    let list = device.json(&["run", "--list", "Case"], 0);
    assert_eq!(list["commands"][0]["name"], "CloseCase");
    assert_eq!(list["commands"][0]["parameters"][0]["required"], true);
    assert_eq!(list["commands"][0]["makes"], json!({"message": "CaseMessage"}));
    let case = device.json(&["create", "Case", "subject=Leak"], 0);
    let case = text(&case["id"]);
    let error = &device.json(&["run", "CloseCaes", "Case", case], 1)["error"];
    assert_eq!(error["code"], "unknown-command");
    assert!(text(&error["message"]).contains("CloseCase"), "{error}");
    assert!(text(&error["hint"]).contains("resolution=TEXT"), "{error}");
    for parameters in [vec![], vec!["resolutoin=x"]] {
        let line = [&["run", "CloseCase", "Case", case][..], &parameters].concat();
        let error = &device.json(&line, 1)["error"];
        assert_eq!(error["code"], "invalid", "{error}");
        assert!(
            text(&error["hint"]).contains("CloseCase resolution=TEXT"),
            "{error}"
        );
    }
    device.json(&["run", "CloseCase", "Case", case, "resolution=Mended"], 0);
    let error = &device.json(&["run", "CloseCase", "Case", case, "resolution=Again"], 1)["error"];
    assert_eq!(error["code"], "not-now", "{error}");
}

/// The server closes a case at the time of the synchronization; what its worker has set behind that is later.
#[test]
fn what_is_done_behind_a_command_stands() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    let case = device.json(&["create", "Case", "subject=Leak"], 0);
    let case = text(&case["id"]);
    device.json(&["mode", "offline"], 0);
    device.json(&["run", "CloseCase", "Case", case, "resolution=done"], 0);
    let at = "2026-01-01T00:00:00Z";
    device.json(&["update", "Case", case, &format!("resolved_at={at}")], 0);
    let report = device.json(&["sync"], 0);
    assert_eq!(
        (&report["pending"], &report["sent"]),
        (&json!(0), &json!(2)),
        "{report}"
    );
    assert_eq!(
        device.json(&["get", "Case", case], 0)["fields"]["resolved_at"],
        at
    );
    assert_eq!(device.json(&["log"], 0)["entries"], json!([]));
}

/// Somebody else has closed, or deleted, what a command was run on: the entry offers no way that cannot work.
#[test]
fn a_command_that_its_record_no_longer_allows_is_told_with_the_ways_that_are_left() {
    let server = Server::start();
    let ann = Device::downloaded(&server, "alice");
    let bob = Device::downloaded(&server, "bob");
    for is_deleted in [false, true] {
        let lead = new_lead(&ann);
        bob.json(&["sync"], 0);
        bob.json(&["mode", "offline"], 0);
        bob.json(&["run", "QualifyLead", "Lead", &lead], 0);
        if is_deleted {
            ann.json(&["delete", "Lead", &lead], 0);
        } else {
            ann.json(&["run", "DisqualifyLead", "Lead", &lead, "reason=lost"], 0);
        }
        let report = bob.json(&["sync"], 3);
        let log = report["newly_waiting"][0].to_string();
        let entry = bob.json(&["log", &log], 0)["entries"][0].clone();
        let ways = entry["settle"].to_string();
        assert!(!ways.contains("--mine") && !ways.contains("--pick"), "{ways}");
        assert!(ways.contains("--discard"), "{ways}");
        let plan = bob.json(&["sync", "--plan"], 0);
        assert_eq!(plan["later"], json!([]), "{plan}");
        assert_eq!(plan["waits"][0]["id"], entry["operations"][0], "{plan}");
        let refused = bob.json(&["resolve", &log, "--mine"], 1);
        assert!(text(&refused["error"]["hint"]).contains("discard"), "{refused}");
        bob.json(&["resolve", &log, "--discard"], 0);
        assert_eq!(bob.json(&["sync"], 0)["pending"], 0);
    }
}
