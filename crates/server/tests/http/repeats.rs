//! Requests that are sent more than once have their effect once.

use driftless_server::ServerOptions;
use serde_json::json;

use crate::client::Running;

const REQUEST: &str = "5f0c3d3a-4d8e-4f43-93c1-2f7f9c8d1a11";

fn headers<'a>(id: &'a str, sent: &'a str) -> [(&'a str, &'a str); 2] {
    [
        ("repeatability-request-id", id),
        ("repeatability-first-sent", sent),
    ]
}

/// The time of now as the server tells it.
async fn now(server: &Running) -> String {
    server.get("health").await.header("date").unwrap().to_owned()
}

#[tokio::test]
async fn a_repeated_request_gets_its_first_reply_even_from_a_restarted_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ServerOptions::default();
    options.seed_data = Some(100);
    options.data = Some(folder.path().to_owned());
    let server = Running::start(options.clone()).await;
    let sent = now(&server).await;
    let body = json!({"name": "Once"}).to_string();
    let headers = headers(REQUEST, &sent);
    let first = server.send("POST", "Accounts", &headers, &body).await.expect(201);
    assert_eq!(first.header("repeatability-result"), Some("accepted"));
    let again = server.send("POST", "Accounts", &headers, &body).await.expect(201);
    assert_eq!((&again.text, again.etag()), (&first.text, first.etag()));
    server.stop().await;

    let server = Running::start(options).await;
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let later = server.send("POST", "Accounts", &headers, &body).await.expect(201);
    assert_eq!(later.header("repeatability-result"), Some("accepted"));
    assert_eq!(later.json()["id"], id.as_str());
    assert_eq!(server.get("Accounts/$count").await.text, "15");

    let other = json!({"name": "Other"}).to_string();
    let mismatch = server.send("POST", "Accounts", &headers, &other).await;
    assert_eq!(mismatch.header("repeatability-result"), Some("rejected"));
    mismatch.refused(400, "RepeatabilityMismatch");
    // The id is the user's own: another one's request with it is another request.
    let bob = server
        .send_as(Some(("bob", "driftless")), "POST", "Accounts", &headers, &other)
        .await;
    assert_eq!(bob.expect(201).json()["name"], "Other");
    server.stop().await;
}

#[tokio::test]
async fn a_refused_request_is_as_if_never_received() {
    let server = Running::with_data(100).await;
    let sent = now(&server).await;
    let id = "0b5c1b2e-6d8f-4c2a-9a77-1f2e3d4c5b6a";
    let path = format!("Accounts({id})");
    let patch = [
        ("if-match", "*"),
        ("repeatability-request-id", REQUEST),
        ("repeatability-first-sent", &sent),
    ];
    let early = server
        .send("PATCH", &path, &patch, "{\"city\":\"A\"}")
        .await
        .expect(404);
    assert_eq!(early.header("repeatability-result"), Some("rejected"));
    server
        .post("Accounts", &json!({"id": id, "name": "N"}))
        .await
        .expect(201);
    server
        .send("PATCH", &path, &patch, "{\"city\":\"A\"}")
        .await
        .expect(204);
    let tag = server.get(&path).await.etag();
    server
        .send("PATCH", &path, &patch, "{\"city\":\"A\"}")
        .await
        .expect(204);
    assert_eq!(server.get(&path).await.etag(), tag, "the repeat changed nothing");
}

#[tokio::test]
async fn headers_that_cannot_be_kept_to_are_refused() {
    let server = Running::with_data(100).await;
    let sent = now(&server).await;
    for (headers, status, code) in [
        (
            vec![("repeatability-request-id", REQUEST)],
            400,
            "InvalidRepeatability",
        ),
        (headers("not-a-uuid", &sent).to_vec(), 400, "InvalidRepeatability"),
        (
            headers(REQUEST, "yesterday").to_vec(),
            400,
            "InvalidRepeatability",
        ),
        (
            headers(REQUEST, "Sat, 01 Jan 2022 00:00:00 GMT").to_vec(),
            412,
            "RepeatabilityExpired",
        ),
    ] {
        let reply = server
            .send("POST", "Accounts", &headers, "{\"name\":\"never\"}")
            .await;
        assert_eq!(reply.header("repeatability-result"), Some("rejected"));
        reply.refused(status, code);
    }
    let batch = server
        .send("POST", "$batch", &headers(REQUEST, &sent), "{\"requests\":[]}")
        .await;
    batch.refused(400, "InvalidRepeatability");
    assert_eq!(server.get("Accounts/$count").await.text, "14");
}

#[tokio::test]
async fn parts_and_groups_of_a_batch_repeat_by_themselves() {
    let server = Running::with_data(100).await;
    let sent = now(&server).await;
    let part = |id: &str, group: Option<&str>, request: &str, name: &str| {
        json!({"id": id, "atomicityGroup": group, "method": "POST", "url": "Accounts",
            "headers": {"Repeatability-Request-ID": request, "Repeatability-First-Sent": sent}, "body": {"name": name}})
    };
    let two = "77777777-4d8e-4f43-93c1-2f7f9c8d1a11";
    let body = |extra: &str| {
        json!({"requests": [
            part("1", None, REQUEST, "One"),
            part("2", Some("g"), two, "Two"),
            part("3", Some("g"), two, "Three"),
            {"id": "4", "method": "POST", "url": "Accounts", "body": {"name": extra}},
        ]})
        .to_string()
    };
    let first = server
        .send("POST", "$batch", &[], &body("Four"))
        .await
        .expect(200)
        .json();
    let again = server
        .send("POST", "$batch", &[], &body("Five"))
        .await
        .expect(200)
        .json();
    for place in 0..3 {
        assert_eq!(first["responses"][place], again["responses"][place]);
        assert_eq!(
            again["responses"][place]["headers"]["repeatability-result"],
            "accepted"
        );
    }
    assert_ne!(first["responses"][3], again["responses"][3]);
    assert_eq!(server.get("Accounts/$count").await.text, "19");
}
