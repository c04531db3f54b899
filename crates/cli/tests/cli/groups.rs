//! Groups and lanes on the command line.

use crate::device::{Device, Server};

/// A file of writes is one deed: saved whole, refused whole, sent as one change set, taken back whole.
#[test]
fn a_file_of_writes_is_saved_sent_and_taken_back_as_one() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("visit.txt");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    let id = "0b9d3c1e-5d1c-4f0e-9a53-6c1f4d2f7a10";
    device.json(&["mode", "offline"], 0);

    write(&format!(
        "create Account id={id} name='Pump & Co' colour=red # a comment\nupdate Account {id} city=\n"
    ));
    let wrong = device.json(&["group", path], 1);
    assert!(
        wrong["error"]["message"].to_string().contains("line 1"),
        "{wrong}"
    );
    write("create Account name='not closed\n");
    assert_eq!(device.json(&["group", path], 2)["error"]["code"], "usage");
    write("create Account name='Pump & Co' --policy ask\n");
    assert_eq!(
        device.json(&["group", path], 2)["error"]["code"],
        "usage",
        "what a line says of its handling is not left out in silence"
    );
    write("# nothing\n\n");
    assert_eq!(device.json(&["group", path], 2)["error"]["code"], "usage");
    write(&format!(
        "create Account id={id} name='Pump & Co'\n\ndelete Account nothing\n"
    ));
    let wrong = device.json(&["group", path], 1);
    assert!(
        wrong["error"]["message"].to_string().contains("line 3"),
        "{wrong}"
    );
    assert_eq!(
        device.json(&["outbox"], 0)["operations"],
        serde_json::json!([]),
        "nothing was saved"
    );

    write(&format!(
        "# A customer, and who is there\ncreate Account id={id} name='Pump & Co'\n\
         create Contact last_name=Lee account_id={id}\nupdate Account {id} city=Oslo\n"
    ));
    let done = device.json(&["group", path], 0);
    let writes = done["writes"].as_array().unwrap();
    assert_eq!(writes.len(), 3, "{done}");
    let outbox = device.json(&["outbox"], 0);
    let groups: std::collections::BTreeSet<String> = outbox["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| operation["group"].to_string())
        .collect();
    assert_eq!((groups.len(), groups.contains("null")), (1, false), "{outbox}");
    device.json(&["undo", writes[1]["operation"].as_str().unwrap()], 0);
    assert_eq!(
        device.json(&["outbox"], 0)["operations"],
        serde_json::json!([]),
        "taken back whole"
    );

    let lead = device.json(&["list", "Lead", "--filter", "status eq 'new'", "--top", "1"], 0);
    let lead = lead["records"][0]["id"].as_str().unwrap();
    let mut text = std::fs::read_to_string(&file).unwrap();
    text.push_str(&format!("run DisqualifyLead Lead {lead} reason=lost\n"));
    write(&text);
    device.json(&["group", path, "--urgent"], 0);
    device.json(&["sync"], 0);
    assert_eq!(device.json(&["outbox"], 0)["operations"], serde_json::json!([]));
    let other = Device::downloaded(&server, "bob");
    assert_eq!(other.json(&["get", "Account", id], 0)["fields"]["city"], "Oslo");
    let there = other.json(&["get", "Lead", lead], 0);
    assert_eq!(there["fields"]["status"], "disqualified");
}

/// What a command in a group makes is worked on in the next moment, so its ids have to be told.
#[test]
fn a_group_tells_which_records_its_commands_make() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    device.json(&["mode", "offline"], 0);
    let lead = device.json(&["list", "Lead", "--filter", "status eq 'new'", "--top", "1"], 0);
    let lead = lead["records"][0]["id"].as_str().unwrap();
    let file = device.home.path().join("group.txt");
    let lines = format!("create CaseCategory name=Leak\nrun QualifyLead Lead {lead}\n");
    std::fs::write(&file, lines).unwrap();
    let writes = device.json(&["group", file.to_str().unwrap()], 0)["writes"].clone();
    assert!(writes[0].get("made").is_none(), "{writes}");
    assert_eq!(writes[1]["command"], "QualifyLead", "{writes}");
    let made = writes[1]["made"].as_array().unwrap();
    assert_eq!(made.len(), 3, "{writes}");
    for record in made {
        let [entity, id] = ["entity", "id"].map(|name| record[name].as_str().unwrap());
        assert_eq!(device.json(&["get", entity, id], 0)["id"], id);
    }
    let report = device.json(&["sync"], 0);
    assert_eq!(report["pending"], 0, "{report}");
    let seen = Device::downloaded(&server, "bob").json(&["get", "Lead", lead], 0);
    assert_eq!(seen["fields"]["status"], "qualified", "{seen}");
}

#[test]
fn what_is_urgent_is_shown_so() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    device.json(&["mode", "offline"], 0);
    for (option, word) in [("--urgent", "urgent"), ("--background", "background")] {
        let made = device.json(&["create", "CaseCategory", "name=Leak", option], 0);
        let outbox = device.json(&["outbox"], 0);
        let operations = outbox["operations"].as_array().unwrap();
        let shown = operations
            .iter()
            .find(|operation| operation["id"] == made["operation"])
            .unwrap();
        assert_eq!(shown["urgency"], word, "{shown}");
    }
    let both = device.json(
        &["create", "CaseCategory", "name=Leak", "--urgent", "--background"],
        2,
    );
    assert_eq!(both["error"]["code"], "usage", "{both}");
}
