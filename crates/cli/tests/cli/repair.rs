//! Data that are damaged, gone or copied: told clearly, set aside whole, and a way to go on.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::device::{Device, Server};

fn store(device: &Device) -> PathBuf {
    let accounts = fs::read_dir(device.home.path().join("accounts")).unwrap();
    let mut folders = accounts
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir());
    folders.next().unwrap().join("store.db")
}

#[test]
fn damaged_data_are_set_aside_with_what_can_be_read_and_downloaded_anew() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    device.json(&["mode", "offline"], 0);
    let made = device.json(&["create", "Account", "name=Only here"], 0);
    assert_eq!(device.json(&["repair"], 0)["damage"], json!(null));
    assert_eq!(
        device.json(&["outbox"], 0)["operations"][0]["id"],
        made["operation"]
    );

    let store = store(&device);
    let mut bytes = fs::read(&store).unwrap();
    bytes[..100].fill(0);
    fs::write(&store, &bytes).unwrap();
    for arguments in [
        &["list", "Account"][..],
        &["logout"],
        &["create", "Account", "name=x"],
    ] {
        let error = device.json(arguments, 1);
        assert_eq!(error["error"]["code"], "damaged", "{error}");
        assert!(
            error["error"]["hint"]
                .as_str()
                .unwrap()
                .contains("driftless repair"),
            "{error}"
        );
    }
    let repaired = device.json(&["repair"], 0);
    assert_eq!(repaired["next"], "driftless download", "{repaired}");
    let aside = Path::new(repaired["set_aside"].as_str().unwrap());
    assert_eq!(fs::read(aside.join("store.db")).unwrap(), bytes);
    assert!(aside.join("unsent.json").is_file() && !aside.join("credentials.json").exists());
    device.json(&["download"], 0);
    assert_eq!(device.json(&["list", "CaseCategory"], 0)["complete"], true);
}

#[test]
fn data_that_are_gone_are_told_and_never_taken_for_a_new_account() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    let store = store(&device);
    fs::remove_file(&store).unwrap();
    let again = [
        "login",
        &server.url,
        "--user",
        "alice",
        "--password-stdin",
        "--json",
    ];
    for run in [
        device.run(&["list", "Account", "--json"]),
        device.run(&["sync", "--json"]),
        device.with_input(&again, "driftless\n"),
    ] {
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stdout.contains("data-missing"), "{run:?}");
        assert!(run.stdout.contains("driftless repair"), "{run:?}");
    }
    assert!(!store.exists());
    device.json(&["accounts"], 0);
    let repaired = device.json(&["repair"], 0);
    assert_eq!(repaired["incomplete"], true, "{repaired}");
    device.json(&["download"], 0);
}

#[test]
fn signing_out_while_others_write_loses_no_saved_change() {
    let server = Server::start();
    for _ in 0..5 {
        let device = Device::downloaded(&server, "alice");
        device.json(&["mode", "offline"], 0);
        let (saved, left) = std::thread::scope(|scope| {
            let saved = scope.spawn(|| device.run(&["create", "Account", "name=Late", "--json"]));
            let left = device.run(&["logout", "--json"]);
            (saved.join().unwrap(), left)
        });
        assert_ne!((saved.code, left.code), (0, 0), "{saved:?} {left:?}");
        if left.code != 0 {
            assert!(left.stdout.contains("unsent"), "{left:?}");
            assert_eq!(
                device.json(&["outbox"], 0)["operations"]
                    .as_array()
                    .unwrap()
                    .len(),
                1
            );
        }
    }
}

