//! Whatever happens while pages and changes are read, a reader ends up with what the server has.

use std::collections::BTreeMap;

use driftless_record::Timestamp;
use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::request::Request;
use crate::server::Server;
use crate::service::Service;
use crate::{ServerOptions, db};

const ROOT: &str = "http://test/";
/// Ids of positions that come and go.
const IDS: u8 = 6;

fn request(method: Method, url: &str, headers: &[(&'static str, &str)], body: &Value) -> Request {
    let url = url.strip_prefix(ROOT).unwrap_or(url);
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut map = HeaderMap::new();
    // admin:driftless
    map.insert(
        "authorization",
        HeaderValue::from_static("Basic YWRtaW46ZHJpZnRsZXNz"),
    );
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_str(value).unwrap());
    }
    Request {
        method,
        path: path.to_owned(),
        query: query.replace(' ', "%20"),
        headers: map,
        body: body.to_string().into_bytes(),
        root: ROOT.to_owned(),
    }
}

fn json_of(service: &Service, request: &Request) -> (u16, Value) {
    let reply = service.respond(request, Timestamp(1_795_000_000_000));
    let body = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    (reply.status.as_u16(), body)
}

fn id(n: u8) -> Uuid {
    Uuid::from_u128(u128::from(n) + 1)
}

/// What somebody else does.
#[derive(Debug, Clone)]
enum Act {
    /// Creates or changes a record; in or out of the reader's filter.
    Put(u8, bool),
    /// Deletes a record.
    Delete(u8),
    /// Creates and changes several in one batch, some of which fail.
    Batch(Vec<(u8, bool)>),
    /// The reader reads one page.
    Read,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let put = (0..IDS, any::<bool>());
    let act = prop_oneof![
        3 => put.clone().prop_map(|(n, inside)| Act::Put(n, inside)),
        2 => (0..IDS).prop_map(Act::Delete),
        1 => proptest::collection::vec(put, 1..4).prop_map(Act::Batch),
        5 => Just(Act::Read),
    ];
    proptest::collection::vec(act, 1..40)
}

/// A record of an id; the reader asks for names that begin with `In`.
fn put(service: &Service, n: u8, inside: bool) {
    let body = json!({"name": if inside { "In" } else { "Out" }});
    let path = format!("Positions({})", id(n));
    let exists = json_of(service, &request(Method::GET, &path, &[], &Value::Null)).0 == 200;
    let condition = if exists {
        ("if-match", "*")
    } else {
        ("if-none-match", "*")
    };
    let (status, reply) = json_of(service, &request(Method::PATCH, &path, &[condition], &body));
    assert!(status < 300, "{reply}");
}

/// What a reader has, by id.
struct Replica {
    rows: BTreeMap<String, Value>,
    next: String,
}

impl Replica {
    /// Reads one page; returns whether it was one of changes and said that there are none.
    fn read(&mut self, service: &Service, size: &str) -> bool {
        let is_delta = self.next.contains("$deltatoken");
        let prefer = [("prefer", "track-changes"), ("prefer", size)];
        let (status, page) = json_of(service, &request(Method::GET, &self.next, &prefer, &Value::Null));
        assert_eq!(status, 200, "{page}");
        for row in page["value"].as_array().unwrap() {
            match row.get("@id").and_then(Value::as_str) {
                Some(link) => {
                    let id = link.split(['(', ')']).nth(1).unwrap();
                    self.rows.remove(id);
                }
                None => {
                    self.rows
                        .insert(row["id"].as_str().unwrap().to_owned(), row.clone());
                }
            }
        }
        let is_last = page.get("@odata.deltaLink").is_some();
        let link = page.get("@odata.nextLink").or(page.get("@odata.deltaLink"));
        link.unwrap().as_str().unwrap().clone_into(&mut self.next);
        is_delta && is_last && page["value"].as_array().is_some_and(Vec::is_empty)
    }
}

#[test]
fn a_reader_never_misses_a_change() {
    let options = ServerOptions {
        seed_data: Some(60),
        ..ServerOptions::default()
    };
    let server = Server::open(options).unwrap();
    let service = server.service();
    let config = ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(acts in acts(), size in 1..4u8, filtered in any::<bool>())| {
        let set = if filtered { "Positions?$filter=startswith(name,'In')" } else { "Positions" };
        let size = format!("odata.maxpagesize={size}");
        let mut replica = Replica { rows: BTreeMap::new(), next: set.to_owned() };
        for act in acts {
            match act {
                Act::Put(n, inside) => put(service, n, inside),
                Act::Delete(n) => {
                    let path = format!("Positions({})", id(n));
                    json_of(service, &request(Method::DELETE, &path, &[("if-match", "*")], &Value::Null));
                }
                Act::Batch(puts) => {
                    let part = |(place, (n, inside)): (usize, &(u8, bool))| json!({
                        "id": place.to_string(), "method": "PATCH", "url": format!("Positions({})", id(*n)),
                        "headers": {"if-match": "*"}, "body": {"name": if *inside { "In batch" } else { "Out" }},
                    });
                    let parts: Vec<Value> = puts.iter().enumerate().map(part).collect();
                    let (status, _) = json_of(service, &request(Method::POST, "$batch", &[], &json!({"requests": parts})));
                    prop_assert_eq!(status, 200);
                }
                Act::Read => { replica.read(service, &size); }
            }
        }
        while !replica.read(service, &size) {}
        let everything = format!("{set}{}$top=5000", if filtered { "&" } else { "?" });
        let (_, whole) = json_of(service, &request(Method::GET, &everything, &[("prefer", "odata.maxpagesize=5000")], &Value::Null));
        let whole: BTreeMap<String, Value> = whole["value"].as_array().unwrap().iter()
            .map(|row| (row["id"].as_str().unwrap().to_owned(), row.clone())).collect();
        prop_assert_eq!(replica.rows, whole);
    });
}

#[test]
fn the_feed_is_in_the_order_of_commits_while_many_write_at_once() {
    let options = ServerOptions {
        seed_data: Some(60),
        ..ServerOptions::default()
    };
    let server = Server::open(options).unwrap();
    let service = server.service();
    let table = service.tables.get("Position").unwrap();
    let mut seen = 0;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4u8)
            .map(|n| scope.spawn(move || (0..50).for_each(|_| put(service, n, true))))
            .collect();
        // Whoever has read up to a number has seen every number before it, whatever commits meanwhile.
        while seen < 200 {
            let (entries, last) = service
                .pool
                .read::<_, rusqlite::Error>(|connection| {
                    let (last, _) = db::state::seq_and_floor(connection)?;
                    Ok((
                        db::feed::entries(connection, table, 60 + seen, last, 10_000)?,
                        last,
                    ))
                })
                .unwrap();
            let numbers: Vec<i64> = entries.iter().map(|entry| entry.seq).collect();
            assert_eq!(numbers, (60 + seen + 1..=last).collect::<Vec<_>>());
            seen = last - 60;
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
}
