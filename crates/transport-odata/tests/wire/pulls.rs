//! Pulls and sweeps: what arrives from services that are good, poor or hostile.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::memory::{Nature, State, Write, start};
use crate::support::{Answer, Service, entity, error, field, guid, json, pull_of, schema};
use driftless_record::{RecordId, Value};
use driftless_transport::{
    ChangeDetection, Checkpoint, CompareAndSet, Deletions, Page, PullRequest, SweepRequest, Transport,
    TransportError,
};
use driftless_transport_odata::ODataTransport;
use proptest::prelude::*;

/// What a device has: the name by record.
type Device = BTreeMap<RecordId, Value>;

async fn pull(
    transport: &ODataTransport,
    name: &str,
    from: Option<Checkpoint>,
    device: &mut Device,
) -> Checkpoint {
    let schema = schema();
    let mut request = PullRequest {
        checkpoint: from,
        ..pull_of(&schema, name, 3)
    };
    for _ in 0..1000 {
        let page = transport.pull(&request).await.unwrap();
        apply(&page, device);
        request.checkpoint = Some(page.next.clone());
        if page.last {
            return page.next;
        }
    }
    panic!("the pull does not end");
}

fn apply(page: &Page, device: &mut Device) {
    let at = page
        .rows
        .columns
        .iter()
        .position(|column| *column == field("name"))
        .unwrap();
    for row in &page.rows.rows {
        device.insert(row.id.clone(), row.values[at].clone());
    }
    for removal in &page.removed {
        device.remove(&removal.id);
    }
}

async fn sweep(transport: &ODataTransport, name: &str, device: &mut Device) {
    let schema = schema();
    let mut request = SweepRequest {
        schema: Arc::clone(&schema),
        entity: entity(&schema, name),
        filter: None,
        checkpoint: None,
        max_rows: 4,
    };
    let mut found = Vec::new();
    loop {
        let page = transport.sweep(&request).await.unwrap();
        found.extend(page.ids.into_iter().map(|(id, _)| id));
        match page.next {
            Some(next) => request.checkpoint = Some(next),
            None => break,
        }
    }
    assert!(
        found.windows(2).all(|pair| pair[0] < pair[1]),
        "each id once, in order"
    );
    device.retain(|id, _| found.contains(id));
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        4 => (0u8..24).prop_map(Write::Put),
        1 => (0u8..24).prop_map(Write::PutLate),
        2 => (0u8..24).prop_map(Write::Delete),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_changes_while_a_set_is_read_arrives_with_it_or_the_next(
        before in proptest::collection::vec(write(), 0..40),
        during in proptest::collection::vec(proptest::collection::vec(write(), 0..3), 0..20),
        page in 1usize..6,
        way in 0usize..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let name = if way == 3 { "Tags" } else { "Accounts" };
            let mut state = State::default();
            for write in before {
                state.write(name, write);
            }
            state.coming = during;
            let state = Arc::new(Mutex::new(state));
            let nature = Nature { page, tracks: way == 1, blurs: way == 2 };
            let service = start(name, nature, Arc::clone(&state)).await;
            let transport = service.transport();
            let mut device = Device::new();
            let first = pull(&transport, name, None, &mut device).await;
            state.lock().unwrap().coming.clear();
            // Another process goes on with what the checkpoint says.
            let transport = service.transport();
            pull(&transport, name, Some(first), &mut device).await;
            if way != 1 {
                sweep(&transport, name, &mut device).await;
            }
            let server: Device =
                state.lock().unwrap().records.values().map(|r| (r.id.clone(), r.value(&field("name")).clone())).collect();
            assert_eq!(device, server);
        });
    }
}

