//! The JSON documents of docs/cli.md, with what differs from run to run taken out.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::device::{Device, Server};

/// Replaces what no two runs share: ids that were made up, points in time, sizes.
fn steady(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(steady),
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    "bytes" | "attempts" => *member = json!("<number>"),
                    "account" => *member = json!("<account>"),
                    "url" | "tenant" | "server" => *member = json!("<server>"),
                    _ => steady(member),
                }
            }
        }
        Value::String(text) if text.parse::<uuid::Uuid>().is_ok() => *text = "<uuid>".to_owned(),
        Value::String(text) if text.len() == 24 && text.ends_with('Z') => *text = "<time>".to_owned(),
        _ => {}
    }
}

fn check(mut document: Value, want: &Expect) {
    steady(&mut document);
    want.assert_eq(&serde_json::to_string_pretty(&document).unwrap());
}

#[test]
fn documents_keep_their_shape() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    check(
        device.json(&["mode", "offline"], 0),
        &expect![[r#"
        {
          "choice": "offline",
          "mode": "offline"
        }"#]],
    );
    let made = device.json(&["create", "CaseCategory", "name=Gravity"], 0);
    let id = made["id"].as_str().unwrap().to_owned();
    check(
        made,
        &expect![[r#"
        {
          "entity": "CaseCategory",
          "id": "<uuid>",
          "log": null,
          "operation": "<uuid>",
          "outcome": "pending"
        }"#]],
    );
    check(
        device.json(&["get", "CaseCategory", &id], 0),
        &expect![[r#"
        {
          "entity": "CaseCategory",
          "fields": {
            "created_at": null,
            "id": "<uuid>",
            "modified_at": null,
            "name": "Gravity",
            "parent_id": null,
            "response_hours": null
          },
          "id": "<uuid>",
          "names": {},
          "on_server": false,
          "pending": true,
          "title": "Gravity"
        }"#]],
    );
    let filter = ["list", "CaseCategory", "--filter", "name eq 'Gravity'"];
    check(
        device.json(&filter, 0),
        &expect![[r#"
        {
          "complete": true,
          "count": 1,
          "entity": "CaseCategory",
          "records": [
            {
              "entity": "CaseCategory",
              "fields": {
                "created_at": null,
                "id": "<uuid>",
                "modified_at": null,
                "name": "Gravity",
                "parent_id": null,
                "response_hours": null
              },
              "id": "<uuid>",
              "names": {},
              "on_server": false,
              "pending": true,
              "title": "Gravity"
            }
          ]
        }"#]],
    );
    check(
        device.json(&["outbox"], 0),
        &expect![[r#"
            {
              "operations": [
                {
                  "at": "<time>",
                  "attempts": "<number>",
                  "blocked_by": [],
                  "command": null,
                  "entity": "CaseCategory",
                  "fields": {
                    "id": {
                      "new": "<uuid>",
                      "old": null
                    },
                    "name": {
                      "new": "Gravity",
                      "old": null
                    }
                  },
                  "group": null,
                  "id": "<uuid>",
                  "kind": "create",
                  "log": null,
                  "made_by": null,
                  "policy": null,
                  "reason": null,
                  "record": "<uuid>",
                  "sequence": 1,
                  "state": "queued",
                  "title": "Gravity",
                  "urgency": "normal"
                }
              ]
            }"#]],
    );
    check(
        device.json(&["why", "CaseCategory", &id], 0),
        &expect![[r#"
            {
              "entity": "CaseCategory",
              "id": "<uuid>",
              "in_scope": true,
              "on_device": true,
              "pending": [
                {
                  "at": "<time>",
                  "attempts": "<number>",
                  "blocked_by": [],
                  "command": null,
                  "entity": "CaseCategory",
                  "fields": {
                    "id": {
                      "new": "<uuid>",
                      "old": null
                    },
                    "name": {
                      "new": "Gravity",
                      "old": null
                    }
                  },
                  "group": null,
                  "id": "<uuid>",
                  "kind": "create",
                  "log": null,
                  "made_by": null,
                  "policy": null,
                  "reason": null,
                  "record": "<uuid>",
                  "sequence": 1,
                  "state": "queued",
                  "title": "Gravity",
                  "urgency": "normal"
                }
              ],
              "reasons": [
                "it was made here and is not on the server yet",
                "every CaseCategory that you may read belongs on this device"
              ]
            }"#]],
    );
    check(
        device.json(&["sync", "--plan"], 0),
        &expect![[r#"
            {
              "conflicts": [],
              "ends": [],
              "later": [],
              "probes": [],
              "sends": [
                {
                  "at": "<time>",
                  "attempts": "<number>",
                  "blocked_by": [],
                  "command": null,
                  "entity": "CaseCategory",
                  "fields": {
                    "id": {
                      "new": "<uuid>",
                      "old": null
                    },
                    "name": {
                      "new": "Gravity",
                      "old": null
                    }
                  },
                  "group": null,
                  "id": "<uuid>",
                  "kind": "create",
                  "log": null,
                  "made_by": null,
                  "policy": null,
                  "reason": null,
                  "record": "<uuid>",
                  "sequence": 1,
                  "state": "queued",
                  "title": "Gravity",
                  "urgency": "normal"
                }
              ],
              "waits": []
            }"#]],
    );
    check(
        device.json(&["ready"], 0),
        &expect![[r#"
        {
          "last_sync": "<time>",
          "not_downloaded": [],
          "ready": false,
          "unsent": 1,
          "waiting": 0
        }"#]],
    );
    check(
        device.json(&["sync"], 0),
        &expect![[r#"
        {
          "bytes": "<number>",
          "decided": 0,
          "entities": {
            "CaseCategory": {
              "problem": null,
              "received": 1,
              "removed": 0
            }
          },
          "log": [],
          "merged": 0,
          "newly_waiting": [],
          "notes": [],
          "pending": 0,
          "received": 1,
          "refused": 0,
          "removed": 0,
          "sent": 1,
          "stopped": false,
          "unknown": 0,
          "waiting": []
        }"#]],
    );
    check(
        device.json(&["log"], 0),
        &expect![[r#"
        {
          "entries": []
        }"#]],
    );
    check(
        device.json(&["accounts"], 0),
        &expect![[r#"
        {
          "accounts": [
            {
              "account": "<account>",
              "current": true,
              "display_name": "Alice Bennett",
              "server": "<server>",
              "signed_in": true,
              "url": "<server>",
              "user": "alice"
            }
          ]
        }"#]],
    );
    check(
        device.json(&["settings"], 0),
        &expect![[r#"
            {
              "mode": "offline",
              "settings": {
                "attachment_limit_bytes": null,
                "conflict": "execution_order",
                "conflict_by_entity": {},
                "excluded": [],
                "field_groups": {},
                "mode": "hybrid",
                "park_forbidden_field_alone": false,
                "request_mailbox": null,
                "scope": null
              }
            }"#]],
    );
    let mut status = device.json(&["status"], 0);
    status["entities"].as_array_mut().unwrap().truncate(1);
    check(
        status,
        &expect![[r#"
        {
          "account": "<account>",
          "entities": [
            {
              "available": true,
              "entity": "Account",
              "last_sync": "<time>",
              "reason": null,
              "records": 129
            }
          ],
          "in_sync": true,
          "last_sync": "<time>",
          "mode": "offline",
          "parked": 0,
          "pending": 0,
          "queued": 0,
          "unknown": 0,
          "url": "<server>",
          "user": "alice",
          "waiting": 0
        }"#]],
    );
}

#[test]
fn a_log_entry_keeps_its_shape() {
    let server = Server::start();
    let ann = Device::downloaded(&server, "alice");
    let bob = Device::downloaded(&server, "bob");
    let made = ann.json(&["create", "CaseCategory", "name=Before"], 0);
    let id = made["id"].as_str().unwrap();
    bob.json(&["sync"], 0);
    bob.json(&["mode", "offline"], 0);
    bob.json(&["update", "CaseCategory", id, "name=Bob"], 0);
    ann.json(&["update", "CaseCategory", id, "name=Ann"], 0);
    bob.json(&["sync"], 0);
    check(
        bob.json(&["log"], 0),
        &expect![[r#"
            {
              "entries": [
                {
                  "at": "<time>",
                  "author": null,
                  "behind": [],
                  "cause": null,
                  "command": null,
                  "entity": "CaseCategory",
                  "fields": [
                    {
                      "base": "Before",
                      "field": "name",
                      "label": "Name",
                      "made": null,
                      "mine": "Bob",
                      "mine_at": "<time>",
                      "mine_device": "<uuid>",
                      "theirs": "Ann",
                      "theirs_at": "<time>",
                      "theirs_device": "<uuid>",
                      "winner": "theirs"
                    }
                  ],
                  "id": 1,
                  "kept": {},
                  "kind": "overwritten",
                  "needs_person": false,
                  "operations": [
                    "<uuid>"
                  ],
                  "reason": "the later edit of a field wins",
                  "record": "<uuid>",
                  "settle": [],
                  "settled": null,
                  "title": "Bob"
                }
              ]
            }"#]],
    );
}
