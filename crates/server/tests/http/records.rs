//! Single records: conditions, validation, references, deletes.

use serde_json::json;

use crate::client::Running;

const ID: &str = "0b5c1b2e-6d8f-4c2a-9a77-1f2e3d4c5b6a";

#[tokio::test]
async fn a_write_needs_the_revision_that_it_is_based_on() {
    let server = Running::with_data(100).await;
    let made = server
        .post("Accounts", &json!({"id": ID, "name": "Otter Mill"}))
        .await
        .expect(201);
    assert_eq!(
        made.header("location").unwrap(),
        format!("{}Accounts({ID})", server.url)
    );
    let path = format!("Accounts({ID})");
    let change = json!({"city": "Leeds"}).to_string();
    server
        .send("PATCH", &path, &[], &change)
        .await
        .refused(428, "PreconditionRequired");
    server
        .send("DELETE", &path, &[], "")
        .await
        .refused(428, "PreconditionRequired");
    server
        .send("PATCH", &path, &[("if-none-match", "*")], &change)
        .await
        .refused(412, "PreconditionFailed");
    let first = made.etag();
    let done = server
        .send("PATCH", &path, &[("if-match", &first)], &change)
        .await
        .expect(204);
    assert_ne!(done.etag(), first);
    server
        .send("PATCH", &path, &[("if-match", &first)], &change)
        .await
        .refused(412, "PreconditionFailed");
    server
        .send("DELETE", &path, &[("if-match", &first)], "")
        .await
        .refused(412, "PreconditionFailed");
    let read = server.get(&path).await.expect(200);
    assert_eq!(read.json()["city"], "Leeds");
    assert_eq!(read.etag(), done.etag());
    assert_eq!(read.json()["@odata.etag"], done.etag());
    server
        .send("GET", &path, &[("if-none-match", &done.etag())], "")
        .await
        .expect(304);
    server
        .send("DELETE", &path, &[("if-match", "*")], "")
        .await
        .expect(204);
    server.get(&path).await.refused(404, "NotFound");
    server
        .send("DELETE", &path, &[("if-match", "*")], "")
        .await
        .refused(404, "NotFound");
    server
        .send("PATCH", &path, &[("if-match", "*")], &change)
        .await
        .refused(404, "NotFound");
}

#[tokio::test]
async fn a_patch_creates_where_nothing_is_and_conditions_allow_it() {
    let server = Running::with_data(100).await;
    let path = format!("Accounts({ID})");
    let body = json!({"name": "Otter Mill"}).to_string();
    let made = server
        .send(
            "PATCH",
            &path,
            &[("if-none-match", "*"), ("prefer", "return=minimal")],
            &body,
        )
        .await;
    assert_eq!(
        made.expect(204).header("odata-entityid").unwrap(),
        format!("{}{path}", server.url)
    );
    let again = json!({"id": ID, "name": "Twice"});
    server.post("Accounts", &again).await.refused(409, "DuplicateKey");
}

#[tokio::test]
async fn a_recreated_record_never_has_an_old_revision() {
    let server = Running::with_data(100).await;
    let body = json!({"id": ID, "name": "Otter Mill"});
    let first = server.post("Accounts", &body).await.expect(201).etag();
    server
        .send("DELETE", &format!("Accounts({ID})"), &[("if-match", &first)], "")
        .await
        .expect(204);
    assert_ne!(server.post("Accounts", &body).await.expect(201).etag(), first);
}