#[tokio::test]
async fn capabilities_are_what_the_service_shows() {
    for (name, tracks, want) in [
        (
            "Accounts",
            true,
            (
                ChangeDetection::Delta,
                Deletions::Reported,
                CompareAndSet::Revision,
            ),
        ),
        (
            "Accounts",
            false,
            (
                ChangeDetection::Watermark,
                Deletions::Sweep,
                CompareAndSet::Revision,
            ),
        ),
        (
            "Tags",
            false,
            (
                ChangeDetection::FullRead,
                Deletions::Sweep,
                CompareAndSet::Revision,
            ),
        ),
    ] {
        let mut state = State::default();
        state.write(name, Write::Put(1));
        let nature = Nature {
            page: 10,
            tracks,
            blurs: false,
        };
        let service = start(name, nature, Arc::new(Mutex::new(state))).await;
        let got = service
            .transport()
            .capabilities(&entity(&schema(), name))
            .await
            .unwrap();
        assert_eq!(
            (got.changes, got.deletions, got.compare_and_set),
            want,
            "{name} {tracks}"
        );
        assert!(!got.stamps);
    }
}

#[tokio::test]
async fn a_set_goes_on_where_it_was_cut() {
    let mut state = State::default();
    for n in 0..20 {
        state.write("Accounts", Write::Put(n));
    }
    let state = Arc::new(Mutex::new(state));
    for tracks in [true, false] {
        let nature = Nature {
            page: 3,
            tracks,
            blurs: false,
        };
        let service = start("Accounts", nature, Arc::clone(&state)).await;
        let schema = schema();
        let mut request = pull_of(&schema, "Accounts", 100);
        let mut rows = 0;
        loop {
            // Every page by a process of its own, asked for twice.
            let once = service.transport().pull(&request).await.unwrap();
            let twice = service.transport().pull(&request).await.unwrap();
            assert_eq!((&once.rows, &once.next), (&twice.rows, &twice.next));
            rows += once.rows.rows.len();
            request.checkpoint = Some(once.next);
            if once.last {
                break;
            }
        }
        assert_eq!(rows, 20, "tracks: {tracks}");
    }
}

