//! What `tests/interop/cap/OBSERVED.md` says of the service, as far as the connector rests on it: literal requests.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{Cap, Fault, MANAGER, Rule, SELLER, Service, client};

const ACCOUNT: &str = "Accounts(00000001-0000-4000-8000-000000000001)";
const GONE: &str = "Accounts(00000001-0000-4000-8000-00000000dead)";
const STALE: &str = "W/\"2001-01-01T00:00:00.000Z\"";

/// A request: method, path, headers, body.
type Row<'a> = (Method, &'a str, &'a [(&'a str, &'a str)], Option<Value>);

/// Sends one request after the other and compares status and error code of each.
async fn check(service: &Service, rows: &[Row<'_>], expected: Expect) {
    let mut seen = String::new();
    for (method, path, headers, body) in rows {
        let reply = service.send(method.clone(), path, headers, body.as_ref()).await;
        let code = reply.json["error"]["code"].as_str().unwrap_or("-");
        let with: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!(" {name}={value}"))
            .collect();
        writeln!(seen, "{method} {path}{}: {} {code}", with.concat(), reply.status).unwrap();
    }
    expected.assert_eq(&seen);
}

#[tokio::test]
async fn single_requests_are_answered_as_observed() {
    let Some(cap) = Cap::start().await else { return };
    let seller = cap.seen_by(SELLER);
    let new = json!({"ID": "10000000-0000-4000-8000-000000000001", "name": "New"});
    let other = json!({"name": "Other"});
    let rows: &[Row<'_>] = &[
        (Method::POST, "Accounts", &[], Some(new.clone())),
        (Method::POST, "Accounts", &[], Some(new.clone())),
        (
            Method::POST,
            "Accounts",
            &[("prefer", "return=minimal")],
            Some(other.clone()),
        ),
        (Method::POST, "Accounts", &[], Some(json!({"city": "Porto"}))),
        (
            Method::POST,
            "Accounts",
            &[],
            Some(json!({"city": "Porto", "rating": "high"})),
        ),
        (
            Method::POST,
            "Accounts",
            &[],
            Some(json!({"name": "x", "unknown": 1})),
        ),
        (Method::POST, "Cases", &[], Some(json!({"title": "No category"}))),
        (
            Method::POST,
            "Approvals",
            &[],
            Some(json!({"title": "Not mine to make"})),
        ),
        (Method::PATCH, ACCOUNT, &[], Some(other.clone())),
        (
            Method::PATCH,
            ACCOUNT,
            &[("if-match", STALE)],
            Some(other.clone()),
        ),
        (Method::PATCH, ACCOUNT, &[("if-match", "*")], Some(other.clone())),
        (Method::PATCH, GONE, &[("if-match", STALE)], Some(other.clone())),
        (Method::PATCH, GONE, &[("if-match", "*")], Some(other.clone())),
        (Method::DELETE, ACCOUNT, &[("if-match", STALE)], None),
        (Method::DELETE, ACCOUNT, &[("if-match", "*")], None),
        (Method::DELETE, ACCOUNT, &[("if-match", "*")], None),
        (Method::PUT, GONE, &[("if-none-match", "*")], Some(other.clone())),
        (Method::PUT, GONE, &[("if-none-match", "*")], Some(other.clone())),
        (
            Method::PATCH,
            "Tags(00000007-0000-4000-8000-000000000001)",
            &[("if-match", STALE)],
            Some(json!({"label": "x"})),
        ),
        (Method::GET, "Prices(product=30,priceList='retail')", &[], None),
        (Method::GET, "Products(10)", &[], None),
        (Method::GET, "Products(11)", &[], None),
    ];
    check(
        &seller,
        rows,
        expect![[r#"
        POST Accounts: 201 -
        POST Accounts: 500 SQLITE_CONSTRAINT_PRIMARYKEY
        POST Accounts prefer=return=minimal: 204 -
        POST Accounts: 400 ASSERT_MANDATORY
        POST Accounts: 400 MULTIPLE_ERRORS
        POST Accounts: 400 400
        POST Cases: 400 CATEGORY_REQUIRED
        POST Approvals: 403 403
        PATCH Accounts(00000001-0000-4000-8000-000000000001): 428 428
        PATCH Accounts(00000001-0000-4000-8000-000000000001) if-match=W/"2001-01-01T00:00:00.000Z": 412 412
        PATCH Accounts(00000001-0000-4000-8000-000000000001) if-match=*: 200 -
        PATCH Accounts(00000001-0000-4000-8000-00000000dead) if-match=W/"2001-01-01T00:00:00.000Z": 412 412
        PATCH Accounts(00000001-0000-4000-8000-00000000dead) if-match=*: 404 404
        DELETE Accounts(00000001-0000-4000-8000-000000000001) if-match=W/"2001-01-01T00:00:00.000Z": 412 412
        DELETE Accounts(00000001-0000-4000-8000-000000000001) if-match=*: 204 -
        DELETE Accounts(00000001-0000-4000-8000-000000000001) if-match=*: 404 404
        PUT Accounts(00000001-0000-4000-8000-00000000dead) if-none-match=*: 201 -
        PUT Accounts(00000001-0000-4000-8000-00000000dead) if-none-match=*: 500 SQLITE_CONSTRAINT_PRIMARYKEY
        PATCH Tags(00000007-0000-4000-8000-000000000001) if-match=W/"2001-01-01T00:00:00.000Z": 200 -
        GET Prices(product=30,priceList='retail'): 200 -
        GET Products(10): 200 -
        GET Products(11): 404 404
    "#]],
    )
    .await;
    let granted = json!({"title": "Granted"});
    check(
        &cap.seen_by(MANAGER),
        &[(Method::POST, "Approvals", &[], Some(granted))],
        expect![[r#"
        POST Approvals: 201 -
    "#]],
    )
    .await;
}

#[tokio::test]
async fn keys_come_with_revisions_and_pages_lead_to_all_rows() {
    let Some(cap) = Cap::start().await else { return };
    let seller = cap.seen_by(SELLER);
    let first = seller.get("Accounts?$select=ID&$orderby=ID").await;
    assert_eq!(first.status, 200, "{}", cap.log());
    assert_eq!(first.json["value"].as_array().unwrap().len(), 40);
    let one = seller.get(ACCOUNT).await;
    assert_eq!(
        first.json["value"][0]["@odata.etag"].as_str(),
        one.etag.as_deref()
    );
    assert_eq!(seller.rows("Accounts?$select=ID&$orderby=ID").await.len(), 130);
    let after = "Prices?$orderby=priceList,product&$filter=priceList gt 'retail' or (priceList eq 'retail' and product gt 360)";
    let rest = seller.rows(after).await;
    assert!(
        rest.iter()
            .all(|row| row["priceList"] == "trade" || row["product"].as_i64() > Some(360))
    );
}

#[tokio::test]
async fn a_batch_goes_on_after_an_error_and_stops_where_it_is_told_to() {
    let Some(cap) = Cap::start().await else { return };
    let seller = cap.seen_by(SELLER);
    let batch = json!({"requests": [
        {"id": "1", "method": "PATCH", "url": ACCOUNT, "headers": {"if-match": STALE}, "body": {"city": "x"}},
        {"id": "2", "method": "POST", "url": "Contacts", "dependsOn": ["1"], "body": {"lastName": "Dependent"}},
        {"id": "3", "method": "PATCH", "url": ACCOUNT, "headers": {"If-Match": "*"}, "body": {"city": "x"}},
        {"id": "4", "method": "PATCH", "url": ACCOUNT, "headers": {"if-match": "*", "prefer": "return=minimal"}, "body": {"city": "x"}},
    ]});
    let statuses = |reply: &Value| {
        let responses = reply["responses"].as_array().unwrap();
        responses
            .iter()
            .map(|one| one["status"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let reply = seller.send(Method::POST, "$batch", &[], Some(&batch)).await;
    assert_eq!(statuses(&reply.json), [412, 424, 428, 204]);
    let stop = [("prefer", "odata.continue-on-error=false")];
    let reply = seller.send(Method::POST, "$batch", &stop, Some(&batch)).await;
    assert_eq!(statuses(&reply.json), [412]);
}

#[tokio::test]
async fn what_a_client_never_heard_of_was_committed_all_the_same() {
    let Some(mut cap) = Cap::start().await else { return };
    let seller = cap.seen_by(SELLER);
    let create = |fault, row: u32| {
        cap.wire.plan(Rule::next(fault, "POST", "/Tags"));
        let body = json!({"ID": format!("10000000-0000-4000-8000-{row:012}"), "label": "Lost"}).to_string();
        let request = client()
            .post(format!("{}Tags", cap.url()))
            .basic_auth(SELLER, Some("seller-pw"));
        request
            .header("content-type", "application/json")
            .body(body)
            .send()
    };
    create(Fault::CutBefore, 1).await.unwrap_err();
    create(Fault::CutAfter, 2).await.unwrap_err();
    create(Fault::Truncate(10), 3)
        .await
        .unwrap()
        .text()
        .await
        .unwrap_err();
    cap.wire.down().await;
    assert!(client().get(cap.url()).send().await.unwrap_err().is_connect());
    let made: Vec<_> = seller.rows("Tags?$filter=label eq 'Lost'&$orderby=ID").await;
    let rows: Vec<_> = made
        .iter()
        .map(|row| {
            row["ID"]
                .as_str()
                .unwrap()
                .trim_start_matches("10000000-0000-4000-8000-")
        })
        .collect();
    assert_eq!(rows, ["000000000002", "000000000003"]);
}
