//! Batches.

use serde_json::{Value, json};

use crate::client::Running;

const ID: &str = "0b5c1b2e-6d8f-4c2a-9a77-1f2e3d4c5b6a";

async fn batch(server: &Running, requests: &Value) -> Vec<Value> {
    let body = json!({"requests": requests}).to_string();
    let reply = server.send("POST", "$batch", &[], &body).await.expect(200).json();
    reply["responses"].as_array().unwrap().clone()
}

fn statuses(responses: &[Value]) -> Vec<u64> {
    responses
        .iter()
        .map(|response| response["status"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn requests_run_in_order_and_one_failure_stops_nothing_else() {
    let server = Running::with_data(100).await;
    let responses = batch(
        &server,
        &json!([
            {"id": "1", "method": "POST", "url": "Accounts", "headers": {"content-type": "application/json"}, "body": {"id": ID, "name": "A"}},
            {"id": "2", "method": "PATCH", "url": format!("/Accounts({ID})"), "body": {"city": "no condition"}},
            {"id": "3", "method": "PATCH", "url": "$1", "headers": {"if-match": "*", "prefer": "return=representation"}, "body": {"city": "Porto"}},
            {"id": "4", "method": "PATCH", "url": "$2", "dependsOn": ["2"], "headers": {"if-match": "*"}, "body": {"city": "never"}},
            {"id": "5", "method": "GET", "url": format!("Accounts({ID})")},
            {"id": "6", "method": "GET", "url": "Accounts/$count"},
        ]),
    )
    .await;
    assert_eq!(statuses(&responses), [201, 428, 200, 424, 200, 200]);
    assert_eq!(responses[2]["body"]["city"], "Porto");
    assert_eq!(responses[4]["body"]["city"], "Porto");
    assert_eq!(responses[4]["headers"]["etag"], responses[2]["headers"]["etag"]);
    assert_eq!(responses[5]["body"], "15");
    assert_eq!(responses[1]["body"]["error"]["code"], "PreconditionRequired");
}

#[tokio::test]
async fn a_group_happens_as_a_whole_or_not_at_all() {
    let server = Running::with_data(100).await;
    let add = |id: &str, group: &str, body: Value| json!({"id": id, "atomicityGroup": group, "method": "POST", "url": "Accounts", "body": body});
    let responses = batch(
        &server,
        &json!([
            add("1", "g", json!({"id": ID, "name": "A"})),
            add("2", "g", json!({"nonsense": 1})),
            {"id": "3", "method": "GET", "url": format!("Accounts({ID})")},
            {"id": "4", "dependsOn": ["g"], "method": "GET", "url": "Accounts"},
            add("5", "h", json!({"id": ID, "name": "B"})),
            {"id": "6", "atomicityGroup": "h", "method": "POST", "url": "Contacts", "body": {"last_name": "C", "account_id": ID}},
        ]),
    )
    .await;
    assert_eq!(statuses(&responses), [424, 400, 404, 424, 201, 201]);
    assert_eq!(server.get(&format!("Accounts({ID})")).await.json()["name"], "B");
}

#[tokio::test]
async fn continue_on_error_false_stops_at_the_first_failure() {
    let server = Running::with_data(100).await;
    let body = json!({"requests": [
        {"id": "1", "method": "GET", "url": "Nothings"},
        {"id": "2", "method": "POST", "url": "Accounts", "body": {"name": "never"}},
    ]});
    let reply = server
        .send(
            "POST",
            "$batch",
            &[("prefer", "odata.continue-on-error=false")],
            &body.to_string(),
        )
        .await;
    assert_eq!(
        statuses(reply.expect(200).json()["responses"].as_array().unwrap()),
        [404]
    );
    assert_eq!(server.get("Accounts/$count").await.text, "14");
}

#[tokio::test]
async fn a_thousand_updates_are_one_batch_and_more_are_refused() {
    let server = Running::with_data(6_000).await;
    let (rows, _) = server
        .pages("Contacts?$top=1000&$select=id", "odata.maxpagesize=1000")
        .await;
    let update = |(n, row): (usize, &Value)| {
        let url = format!("Contacts({})", row["id"].as_str().unwrap());
        json!({"id": n.to_string(), "method": "PATCH", "url": url, "headers": {"if-match": row["@odata.etag"]}, "body": {"title": "Changed"}})
    };
    let requests: Vec<Value> = rows.iter().enumerate().map(update).collect();
    let responses = batch(&server, &json!(requests)).await;
    assert_eq!(responses.len(), 1_000);
    assert!(
        responses
            .iter()
            .enumerate()
            .all(|(n, r)| r["status"] == 204 && r["id"].as_str() == Some(&n.to_string()))
    );
    let changed = server
        .get("Contacts?$filter=title eq 'Changed'&$count=true&$top=0")
        .await
        .json();
    assert_eq!(changed["@odata.count"], 1_000);
    let many: Vec<Value> = (0..1_001)
        .map(|n| json!({"id": n.to_string(), "method": "GET", "url": "Accounts/$count"}))
        .collect();
    let body = json!({"requests": many}).to_string();
    server
        .send("POST", "$batch", &[], &body)
        .await
        .refused(413, "BatchTooLarge");
}

#[tokio::test]
async fn malformed_batches_do_nothing() {
    let server = Running::with_data(100).await;
    let add = json!({"id": "1", "method": "POST", "url": "Accounts", "body": {"name": "never"}});
    for requests in [
        json!([add, add]),
        json!([add, {"id": "2", "dependsOn": ["3"], "method": "GET", "url": "Accounts"}]),
        json!([add, {"id": "2", "method": "GET", "url": "Accounts", "headers": {"authorization": "Basic x"}}]),
        json!([add, {"id": "2"}]),
    ] {
        let body = json!({"requests": requests}).to_string();
        server
            .send("POST", "$batch", &[], &body)
            .await
            .refused(400, "InvalidBatch");
    }
    assert_eq!(server.get("Accounts/$count").await.text, "14");
    server
        .send("POST", "$batch", &[], &"x".repeat(9 << 20))
        .await
        .refused(413, "BodyTooLarge");
}

#[tokio::test]
async fn multipart_works_with_change_sets() {
    let server = Running::with_data(100).await;
    let part = |id: &str, name: &str| {
        format!(
            "--set\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {id}\r\n\r\n\
             POST Accounts HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{{\"name\":{name}}}\r\n"
        )
    };
    let body = format!(
        "--outer\r\nContent-Type: multipart/mixed; boundary=set\r\n\r\n{}{}--set--\r\n--outer--\r\n",
        part("1", "\"Plover\""),
        part("2", "\"Curlew\"")
    );
    let headers = [("content-type", "multipart/mixed; boundary=outer")];
    let reply = server.send("POST", "$batch", &headers, &body).await.expect(200);
    assert_eq!(
        reply.text.matches("HTTP/1.1 201 Created").count(),
        2,
        "{}",
        reply.text
    );
    let bad = body.replace("\"Curlew\"", "7");
    let reply = server.send("POST", "$batch", &headers, &bad).await.expect(200);
    assert_eq!(reply.text.matches("HTTP/1.1 4").count(), 1, "{}", reply.text);
    assert_eq!(server.get("Accounts/$count").await.text, "16");
}
