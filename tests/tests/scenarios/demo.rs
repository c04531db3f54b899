//! The demo: the main job through the whole product, in one process.

use std::process::Stdio;
use std::time::Duration;

use driftless_tests::machine;
use serde_json::Value;
use tokio::process::Command;

/// Few records, so that it is quick; the story needs no more.
const ARGUMENTS: [&str; 4] = ["demo", "--headless", "--seed-data", "1000"];

/// Runs the demo and returns its standard output and standard error.
async fn run(more: &[&str], code: i32) -> (String, String) {
    let mut command = Command::new(machine::driftless_bin());
    command
        .args(ARGUMENTS)
        .args(more)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(300), command.output())
        .await
        .unwrap()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stdout}\n{stderr}");
    (stdout, stderr)
}

#[tokio::test]
async fn devices_and_server_agree_and_every_operation_has_one_effect() {
    let (stdout, stderr) = run(&["--json"], 0).await;
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["agree"], true, "{stdout}");
    assert_eq!(report["effects"]["failures"], serde_json::json!([]));
    let devices = report["devices"].as_array().unwrap();
    let counted = |field: &str| -> Vec<u64> { devices.iter().map(|d| d[field].as_u64().unwrap()).collect() };
    assert_eq!(counted("made"), [11, 11]);
    assert_eq!(counted("sent"), [9, 9]);
    assert_eq!(counted("merged"), [1, 0]);
    assert_eq!(
        counted("gave_way"),
        [1, 0],
        "the later edit wins, not the later synchronization"
    );
    assert_eq!(counted("never_sent"), [0, 2]);
    let waiting = devices[0]["waiting"].as_array().unwrap();
    assert_eq!((waiting.len(), &waiting[0]["entity"]), (1, &Value::from("Task")));
    assert!(
        waiting[0]["settle"][0]
            .as_str()
            .unwrap()
            .starts_with("driftless resolve")
    );
    for device in devices {
        assert!(device["compared"]["records"].as_u64().unwrap() > 1000, "{device}");
    }
    for stage in ["load structure", "load system settings", "import"] {
        assert!(stderr.contains(stage), "{stderr}");
    }
}

#[tokio::test]
async fn the_same_run_tells_the_same_story() {
    let (first, second) = tokio::join!(run(&[], 0), run(&[], 0));
    let story = |text: &str| text.split("\nTimings").next().unwrap().to_owned();
    assert!(story(&first.0).contains("Yes: nothing was lost, nothing happened twice."));
    assert_eq!(story(&first.0), story(&second.0));
}

#[tokio::test]
async fn too_few_records_for_the_story_are_wrong_usage() {
    let output = Command::new(machine::driftless_bin())
        .args(["demo", "--seed-data", "10"])
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
