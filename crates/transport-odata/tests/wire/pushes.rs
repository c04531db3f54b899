//! Pushes to services of all kinds: which requests leave, and what their answers prove.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Answer, Seen, Service, error, item, json, named, schema};
use driftless_odata::batch::{
    BatchLimits, Response, read_json_requests, read_multipart_requests, write_json_responses,
    write_multipart_responses,
};
use driftless_record::{CauseClass, ChangeAction, Condition, RecordId, RequestId, Revision};
use driftless_transport::{PushItem, PushReply, PushResult, Transport, TransportError};
use uuid::Uuid;

fn create(n: u128, after: &[u128]) -> PushItem {
    item(n, ChangeAction::Create(named("x")), Condition::Absent, after)
}

fn update(n: u128) -> PushItem {
    item(
        n,
        ChangeAction::Update(named("y")),
        Condition::Revision(Revision("W/\"1\"".to_owned())),
        &[],
    )
}

fn delete(n: u128) -> PushItem {
    item(n, ChangeAction::Delete, Condition::Exists, &[])
}

/// One word per item, in order.
fn words(reply: &PushReply, items: &[PushItem]) -> String {
    let word = |item: &PushItem| match reply.results.get(&item.sending.id) {
        Some(PushResult::Done { revision, .. }) => {
            format!(
                "done{}",
                revision.as_ref().map(|r| format!("({r})")).unwrap_or_default()
            )
        }
        Some(PushResult::Ran { made, .. }) => format!("ran{made:?}"),
        Some(PushResult::Failed { cause, .. }) => format!("{:?}", cause.class).to_ascii_lowercase(),
        Some(PushResult::Skipped) => "skipped".to_owned(),
        Some(PushResult::Unknown) => "unknown".to_owned(),
        None => "missing".to_owned(),
    };
    items.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Answers a JSON batch with a status for each request.
fn batch_answer(seen: &Seen, status: impl Fn(&driftless_odata::batch::Request) -> u16) -> Answer {
    let requests = read_json_requests(&seen.body, &BatchLimits::default()).unwrap();
    let responses: Vec<_> = requests
        .iter()
        .map(|request| Response {
            id: Some(request.id.clone()),
            status: status(request),
            headers: vec![("etag".to_owned(), format!("W/\"{}\"", request.id))],
            ..Response::default()
        })
        .collect();
    json(200, write_json_responses(&responses))
}

#[tokio::test]
async fn a_change_alone_goes_as_one_request_under_its_condition() {
    let service = Service::start(|seen| match seen.method.as_str() {
        "DELETE" => Answer(204, Vec::new(), Vec::new()),
        _ => Answer(204, vec![("etag", "W/\"7\"".to_owned())], Vec::new()),
    })
    .await;
    let (transport, schema) = (service.transport(), schema());
    for (item, want) in [
        (create(1, &[]), "done(W/\"7\")"),
        (update(2), "done(W/\"7\")"),
        (delete(3), "done"),
    ] {
        let items = [item];
        assert_eq!(
            words(&transport.push(&schema, &items).await.unwrap(), &items),
            want
        );
    }
    let seen = service.seen();
    let lines: Vec<_> = seen
        .iter()
        .map(|s| {
            format!(
                "{} {} [{}] {}",
                s.method,
                s.path,
                s.header("if-match"),
                String::from_utf8_lossy(&s.body)
            )
        })
        .collect();
    let id = |n: u128| Uuid::from_u128(n);
    assert_eq!(
        lines,
        [
            format!("POST Accounts [] {{\"ID\":\"{}\",\"name\":\"x\"}}", id(1)),
            format!("PATCH Accounts({}) [W/\"1\"] {{\"name\":\"y\"}}", id(2)),
            format!("DELETE Accounts({}) [*] ", id(3)),
        ]
    );
    assert_eq!(seen[0].header("repeatability-request-id"), id(1).to_string());
    assert_eq!(
        seen[0].header("repeatability-first-sent"),
        "Sun, 06 Nov 1994 08:49:37 GMT"
    );
    assert_eq!(
        seen[1].header("repeatability-request-id"),
        "",
        "nobody answered the first one"
    );
    assert_eq!(
        seen[1].header("content-type"),
        "application/json;IEEE754Compatible=true"
    );
}

#[tokio::test]
async fn answers_to_a_change_alone_are_classified() {
    let html = || {
        Answer(
            403,
            vec![("content-type", "text/html".to_owned())],
            b"<html>".to_vec(),
        )
    };
    for (status, want) in [
        (400, "validation"),
        (403, "permission"),
        (404, "gone"),
        (409, "conflict"),
        (412, "precondition"),
        (413, "toolarge"),
        (428, "precondition"),
        (500, "unknown"),
    ] {
        let service = Service::start(move |_| error(status, "C")).await;
        let items = [update(1)];
        let reply = service.transport().push(&schema(), &items).await.unwrap();
        assert_eq!(words(&reply, &items), want, "{status}");
        if let Some(PushResult::Failed { cause, .. }) = reply.results.get(&items[0].sending.id) {
            assert_eq!((cause.code.as_str(), cause.text.as_str()), ("C", "no"));
            assert_eq!(cause.field.as_ref().map(|name| name.as_str()), Some("name"));
        }
    }
    let service = Service::start(|_| Answer(404, Vec::new(), b"gateway".to_vec())).await;
    let items = [delete(1)];
    let reply = service.transport().push(&schema(), &items).await.unwrap();
    assert_eq!(
        words(&reply, &items),
        "unknown",
        "a page of somebody else deletes nothing"
    );
    let service = Service::start(move |_| html()).await;
    let refused = service
        .transport()
        .push(&schema(), &[delete(1)])
        .await
        .unwrap_err();
    assert!(matches!(refused, TransportError::NotOurs { .. }), "{refused:?}");
    let service = Service::start(|_| error(401, "C")).await;
    let refused = service
        .transport()
        .push(&schema(), &[delete(1)])
        .await
        .unwrap_err();
    assert!(matches!(refused, TransportError::SignIn { .. }), "{refused:?}");
}

#[tokio::test]
async fn several_changes_go_as_one_json_batch_with_their_dependencies() {
    let service = Service::start(|seen| {
        batch_answer(seen, |request| match request.id.as_str() {
            "1" => 400,
            "2" => 424,
            _ => 204,
        })
    })
    .await;
    let items = [create(1, &[]), create(2, &[1]), update(3), delete(4)];
    let reply = service.transport().push(&schema(), &items).await.unwrap();
    assert_eq!(
        words(&reply, &items),
        "validation skipped done(W/\"3\") done(W/\"4\")"
    );
    let seen = service.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].path.as_str(), seen[0].header("content-type")),
        ("$batch", "application/json")
    );
    let requests = read_json_requests(&seen[0].body, &BatchLimits::default()).unwrap();
    assert_eq!(requests[1].depends_on, ["1"]);
    assert!(requests.iter().all(|r| {
        r.headers
            .iter()
            .all(|(name, _)| *name == name.to_ascii_lowercase())
    }));
    assert!(
        requests[2]
            .headers
            .contains(&("if-match".to_owned(), "W/\"1\"".to_owned()))
    );
}