#[tokio::test]
async fn every_fault_of_a_body_is_told_with_its_field() {
    let server = Running::with_data(100).await;
    let missing = server
        .post("Opportunities", &json!({}))
        .await
        .refused(400, "Required");
    let targets: Vec<_> = missing["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| detail["target"].clone())
        .collect();
    assert_eq!(targets, ["name", "account_id"]);
    for (body, code, target) in [
        (json!({"name": "x".repeat(161)}), "TooLong", "name"),
        (json!({"name": 7}), "WrongType", "name"),
        (
            json!({"name": "A", "employees": "many"}),
            "WrongType",
            "employees",
        ),
        (
            json!({"name": "A", "employees": 3_000_000_000u32}),
            "WrongType",
            "employees",
        ),
        (json!({"name": "A", "revenue": "1.234"}), "OutOfRange", "revenue"),
        (
            json!({"name": "A", "category": "friend"}),
            "InvalidChoice",
            "category",
        ),
        (json!({"name": "A", "nmae": 1}), "UnknownProperty", "nmae"),
        (json!({"name": null}), "Required", "name"),
        (
            json!({"name": "A", "owner_id": ID}),
            "MissingReference",
            "owner_id",
        ),
    ] {
        let error = server.post("Accounts", &body).await.refused(400, code);
        assert_eq!(error["target"], target, "{error}");
    }
    server
        .send("POST", "Accounts", &[], "{\"name\":")
        .await
        .refused(400, "InvalidBody");
    server
        .send("POST", "Accounts", &[], "{\"name\":\"a\",\"name\":\"b\"}")
        .await
        .refused(400, "DuplicateProperty");
    server
        .send("POST", "Accounts", &[("content-type", "text/plain")], "{}")
        .await
        .refused(415, "UnsupportedMediaType");
    let count = server.get("Accounts/$count").await.text;
    assert_eq!(count, "14", "nothing may have been written");
}

#[tokio::test]
async fn the_server_makes_numbers_and_dates_and_nobody_else_does() {
    let server = Running::with_data(1_000).await;
    let body =
        json!({"subject": "Pump stands still", "number": "CAS-1", "modified_at": "2001-01-01T00:00:00Z"});
    let made = server.post("Cases", &body).await.expect(201).json();
    let count: u32 = server.get("Cases/$count").await.text.parse().unwrap();
    assert_eq!(made["number"], format!("CAS-{count:06}"));
    assert_eq!(made["created_at"], made["modified_at"]);
    assert!(made["modified_at"].as_str().unwrap() > "2026");
}

#[tokio::test]
async fn a_delete_takes_along_or_is_refused_as_the_schema_says() {
    let server = Running::with_data(2_000).await;
    let message = &server.get("CaseMessages?$top=1").await.json()["value"][0];
    let case = message["case_id"].as_str().unwrap();
    server
        .send("DELETE", &format!("Cases({case})"), &[("if-match", "*")], "")
        .await
        .expect(204);
    let left = server
        .get(&format!("CaseMessages?$filter=case_id eq {case}"))
        .await
        .expect(200)
        .json();
    assert_eq!(left["value"], json!([]));
    let contact = &server.get("Contacts?$top=1").await.json()["value"][0];
    let account = format!("Accounts({})", contact["account_id"].as_str().unwrap());
    let error = server
        .send("DELETE", &account, &[("if-match", "*")], "")
        .await
        .refused(409, "HasChildren");
    assert!(error["target"].is_string());
    server.get(&account).await.expect(200);
}

#[tokio::test]
async fn what_the_schema_forbids_is_forbidden() {
    let server = Running::with_data(1_000).await;
    server
        .post("Teams", &json!({"name": "Mine"}))
        .await
        .refused(403, "Forbidden");
    let user = server.get("Users?$top=1").await.json()["value"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    server
        .send("PATCH", &format!("Users({user})"), &[("if-match", "*")], "{}")
        .await
        .refused(403, "Forbidden");
    let message = server.get("CaseMessages?$top=1").await.json()["value"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("CaseMessages({message})");
    server
        .send("PATCH", &path, &[("if-match", "*")], "{}")
        .await
        .refused(403, "Forbidden");
    server
        .send("DELETE", &path, &[("if-match", "*")], "")
        .await
        .refused(403, "Forbidden");
}

#[tokio::test]
async fn stamps_are_kept_per_field_and_told_when_asked_for() {
    let server = Running::with_data(100).await;
    let device = "11111111222233334444555555555555";
    let early = format!("1700000000000.3.{device}");
    let far = format!("9999999999999.0.{device}");
    let body = json!({"id": ID, "name": "A", "city": "B", "phone": "1", "@driftless.stamps": {"name": early, "phone": far}});
    let made = server
        .send(
            "POST",
            "Accounts",
            &[("prefer", "driftless.stamps")],
            &body.to_string(),
        )
        .await
        .expect(201);
    let stamps = &made.json()["@driftless.stamps"];
    assert_eq!(stamps["name"], early);
    let millis = |stamp: &serde_json::Value| {
        stamp
            .as_str()
            .unwrap()
            .split('.')
            .next()
            .unwrap()
            .parse::<i64>()
            .unwrap()
    };
    let cut_back = millis(&stamps["phone"]);
    let by_server = millis(&stamps["city"]);
    assert!(
        cut_back - by_server <= 60_000,
        "a device ten years ahead wins nothing"
    );
    assert!(stamps["phone"].as_str().unwrap().ends_with(device));
    assert!(stamps.get("id").is_none() && stamps.get("modified_at").is_none());
    let path = format!("Accounts({ID})");
    assert!(server.get(&path).await.json().get("@driftless.stamps").is_none());
    server
        .send("PATCH", &path, &[("if-match", "*")], "{\"city\":\"C\"}")
        .await
        .expect(204);
    let read = server
        .send("GET", &path, &[("prefer", "driftless.stamps")], "")
        .await
        .expect(200)
        .json();
    assert_eq!(read["@driftless.stamps"]["name"], early);
    assert_ne!(read["@driftless.stamps"]["city"], stamps["city"]);
    let first = server
        .send(
            "GET",
            "Accounts",
            &[("prefer", "track-changes,driftless.stamps")],
            "",
        )
        .await;
    assert!(
        !first.text.contains("driftless.stamps\""),
        "a first load carries no stamps"
    );
}

#[tokio::test]
async fn what_another_record_has_of_an_alternate_key_is_refused_and_that_record_named() {
    let server = Running::with_data(0).await;
    let product = |id: &str, code: &str| json!({"id": id, "name": "Pump", "code": code});
    let second = ID.replace('0', "1");
    server.post("Products", &product(ID, "P-1")).await.expect(201);
    let taken = server
        .post("Products", &product(&second, "P-1"))
        .await
        .expect(409)
        .json();
    assert_eq!(taken["error"]["code"], "NotUnique", "{taken}");
    assert_eq!(taken["error"]["target"], "code", "{taken}");
    assert_eq!(taken["error"]["@Driftless.Other"], ID, "{taken}");
    server
        .get(&format!("Products({second})"))
        .await
        .refused(404, "NotFound");
    server
        .post("Products", &product(&second, "P-2"))
        .await
        .expect(201);
    let change = |id: &str, body: serde_json::Value| {
        let (path, body) = (format!("Products({id})"), body.to_string());
        let server = &server;
        async move { server.send("PATCH", &path, &[("if-match", "*")], &body).await }
    };
    change(&second, json!({"code": "P-1"}))
        .await
        .refused(409, "NotUnique");
    change(ID, json!({"code": "P-1", "name": "Same"}))
        .await
        .expect(204);
    change(ID, json!({"code": "P-3"})).await.expect(204);
    change(&second, json!({"code": "P-1"})).await.expect(204);
    let metadata = server.get("$metadata").await.expect(200);
    assert!(metadata.text.contains("Org.OData.Core.V1.AlternateKeys"));
}
