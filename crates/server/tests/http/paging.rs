//! Pages, queries and delta links.

use std::collections::BTreeMap;

use driftless_server::ServerOptions;
use serde_json::{Value, json};

use crate::client::Running;

#[tokio::test]
async fn pages_and_one_large_page_say_the_same() {
    let server = Running::with_data(3_000).await;
    let (whole, _) = server.pages("Contacts", "odata.maxpagesize=5000").await;
    let (paged, delta) = server.pages("Contacts", "odata.maxpagesize=7").await;
    assert!(whole.len() > 300);
    assert_eq!(whole, paged);
    assert!(delta.is_none(), "nobody asked to track changes");
    let (some, _) = server
        .pages("Contacts?$top=30&$select=full_name", "odata.maxpagesize=7")
        .await;
    assert_eq!(some.len(), 30);
    assert!(some[0].get("email").is_none() && some[0].get("full_name").is_some());
}

#[tokio::test]
async fn filter_order_count_search_skip_and_top_work_together() {
    let server = Running::with_data(3_000).await;
    let query =
        "Accounts?$filter=employees gt 100 and industry eq 'energy'&$orderby=employees desc,name&$count=true";
    let (rows, _) = server.pages(query, "odata.maxpagesize=5").await;
    let employees: Vec<i64> = rows
        .iter()
        .map(|row| row["employees"].as_i64().unwrap())
        .collect();
    assert!(
        employees.len() > 5 && employees.is_sorted_by(|a, b| a >= b) && employees.iter().all(|n| *n > 100)
    );
    let first = server.get(query).await.json();
    assert_eq!(first["@odata.count"], rows.len());
    let third = server.get(&format!("{query}&$skip=2&$top=1")).await.json();
    assert_eq!(third["value"][0], rows[2]);
    let found = server
        .get("Products?$search=ball valve&$top=3")
        .await
        .expect(200)
        .json();
    assert!(
        found["value"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["name"].as_str().unwrap().starts_with("Ball valve"))
    );
    let through = server
        .get("Contacts?$filter=account/city eq 'Leeds'&$count=true&$top=1")
        .await
        .expect(200)
        .json();
    assert!(through["@odata.count"].as_u64().unwrap() > 0);
    let any = server
        .get("Accounts?$filter=contacts/any(c:startswith(c/last_name,'K'))&$top=1")
        .await
        .expect(200)
        .json();
    assert_eq!(any["value"].as_array().unwrap().len(), 1);
    server
        .get("Accounts?$filter=employees gt")
        .await
        .refused(400, "InvalidQuery");
    server
        .get("Accounts?$filter=emploees gt 3")
        .await
        .refused(400, "UnknownProperty");
    let deep = format!(
        "Accounts?$filter={}credit_hold{}",
        "not(".repeat(200),
        ")".repeat(200)
    );
    server.get(&deep).await.refused(400, "InvalidQuery");
    server.get("Nothings").await.refused(404, "NotFound");
}