#[tokio::test]
async fn a_service_without_json_batches_gets_multipart_and_one_without_batches_single_changes() {
    let service = Service::start(|seen| {
        if seen.header("content-type").starts_with("application/json") {
            return error(415, "C");
        }
        let requests =
            read_multipart_requests(seen.header("content-type"), &seen.body, &BatchLimits::default())
                .unwrap();
        let responses: Vec<_> = requests
            .iter()
            .enumerate()
            .map(|(place, _)| Response {
                place,
                status: 204,
                ..Response::default()
            })
            .collect();
        let (content_type, body) = write_multipart_responses(&responses, "seed");
        Answer(200, vec![("content-type", content_type)], body)
    })
    .await;
    let items = [create(1, &[]), update(2), create(3, &[1]), update(4)];
    let transport = service.transport();
    let reply = transport.push(&schema(), &items).await.unwrap();
    assert_eq!(
        words(&reply, &items),
        "done done skipped skipped",
        "3 waits for 1, which multipart cannot say"
    );
    assert_eq!(service.seen().len(), 2);
    transport.push(&schema(), &items[..2]).await.unwrap();
    assert_eq!(service.seen().len(), 3, "the form is remembered");

    let service = Service::start(|seen| match seen.path.as_str() {
        "$batch" => error(501, "C"),
        _ if seen.method == "GET" => json(200, r#"{"value":[]}"#),
        _ => Answer(204, Vec::new(), Vec::new()),
    })
    .await;
    let transport = service.transport();
    let reply = transport.push(&schema(), &items).await.unwrap();
    assert_eq!(words(&reply, &items), "done skipped skipped skipped");
    let methods: Vec<_> = service
        .seen()
        .iter()
        .map(|s| format!("{} {}", s.method, s.path))
        .collect();
    assert_eq!(methods, ["POST $batch", "POST $batch", "POST Accounts"]);
    let accounts = transport
        .capabilities(&crate::support::entity(&schema(), "Accounts"))
        .await
        .unwrap();
    assert_eq!(accounts.batch.limit, 1);
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_halved_and_what_is_left_out_is_not_done() {
    let service = Service::start(|seen| {
        let requests = read_json_requests(&seen.body, &BatchLimits::default()).unwrap();
        if requests.len() > 3 {
            error(413, "C")
        } else {
            batch_answer(seen, |_| 204)
        }
    })
    .await;
    let items: Vec<_> = (1..=10).map(|n| create(n, &[])).collect();
    let transport = service.transport();
    let reply = transport.push(&schema(), &items).await.unwrap();
    let words = words(&reply, &items);
    let done = words.matches("done").count();
    assert!((1..=3).contains(&done), "{words}");
    assert_eq!(words.matches("skipped").count(), 10 - done);
    let before = service.seen().len();
    transport.push(&schema(), &items).await.unwrap();
    assert_eq!(service.seen().len(), before + 1, "the limit is remembered");
}

#[tokio::test]
async fn a_batch_cut_short_proves_only_what_came_completely() {
    let body = br#"{"responses":[{"id":"1","status":204,"headers":{}},{"id":"2","status":412,"headers":{}},{"id":"3","sta"#;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len() + 50
    );
    let root = cutting_service([head.as_bytes(), body].concat()).await;
    let items = [create(1, &[]), update(2), update(3), update(4)];
    let reply = crate::support::transport(&root)
        .push(&schema(), &items)
        .await
        .unwrap();
    assert_eq!(words(&reply, &items), "done precondition unknown unknown");

    let root = cutting_service(Vec::new()).await;
    let lost = crate::support::transport(&root)
        .push(&schema(), &items)
        .await
        .unwrap_err();
    assert!(
        matches!(lost, TransportError::Lost { .. }) && lost.may_have_happened(),
        "{lost:?}"
    );
}

/// A service that answers reads as it should and every write with the same bytes, after which it hangs up.
async fn cutting_service(answer: Vec<u8>) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 64 << 10];
                let size = stream.read(&mut request).await.unwrap_or(0);
                let text = String::from_utf8_lossy(&request[..size]).into_owned();
                let answer = if text.contains("$metadata") {
                    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/xml\r\n";
                    format!(
                        "{head}Content-Length: {}\r\n\r\n{}",
                        crate::support::METADATA.len(),
                        crate::support::METADATA
                    )
                    .into()
                } else if text.starts_with("GET") {
                    b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec()
                } else {
                    answer
                };
                let _ = stream.write_all(&answer).await;
            });
        }
    });
    format!("http://{address}/odata/")
}

