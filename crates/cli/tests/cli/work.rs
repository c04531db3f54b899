//! Working with and without the server: exit codes, and what is told.

use crate::device::{Device, Server};

#[test]
fn a_write_is_sent_at_once_when_it_can_be() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    let made = device.json(&["create", "Account", "name=At once"], 0);
    assert_eq!(made["outcome"], "accepted", "{made}");
    assert_eq!(device.json(&["outbox"], 0)["operations"], serde_json::json!([]));
}

#[test]
fn without_the_server_work_is_saved_and_sync_says_so_with_4() {
    let mut server = Server::start();
    let device = Device::downloaded(&server, "alice");
    server.stop();
    let made = device.json(&["create", "Account", "name=Later"], 0);
    assert_eq!(made["outcome"], "pending", "{made}");
    let operation = made["operation"].as_str().unwrap();
    let report = device.json(&["sync"], 4);
    assert_eq!(report["error"]["code"], "unreachable", "{report}");
    assert_eq!(report["pending"], 1, "{report}");
    device.json(&["wait", operation, "--timeout", "1"], 4);
    server.again();
    assert_eq!(device.json(&["sync"], 0)["sent"], 1);
    assert_eq!(device.json(&["wait", operation], 0)["outcome"], "accepted");
}

#[test]
fn offline_mode_uses_the_network_only_for_sync() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    assert_eq!(device.json(&["mode", "offline"], 0)["mode"], "offline");
    let run = device.run(&["create", "Account", "name=Quiet", "--trace", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!run.stderr.contains("trace:"), "{run:?}");
    let operation: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let operation = operation["operation"].as_str().unwrap();
    device.json(&["wait", operation], 4);
    let run = device.run(&["sync", "--trace", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("trace: GET"), "{run:?}");
    assert!(
        !run.stderr.contains("Basic") && !run.stderr.contains("Quiet"),
        "{run:?}"
    );
    assert_eq!(device.json(&["mode"], 0)["choice"], "offline");
}

#[test]
fn a_refused_change_ends_sync_with_3_and_can_be_settled() {
    let server = Server::start();
    let ann = Device::downloaded(&server, "alice");
    let bob = Device::downloaded(&server, "bob");
    let account = ann.json(&["create", "Account", "name=Short lived"], 0);
    let account = account["id"].as_str().unwrap();
    bob.json(&["sync"], 0);
    ann.json(&["delete", "Account", account], 0);
    bob.json(&["mode", "offline"], 0);
    let contact = format!("account_id={account}");
    let made = bob.json(&["create", "Contact", "last_name=Orphan", &contact], 0);
    let contact = made["id"].as_str().unwrap();
    let report = bob.json(&["sync"], 3);
    let log = report["newly_waiting"][0].to_string();
    let entry = &bob.json(&["log", &log], 0)["entries"][0];
    assert_eq!(entry["needs_person"], true, "{entry}");
    let card = bob.run(&["log", &log]);
    assert!(
        card.stdout.contains(&format!("driftless resolve {log} --")),
        "{card:?}"
    );
    // An old entry is told, and is no news.
    let report = bob.json(&["sync"], 0);
    assert_eq!(report["waiting"].as_array().unwrap().len(), 1, "{report}");
    bob.json(&["mode", "auto"], 0);
    let settled = bob.json(&["resolve", &log, "--set", "account_id="], 0);
    assert_eq!(settled["outcomes"][0]["outcome"], "accepted", "{settled}");
    ann.json(&["sync"], 0);
    ann.json(&["get", "Contact", contact], 0);
}

#[test]
fn changes_of_others_arrive_while_a_change_waits_for_its_user() {
    let server = Server::start();
    let ann = Device::downloaded(&server, "alice");
    let bob = Device::downloaded(&server, "bob");
    let account = ann.json(&["create", "Account", "name=Short lived"], 0);
    let account = account["id"].as_str().unwrap();
    bob.json(&["sync"], 0);
    bob.json(&["mode", "offline"], 0);
    bob.json(
        &[
            "create",
            "Contact",
            "last_name=Orphan",
            &format!("account_id={account}"),
        ],
        0,
    );
    ann.json(&["delete", "Account", account], 0);
    bob.json(&["sync"], 3);
    for name in ["First", "Second"] {
        let made = ann.json(&["create", "Account", &format!("name={name}")], 0);
        let report = bob.json(&["sync"], 0);
        assert_eq!(
            (&report["pending"], &report["received"]),
            (&1.into(), &1.into()),
            "{report}"
        );
        bob.json(&["get", "Account", made["id"].as_str().unwrap()], 0);
    }
}

#[test]
fn sign_out_is_refused_while_something_is_unsent_and_the_vault_keeps_it() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    device.json(&["mode", "offline"], 0);
    device.json(&["create", "Account", "name=Unsent"], 0);
    let error = device.json(&["logout"], 1);
    assert_eq!(error["error"]["code"], "unsent", "{error}");
    let left = device.json(&["logout", "--to-vault"], 0);
    let vault = std::path::Path::new(left["vault"].as_str().unwrap());
    assert!(vault.join("store.db").is_file() && !vault.join("credentials.json").exists());
    assert_eq!(device.json(&["accounts"], 0)["accounts"], serde_json::json!([]));
}

#[test]
fn an_undone_change_is_gone_and_a_plan_changes_nothing() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    device.json(&["mode", "offline"], 0);
    let made = device.json(&["create", "Account", "name=Twice thought"], 0);
    let (id, operation) = (made["id"].as_str().unwrap(), made["operation"].as_str().unwrap());
    assert_eq!(device.json(&["undo", operation, "--plan"], 0)["done"], false);
    device.json(&["get", "Account", id], 0);
    assert_eq!(device.json(&["sync", "--plan"], 0)["sends"][0]["id"], operation);
    device.json(&["undo", operation], 0);
    device.json(&["get", "Account", id], 1);
}

#[test]
fn a_delete_that_others_stand_against_says_so_and_offers_no_values() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    let other = Device::downloaded(&server, "bob");
    let parent = device.json(&["create", "Account", "name=Parent"], 0);
    let parent = parent["id"].as_str().unwrap();
    device.json(&["mode", "offline"], 0);
    device.json(&["delete", "Account", parent], 0);
    other.json(&["sync"], 0);
    other.json(
        &[
            "create",
            "Contact",
            "last_name=Child",
            &format!("account={parent}"),
        ],
        0,
    );
    device.json(&["sync"], 3);
    let entry = &device.json(&["log", "--open"], 0)["entries"][0];
    assert_eq!(entry["cause"]["words"], "other records refer to it", "{entry}");
    let settle = entry["settle"].to_string();
    assert!(
        settle.contains("--retry") && !settle.contains("--set"),
        "{settle}"
    );
}