#[tokio::test]
async fn composite_keys_are_read_in_their_order() {
    let service = Service::start(|seen| {
        let rows: Vec<String> = [("a", 1), ("a", 2), ("b", 1)]
            .iter()
            .map(|(list, product)| format!(r#"{{"list":"{list}","product":{product},"name":"n"}}"#))
            .collect();
        let query = percent_encoding::percent_decode_str(&seen.query)
            .decode_utf8_lossy()
            .into_owned();
        let page = if query.contains("$filter") {
            assert!(
                query.contains("$filter=list gt 'a' or list eq 'a' and product gt 2&"),
                "{query}"
            );
            &rows[2..]
        } else {
            &rows[..2]
        };
        json(200, format!(r#"{{"value":[{}]}}"#, page.join(",")))
    })
    .await;
    let schema = schema();
    let transport = service.transport();
    let mut request = pull_of(&schema, "Prices", 2);
    let first = transport.pull(&request).await.unwrap();
    assert!(!first.last);
    request.checkpoint = Some(first.next);
    let second = transport.pull(&request).await.unwrap();
    assert!(second.last);
    assert_eq!(second.rows.rows[0].id.as_str(), "list='b',product=1");
}

/// Pulls pages until the end, an error, or too many of them.
async fn pull_to_the_end(service: &Service, name: &str, from: Option<&str>) -> Result<usize, TransportError> {
    let schema = schema();
    let transport = service.transport();
    let mut request = pull_of(&schema, name, 2);
    request.checkpoint = from.map(|text| Checkpoint(text.to_owned()));
    for count in 1..5_000 {
        let page = transport.pull(&request).await?;
        if page.last {
            return Ok(count);
        }
        request.checkpoint = Some(page.next);
    }
    panic!("the pull does not end");
}

const DELTA: &str = r#"{"v":1,"way":"delta","link":"Accounts?$deltatoken=1","pages":0,"empty":0,"is_first_set":false,"high":null}"#;

#[tokio::test]
async fn hostile_pages_are_refused() {
    let row = |n: u128| {
        format!(
            r#"{{"ID":"{}","name":"x","modifiedAt":"2020-01-01T00:00:00Z"}}"#,
            guid(n)
        )
    };
    let deep = format!(
        r#"{{"value":[{{"ID":{}1{}}}]}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let many: Vec<String> = (0..200_000).map(row).collect();
    let own_link = r#"{"value":[],"@odata.nextLink":"Accounts?$deltatoken=1"}"#.to_owned();
    let link = |link: &str| format!(r#"{{"value":[],"@odata.nextLink":"{link}"}}"#);
    for (name, body) in [
        ("next link to itself", own_link),
        (
            "next link to another host",
            link("https://evil.example/odata/Accounts"),
        ),
        (
            "next link to another port",
            link("http://127.0.0.1:1/odata/Accounts"),
        ),
        ("next link without scheme", link("//evil.example/odata/Accounts")),
        ("next link out of the service", link("/other/Accounts")),
        (
            "next link with a user",
            link("http://u:p@127.0.0.1/odata/Accounts"),
        ),
        (
            "delta link elsewhere",
            r#"{"value":[],"@odata.deltaLink":"https://evil.example/x"}"#.to_owned(),
        ),
        ("no link at all", r#"{"value":[]}"#.to_owned()),
        ("deep", deep),
        ("not JSON", "hello".to_owned()),
        ("cut", r#"{"value":[{"ID":"#.to_owned()),
        ("no page", "[]".to_owned()),
        ("no value", "{}".to_owned()),
        (
            "error inside",
            r#"{"value":[{"ID":"#.to_owned()
                + r#""00000000-0000-0000-0000-000000000001"}],"error":{"code":"x","message":"y"}}"#,
        ),
        (
            "row without key",
            r#"{"value":[{"name":"x"}],"@odata.deltaLink":"A"}"#.to_owned(),
        ),
        (
            "name given twice",
            format!(
                r#"{{"value":[{{"ID":"{0}","ID":"{0}"}}],"@odata.deltaLink":"A"}}"#,
                guid(1)
            ),
        ),
        (
            "wrong type",
            format!(
                r#"{{"value":[{{"ID":"{}","name":7}}],"@odata.deltaLink":"A"}}"#,
                guid(1)
            ),
        ),
        (
            "too many rows",
            format!(r#"{{"value":[{}],"@odata.deltaLink":"A"}}"#, many.join(",")),
        ),
    ] {
        let service = Service::start(move |_| json(200, body.clone())).await;
        let refused = pull_to_the_end(&service, "Accounts", Some(DELTA))
            .await
            .unwrap_err();
        assert!(
            matches!(refused, TransportError::Protocol(_)),
            "{name}: {refused:?}"
        );
        assert!(
            service.seen().len() <= 3,
            "{name}: asked {} times",
            service.seen().len()
        );
    }
}

#[tokio::test]
async fn pages_without_end_are_refused() {
    let service = Service::start(|seen| {
        let n: u64 = seen
            .query
            .rsplit('=')
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        json(
            200,
            format!(
                r#"{{"value":[],"@odata.nextLink":"Accounts?$deltatoken={}"}}"#,
                n + 1
            ),
        )
    })
    .await;
    let refused = pull_to_the_end(&service, "Accounts", Some(DELTA))
        .await
        .unwrap_err();
    assert!(matches!(refused, TransportError::Protocol(_)), "{refused:?}");

    // A service that passes over the filter gives the same page for ever.
    for name in ["Accounts", "Tags"] {
        let row = |n: u128| {
            format!(
                r#"{{"ID":"{}","name":"x","modifiedAt":"2020-01-01T00:00:0{n}Z"}}"#,
                guid(n)
            )
        };
        let body = format!(r#"{{"value":[{},{}]}}"#, row(1), row(2));
        let service = Service::start(move |_| json(200, body.clone())).await;
        let refused = pull_to_the_end(&service, name, None).await.unwrap_err();
        assert!(matches!(refused, TransportError::Protocol(_)), "{refused:?}");
        assert!(service.seen().len() < 10);
    }
}

#[tokio::test]
async fn answers_that_are_no_pages_say_what_to_do() {
    let html = || {
        Answer(
            200,
            vec![("content-type", "text/html".to_owned())],
            b"<html>".to_vec(),
        )
    };
    let throttled = || error(429, "C").with("retry-after", "7");
    type Case = (&'static str, fn() -> Answer, fn(&TransportError) -> bool);
    let cases: [Case; 7] = [
        (
            "gone",
            || error(410, "C"),
            |e| *e == TransportError::CheckpointGone,
        ),
        (
            "expired as Dataverse says it",
            || error(400, "0x80044352"),
            |e| *e == TransportError::CheckpointGone,
        ),
        ("captive", html, |e| matches!(e, TransportError::NotOurs { .. })),
        (
            "signed out",
            || error(401, "C"),
            |e| matches!(e, TransportError::SignIn { .. }),
        ),
        (
            "too fast",
            throttled,
            |e| matches!(e, TransportError::Throttled { after } if after.as_secs() == 7),
        ),
        (
            "broken",
            || error(500, "C"),
            |e| matches!(e, TransportError::Lost { .. }),
        ),
        (
            "forbidden",
            || error(403, "C"),
            |e| matches!(e, TransportError::Refused(_)),
        ),
    ];
    for (name, answer, want) in cases {
        let service = Service::start(move |_| answer()).await;
        let refused = pull_to_the_end(&service, "Accounts", Some(DELTA))
            .await
            .unwrap_err();
        assert!(want(&refused), "{name}: {refused:?}");
    }
    let service = Service::start(|_| error(500, "C")).await;
    for text in ["", "hello", r#"{"v":9,"way":"full"}"#] {
        let refused = pull_to_the_end(&service, "Accounts", Some(text))
            .await
            .unwrap_err();
        assert_eq!(refused, TransportError::CheckpointGone, "{text}");
    }
}

#[tokio::test]
async fn a_record_is_fetched_or_known_to_be_missing() {
    let found = format!(
        r#"{{"@odata.etag":"W/\"1\"","ID":"{}","name":"x","modifiedAt":null}}"#,
        guid(1)
    );
    let service = Service::start(move |seen| {
        if seen.path.contains("000001)") {
            json(200, found.clone())
        } else if seen.path.contains("000002)") {
            error(404, "404")
        } else if seen.path.contains("000003)") {
            json(200, found.clone())
        } else {
            Answer(404, Vec::new(), b"gateway".to_vec())
        }
    })
    .await;
    let (transport, schema) = (service.transport(), schema());
    let accounts = entity(&schema, "Accounts").name.clone();
    let fetched = transport
        .fetch(&schema, &accounts, &guid(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(fetched.record.revision.unwrap().0, "W/\"1\"");
    assert_eq!(transport.fetch(&schema, &accounts, &guid(2)).await.unwrap(), None);
    let other = transport.fetch(&schema, &accounts, &guid(3)).await.unwrap_err();
    assert!(
        matches!(other, TransportError::Protocol(_)),
        "another record is no answer: {other:?}"
    );
    let foreign = transport.fetch(&schema, &accounts, &guid(4)).await.unwrap_err();
    assert!(
        matches!(foreign, TransportError::Refused(_)),
        "a gateway's 404 proves nothing: {foreign:?}"
    );
}

#[tokio::test]
async fn signing_in_takes_an_answer_that_needs_it() {
    let document = r#"{"value":[{"name":"Accounts","url":"Accounts"}]}"#;
    let service = Service::start(move |seen| match seen.path.as_str() {
        "" => json(200, document),
        _ if seen.header("authorization") == "Basic YW5uOnNlY3JldA==" => json(200, r#"{"value":[]}"#),
        _ => error(401, "C"),
    })
    .await;
    let contact = service.transport().contact().await.unwrap();
    assert_eq!(
        (contact.user.0.as_str(), contact.tenant.0.as_str()),
        ("ann", service.root.as_str())
    );
    assert!(contact.server_time.is_some());
    let service = Service::start(move |seen| match seen.path.as_str() {
        "" => json(200, document),
        _ => error(401, "C"),
    })
    .await;
    let refused = service.transport().contact().await.unwrap_err();
    assert!(matches!(refused, TransportError::SignIn { .. }), "{refused:?}");
    assert_eq!(service.transport().settings().await.unwrap(), None);
}