#[tokio::test]
async fn batch_answers_that_do_not_fit_prove_nothing() {
    let ok = |id: &str| Response {
        id: Some(id.to_owned()),
        status: 204,
        ..Response::default()
    };
    for (name, responses, want) in [
        ("missing", vec![ok("1")], "done unknown"),
        ("twice", vec![ok("1"), ok("1"), ok("2")], "unknown done"),
        ("other ids", vec![ok("7"), ok("8")], "unknown unknown"),
        ("any order", vec![ok("2"), ok("1")], "done done"),
    ] {
        let body = write_json_responses(&responses);
        let service = Service::start(move |_| json(200, body.clone())).await;
        let items = [update(1), update(2)];
        let reply = service.transport().push(&schema(), &items).await.unwrap();
        assert_eq!(words(&reply, &items), want, "{name}");
    }
    for body in ["", "{}", "[]", "null", "{\"responses\":7}", "hello"] {
        let service = Service::start(move |_| json(200, body)).await;
        let items = [update(1), update(2)];
        match service.transport().push(&schema(), &items).await {
            Ok(reply) => assert_eq!(words(&reply, &items), "unknown unknown", "{body}"),
            Err(error) => assert!(error.may_have_happened(), "{body}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn request_ids_are_kept_up_where_they_are_answered_and_left_out_where_they_are_refused() {
    let service = Service::start(|_| {
        Answer(
            204,
            vec![("repeatability-result", "accepted".to_owned())],
            Vec::new(),
        )
    })
    .await;
    let transport = service.transport();
    for n in 1..=2 {
        transport.push(&schema(), &[create(n, &[])]).await.unwrap();
    }
    assert!(
        service
            .seen()
            .iter()
            .all(|seen| !seen.header("repeatability-request-id").is_empty())
    );

    let count = Arc::new(AtomicUsize::new(0));
    let effects = Arc::clone(&count);
    let service = Service::start(move |seen| {
        if seen.headers.contains_key("repeatability-request-id") {
            return error(501, "C").with("repeatability-result", "rejected");
        }
        effects.fetch_add(1, Ordering::Relaxed);
        Answer(204, Vec::new(), Vec::new())
    })
    .await;
    let transport = service.transport();
    let items = [create(1, &[])];
    assert_eq!(
        words(&transport.push(&schema(), &items).await.unwrap(), &items),
        "skipped"
    );
    assert_eq!(
        words(&transport.push(&schema(), &items).await.unwrap(), &items),
        "done"
    );
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_change_that_cannot_be_written_holds_up_no_other() {
    let service = Service::start(|_| Answer(204, Vec::new(), Vec::new())).await;
    let mut broken = update(1);
    broken.sending.change.record = driftless_record::RecordId::from_canonical("no guid");
    let items = [broken, update(2)];
    let reply = service.transport().push(&schema(), &items).await.unwrap();
    assert_eq!(words(&reply, &items), "unsupported done");
    let unsendable = item(
        3,
        ChangeAction::Delete,
        Condition::Revision(Revision("W/\"1\"\r\nX-Evil: 1".to_owned())),
        &[],
    );
    let items = [unsendable];
    let reply = service.transport().push(&schema(), &items).await.unwrap();
    assert_eq!(words(&reply, &items), "unsupported");
    assert_eq!(service.seen().len(), 1);
    let cause = match reply.results.get(&RequestId(Uuid::from_u128(3))) {
        Some(PushResult::Failed { cause, .. }) => cause.class,
        other => panic!("{other:?}"),
    };
    assert_eq!(cause, CauseClass::Unsupported);
}

/// What the device calls a record until its key is made is its own affair; what the service calls it is in the answer,
/// shown whole or only linked to.
#[tokio::test]
async fn l35_a_key_that_the_service_makes_is_read_from_its_answer_and_the_temporary_one_is_not_sent() {
    let shown = || json(201, r#"{"ID":41,"name":"X"}"#);
    let linked = || {
        Answer(
            204,
            vec![("odata-entityid", "/odata/Orders(41)".to_owned())],
            Vec::new(),
        )
    };
    let located = || {
        Answer(
            204,
            vec![("location", "/odata/Orders(41)".to_owned())],
            Vec::new(),
        )
    };
    let answers: [fn() -> Answer; 3] = [shown, linked, located];
    for answer in answers {
        let service = Service::start(move |_| answer()).await;
        let mut item = create(1, &[]);
        item.sending.change.entity = "Orders".try_into().unwrap();
        item.sending.change.record = RecordId::from_canonical("-7");
        let reply = service
            .transport()
            .push(&schema(), &[item.clone()])
            .await
            .unwrap();
        let Some(PushResult::Done {
            record: Some(record), ..
        }) = reply.results.get(&item.sending.id)
        else {
            panic!("{reply:?}");
        };
        assert_eq!(record.record.id.as_str(), "41");
        let seen = service.seen().remove(0);
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "Orders"));
        assert_eq!(String::from_utf8_lossy(&seen.body), r#"{"name":"x"}"#);
        assert_eq!(seen.header("prefer"), "return=representation");
    }
}