#[test]
fn signing_out_of_an_account_whose_credentials_cannot_be_read_changes_nothing() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    let credentials = store(&device).with_file_name("credentials.json");
    fs::write(&credentials, "not what was kept").unwrap();
    let error = device.json(&["logout"], 1);
    assert_eq!(error["error"]["code"], "credentials", "{error}");
    assert_eq!(fs::read_to_string(&credentials).unwrap(), "not what was kept");
    assert!(store(&device).exists());
    fs::remove_file(&credentials).unwrap();
    device.json(&["logout"], 0);
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, place) = entry.map(|e| (e.path(), to.join(e.file_name()))).unwrap();
        if path.is_dir() {
            copy(&path, &place);
        } else {
            fs::copy(path, place).unwrap();
        }
    }
}

#[cfg(unix)]
#[test]
fn a_copied_home_is_told_and_goes_on_as_a_device_of_its_own_without_sending_anything_twice() {
    let server = Server::start();
    let original = Device::downloaded(&server, "alice");
    let made = original.json(&["create", "CaseCategory", "name=Before"], 0);
    let changed = made["id"].as_str().unwrap();
    original.json(&["mode", "offline"], 0);
    original.json(&["create", "CaseCategory", "name=Once"], 0);
    original.json(&["update", "CaseCategory", changed, "name=Changed once"], 0);
    let copied = Device::new();
    copy(original.home.path(), copied.home.path());
    let only_here = "name=Sent by neither yet";
    original.json(&["sync"], 0);
    // The original goes on, which the copy must not undo.
    original.json(&["update", "CaseCategory", changed, "response_hours=7"], 0);
    original.json(&["sync"], 0);

    for arguments in [
        &["list", "Account"][..],
        &["sync"],
        &["create", "CaseCategory", only_here],
    ] {
        let error = copied.json(arguments, 1);
        assert_eq!(error["error"]["code"], "copied", "{error}");
        assert!(
            error["error"]["hint"]
                .as_str()
                .unwrap()
                .contains("driftless repair"),
            "{error}"
        );
    }
    assert_eq!(copied.json(&["repair"], 0)["next"], "driftless sync");
    copied.json(&["create", "CaseCategory", only_here], 0);
    let report = copied.json(&["sync"], 0);
    assert_eq!(
        (&report["pending"], &report["unknown"]),
        (&json!(0), &json!(0)),
        "{report}"
    );
    original.json(&["sync"], 0);
    for device in [&original, &copied] {
        for name in ["Once", "Changed once", "Sent by neither yet"] {
            let filter = format!("name eq '{name}'");
            let found = device.json(&["list", "CaseCategory", "--filter", &filter], 0);
            assert_eq!(found["count"], 1, "{name}: {found}");
        }
        let kept = device.json(&["get", "CaseCategory", changed], 0);
        assert_eq!(kept["fields"]["response_hours"], 7, "{kept}");
    }
}

#[cfg(unix)]
#[test]
fn of_two_edits_of_one_field_a_copy_never_sends_the_older_over_the_newer() {
    let server = Server::start();
    let original = Device::downloaded(&server, "alice");
    let made = original.json(&["create", "CaseCategory", "name=Before"], 0);
    let id = made["id"].as_str().unwrap();
    original.json(&["mode", "offline"], 0);
    let new = original.json(&["create", "CaseCategory", "name=New"], 0);
    let new = new["id"].as_str().unwrap();
    for (id, name) in [(id, "name=First"), (id, "name=Last"), (new, "name=New and last")] {
        original.json(&["update", "CaseCategory", id, name], 0);
    }
    let copied = Device::new();
    copy(original.home.path(), copied.home.path());
    original.json(&["sync"], 0);
    copied.json(&["repair"], 0);
    let report = copied.json(&["sync"], 0);
    for part in ["pending", "unknown"] {
        assert_eq!(report[part], 0, "{report}");
    }
    assert_eq!(report["waiting"], json!([]), "{report}");
    original.json(&["sync"], 0);
    for device in [&original, &copied] {
        for (id, name) in [(id, "Last"), (new, "New and last")] {
            let kept = device.json(&["get", "CaseCategory", id], 0);
            assert_eq!(kept["fields"]["name"], name, "{kept}");
        }
    }
}
