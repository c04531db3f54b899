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
