//! Signing in, settings, and who is signed in.

use driftless_server::{Server, ServerOptions};
use serde_json::json;

use crate::client::Running;

#[tokio::test]
async fn nobody_gets_in_without_a_password() {
    let server = Running::with_data(100).await;
    server.send_as(None, "GET", "health", &[], "").await.expect(200);
    for who in [
        None,
        Some(("alice", "wrong")),
        Some(("alice", "")),
        Some(("nobody", "driftless")),
        Some(("demo", "x")),
    ] {
        for path in ["", "$metadata", "Accounts", "driftless/me"] {
            let reply = server.send_as(who, "GET", path, &[], "").await;
            assert!(reply.header("www-authenticate").unwrap().starts_with("Basic"));
            reply.refused(401, "Unauthorized");
        }
    }
    let demo = server
        .send_as(Some(("demo", "")), "GET", "driftless/me", &[], "")
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&demo["user"], &demo["display_name"]),
        (&json!("demo"), &json!("Demo User"))
    );
    let user = server
        .get(&format!("Users({})", demo["user_id"].as_str().unwrap()))
        .await
        .expect(200)
        .json();
    assert_eq!(user["user_name"], "demo");
}

#[tokio::test]
async fn a_server_without_data_has_one_user_whose_password_nobody_can_guess() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ServerOptions::default();
    options.data = Some(folder.path().to_owned());
    let password = Server::open(options.clone())
        .unwrap()
        .first_password()
        .unwrap()
        .to_owned();
    assert!(password.len() >= 32);
    assert!(
        Server::open(options.clone()).unwrap().first_password().is_none(),
        "it is told once"
    );
    let server = Running::start(options).await;
    server
        .send_as(Some(("admin", &password)), "GET", "", &[], "")
        .await
        .expect(200);
    for who in [("admin", "driftless"), ("alice", "driftless"), ("demo", "")] {
        server
            .send_as(Some(who), "GET", "", &[], "")
            .await
            .refused(401, "Unauthorized");
    }
}

#[tokio::test]
async fn settings_are_data_that_an_administrator_changes() {
    let server = Running::with_data(100).await;
    let usual = server.get("driftless/settings").await.expect(200).json();
    assert_eq!(
        (&usual["mode"], &usual["conflict"]),
        (&json!("hybrid"), &json!("execution_order"))
    );
    let change = json!({"conflict": "server_wins", "excluded": ["Attachment"]}).to_string();
    server
        .send("PATCH", "driftless/settings", &[], &change)
        .await
        .refused(403, "Forbidden");
    let admin = Some(("admin", "driftless"));
    server
        .send_as(admin, "PATCH", "driftless/settings", &[], &change)
        .await
        .expect(200);
    server
        .send_as(admin, "PATCH", "driftless/settings", &[], "{\"mode\":\"online\"}")
        .await
        .expect(200);
    let now = server.get("driftless/settings").await.json();
    assert_eq!(
        (&now["mode"], &now["conflict"], &now["excluded"]),
        (&json!("online"), &json!("server_wins"), &json!(["Attachment"]))
    );
    server
        .send_as(
            admin,
            "PUT",
            "driftless/settings",
            &[],
            "{\"mode\":\"sometimes\"}",
        )
        .await
        .refused(400, "InvalidSettings");
    server
        .send_as(admin, "PUT", "driftless/settings", &[], "{}")
        .await
        .expect(200);
    assert_eq!(server.get("driftless/settings").await.json(), usual);
}