#[tokio::test]
async fn a_delta_link_tells_changes_additions_and_deletions() {
    let server = Running::with_data(500).await;
    let (rows, link) = server
        .pages(
            "Accounts?$filter=credit_hold eq false",
            "track-changes,odata.maxpagesize=20",
        )
        .await;
    let link = link.unwrap();
    let quiet = server.get(&link).await.expect(200).json();
    assert_eq!(quiet["value"], json!([]));
    let id = |index: usize| rows[index]["id"].as_str().unwrap().to_owned();
    let path = |index: usize| format!("Accounts({})", id(index));
    let any = [("if-match", "*")];
    server
        .send("PATCH", &path(0), &any, "{\"city\":\"Oslo\"}")
        .await
        .expect(204);
    server
        .send("PATCH", &path(1), &any, "{\"credit_hold\":true}")
        .await
        .expect(204);
    server
        .send("PATCH", &path(0), &any, "{\"city\":\"Bergen\"}")
        .await
        .expect(204);
    let new = server
        .post("Accounts", &json!({"name": "New", "credit_hold": false}))
        .await
        .expect(201)
        .json();
    server
        .post("Accounts", &json!({"name": "Held", "credit_hold": true}))
        .await
        .expect(201);
    let doomed = server
        .post("Accounts", &json!({"name": "Doomed", "credit_hold": false}))
        .await
        .expect(201)
        .json();
    let doomed = format!("Accounts({})", doomed["id"].as_str().unwrap());
    server.send("DELETE", &doomed, &any, "").await.expect(204);
    let (changes, next) = server.pages(&link, "").await;
    let told: BTreeMap<&str, &Value> = changes
        .iter()
        .map(|row| match row.get("@id") {
            Some(link) => (link.as_str().unwrap(), &row["@removed"]["reason"]),
            None => (row["id"].as_str().unwrap(), &row["city"]),
        })
        .collect();
    assert_eq!(told.len(), changes.len(), "each record once");
    assert_eq!(told[id(0).as_str()], "Bergen");
    assert_eq!(told[path(1).as_str()], "changed");
    assert_eq!(told[new["id"].as_str().unwrap()], &Value::Null);
    assert_eq!(told[doomed.as_str()], "deleted");
    assert_eq!(server.get(&next.unwrap()).await.json()["value"], json!([]));
    // Clients that know only OData 4.0 are told in its way.
    let old = server
        .send("GET", &link, &[("odata-maxversion", "4.0")], "")
        .await;
    assert_eq!(old.header("odata-version"), Some("4.0"));
    assert!(old.text.contains("#Accounts/$deletedEntity") && !old.text.contains("@removed"));
    // The same changes in small pages, from the same link.
    let small = server
        .send("GET", &link, &[("prefer", "odata.maxpagesize=2")], "")
        .await
        .json();
    assert!(small.get("@odata.deltaLink").is_none());
    let (again, _) = server.pages(&link, "odata.maxpagesize=2").await;
    assert!(again.iter().all(|row| changes.contains(row)));
}

#[tokio::test]
async fn what_changes_while_pages_are_read_is_in_the_delta() {
    let server = Running::with_data(1_000).await;
    let first = server
        .send(
            "GET",
            "Contacts",
            &[("prefer", "track-changes,odata.maxpagesize=10")],
            "",
        )
        .await
        .json();
    let made = server
        .post("Contacts", &json!({"last_name": "Late"}))
        .await
        .expect(201)
        .json();
    let gone = first["value"][0]["id"].as_str().unwrap().to_owned();
    let gone_path = format!("Contacts({gone})");
    server
        .send("DELETE", &gone_path, &[("if-match", "*")], "")
        .await
        .expect(204);
    let (_, link) = server.pages(first["@odata.nextLink"].as_str().unwrap(), "").await;
    let (changes, _) = server.pages(&link.unwrap(), "").await;
    assert!(changes.iter().any(|row| row["id"] == made["id"]));
    assert!(
        changes
            .iter()
            .any(|row| row["@id"] == gone_path && row["@removed"]["reason"] == "deleted")
    );
}

#[tokio::test]
async fn links_that_are_unknown_or_too_old_are_gone() {
    let mut options = ServerOptions::default();
    options.seed_data = Some(200);
    options.feed_kept = 10;
    let server = Running::start(options).await;
    let (_, link) = server.pages("Tasks", "track-changes").await;
    let link = link.unwrap();
    for n in 0..30 {
        server.get(&link).await.expect(if n < 9 {
            200
        } else {
            server.get(&link).await.status
        });
        server
            .post("Tasks", &json!({"subject": format!("Task {n}")}))
            .await
            .expect(201);
    }
    server.get(&link).await.refused(410, "TokenExpired");
    server
        .get("Tasks?$deltatoken=nonsense")
        .await
        .refused(410, "TokenExpired");
    server
        .get("Tasks?$skiptoken=nonsense")
        .await
        .refused(410, "TokenExpired");
    let other = Running::with_data(200).await;
    let (_, foreign) = other.pages("Tasks", "track-changes").await;
    let foreign = foreign.unwrap().replace(&other.url, &server.url);
    server.get(&foreign).await.refused(410, "TokenExpired");
}