#[tokio::test]
async fn a_setting_of_an_unknown_name_is_refused_with_the_one_that_was_meant() {
    let server = Running::with_data(100).await;
    let admin = Some(("admin", "driftless"));
    for (change, told) in [
        (
            json!({"conflct": "ask"}),
            "the settings have no conflct: did you mean conflict?",
        ),
        (
            json!({"excluded": ["Acount"]}),
            "there is no entity Acount: did you mean Account?",
        ),
        (
            json!({"conflict_by_entity": {"Account": {"rules": "ask"}}}),
            "the settings have no rules: did you mean rule?",
        ),
        (
            json!({"conflict_by_entity": {"Acount": {"rule": "ask"}}}),
            "there is no entity Acount: did you mean Account?",
        ),
        (
            json!({"conflict_by_entity": {"Account": {"fields": {"nmae": "ask"}}}}),
            "Account has no field nmae: did you mean name?",
        ),
        (json!({"volume": 11}), "the settings have no volume"),
    ] {
        let reply = server
            .send_as(admin, "PATCH", "driftless/settings", &[], &change.to_string())
            .await;
        assert_eq!(reply.json()["error"]["message"], told);
        reply.refused(400, "InvalidSettings");
    }
    let known =
        json!({"conflict_by_entity": {"Account": {"rule": "ask", "fields": {"name": "server_wins"}}}});
    server
        .send_as(admin, "PATCH", "driftless/settings", &[], &known.to_string())
        .await
        .expect(200);
}

#[tokio::test]
async fn a_field_that_only_administrators_may_set_is_refused_to_others_and_named() {
    let server = Running::with_data(0).await;
    let admin = Some(("admin", "driftless"));
    let rights = json!({"Product": ["price"]}).to_string();
    let put = |who, body: &str| {
        let (server, body) = (&server, body.to_owned());
        async move { server.send_as(who, "PUT", "driftless/rights", &[], &body).await }
    };
    put(Some(("demo", "")), &rights).await.refused(403, "Forbidden");
    put(admin, "{\"Product\":[\"prize\"]}")
        .await
        .refused(400, "InvalidRights");
    put(admin, "{\"Produkt\":[]}").await.refused(400, "InvalidRights");
    put(admin, "[]").await.refused(400, "InvalidRights");
    put(admin, &rights).await.expect(200);
    assert_eq!(server.get("driftless/rights").await.expect(200).text, rights);
    let product = json!({"name": "Pump", "code": "P-1", "price": 3});
    let refused = server.post("Products", &product).await.expect(403).json();
    assert_eq!(refused["error"]["target"], "price", "{refused}");
    // A new record has nothing to lose by an empty value.
    let product = json!({"name": "Pump", "code": "P-1", "price": null});
    server.post("Products", &product).await.expect(201);
    server
        .send_as(
            admin,
            "POST",
            "Products",
            &[],
            &json!({"name": "Valve", "code": "P-2", "price": 3}).to_string(),
        )
        .await
        .expect(201);
}

#[tokio::test]
async fn a_field_that_only_administrators_may_set_is_not_emptied_by_others_either() {
    let server = Running::with_data(0).await;
    let admin = Some(("admin", "driftless"));
    let rights = json!({"Product": ["price"]}).to_string();
    let put = server.send_as(admin, "PUT", "driftless/rights", &[], &rights);
    put.await.expect(200);
    let product = json!({"name": "Pump", "code": "P-1", "price": 3}).to_string();
    let made = server.send_as(admin, "POST", "Products", &[], &product);
    let made = made.await.expect(201).json();
    let any = [("if-match", "*")];
    let url = format!("Products({})", made["id"].as_str().unwrap());
    for change in [
        json!({"price": null}),
        json!({"name": "Valve", "price": null}),
        json!({"price": 4}),
    ] {
        let change = change.to_string();
        let refused = server.send_as(Some(("demo", "")), "PATCH", &url, &any, &change);
        let refused = refused.await.expect(403).json();
        assert_eq!(refused["error"]["target"], "price", "{refused}");
    }
    let now = server.get(&url).await.expect(200).json();
    assert_eq!((&now["name"], now["price"].as_f64()), (&json!("Pump"), Some(3.0)));
    let named = json!({"name": "Valve"}).to_string();
    let named = server.send_as(Some(("demo", "")), "PATCH", &url, &any, &named);
    named.await.expect(204);
    let nothing = json!({"price": null}).to_string();
    let emptied = server.send_as(admin, "PATCH", &url, &any, &nothing);
    emptied.await.expect(204);
}
