//! Commands: actions of records, with all their effects or none.

use driftless_server::ServerOptions;
use serde_json::{Value, json};

use crate::client::{Reply, Running};

const LEAD: &str = "0b5c1b2e-6d8f-4c2a-9a77-1f2e3d4c5b01";
const REQUEST: &str = "5a3c1f6e-4d8e-4f43-93c1-2f7f9c8d1a55";

async fn lead(server: &Running) -> String {
    let body = json!({"id": LEAD, "subject": "Pumps for Oslo", "company": "Northern Lights", "full_name": "Ann Lee",
        "city": "Oslo", "status": "new", "estimated_value": 1200.5});
    server.post("Leads", &body).await.expect(201).etag()
}

/// Runs a command on the record of a path.
async fn run(server: &Running, path: &str, if_match: &str, parameters: &Value) -> Reply {
    let headers = [("if-match", if_match)];
    server.send("POST", path, &headers, &parameters.to_string()).await
}

fn qualify(command: &str) -> String {
    format!("Leads({LEAD})/{command}")
}

#[tokio::test]
async fn a_command_does_all_that_it_is_declared_to_do() {
    let server = Running::with_data(100).await;
    let tag = lead(&server).await;
    let (_, link) = server.pages("Opportunities", "track-changes").await;
    let reply = run(&server, &qualify("Crm.QualifyLead"), &tag, &json!({}))
        .await
        .expect(200);
    let told = reply.json();
    assert!(
        told["@odata.context"]
            .as_str()
            .unwrap()
            .ends_with("$metadata#Crm.LeadQualifyLeadResult"),
        "{told}"
    );
    let id = |slot: &str| told[slot].as_str().unwrap().to_owned();
    let get = async |path: String| server.get(&path).await.expect(200).json();
    let lead = server.get(&format!("Leads({LEAD})")).await.expect(200);
    assert_eq!(
        (lead.json()["status"].clone(), lead.etag()),
        (json!("qualified"), reply.etag())
    );
    let account = get(format!("Accounts({})", id("account"))).await;
    assert_eq!(
        (&account["name"], &account["city"]),
        (&json!("Northern Lights"), &json!("Oslo"))
    );
    assert!(
        account["number"].as_str().unwrap().starts_with("ACC-"),
        "{account}"
    );
    let contact = get(format!("Contacts({})", id("contact"))).await;
    assert_eq!(
        (&contact["last_name"], &contact["account_id"]),
        (&json!("Ann Lee"), &told["account"])
    );
    let opportunity = get(format!("Opportunities({})", id("opportunity"))).await;
    for (field, value) in [
        ("name", json!("Pumps for Oslo")),
        ("account_id", told["account"].clone()),
        ("contact_id", told["contact"].clone()),
        ("stage", json!("qualify")),
        ("status", json!("open")),
        ("estimated_value", json!(1200.5)),
    ] {
        assert_eq!(opportunity[field], value, "{field}");
    }
    let (changes, _) = server.pages(&link.unwrap(), "").await;
    assert_eq!(changes.len(), 1, "what a command makes is in the feed");
}

#[tokio::test]
async fn what_is_there_already_is_not_made() {
    let server = Running::with_data(100).await;
    lead(&server).await;
    let account = server
        .post("Accounts", &json!({"name": "There"}))
        .await
        .expect(201)
        .json();
    let parameters = json!({"account_id": account["id"], "create_contact": false});
    let told = run(&server, &qualify("QualifyLead"), "*", &parameters)
        .await
        .expect(200)
        .json();
    assert_eq!((&told["account"], &told["contact"]), (&Value::Null, &Value::Null));
    let path = format!("Opportunities({})", told["opportunity"].as_str().unwrap());
    let opportunity = server.get(&path).await.expect(200).json();
    assert_eq!(
        (&opportunity["account_id"], &opportunity["contact_id"]),
        (&account["id"], &Value::Null)
    );
}

#[tokio::test]
async fn a_command_that_cannot_be_run_changes_nothing_and_says_why() {
    let server = Running::with_data(100).await;
    let tag = lead(&server).await;
    let before = server.get("Accounts/$count").await.text;
    let path = qualify("QualifyLead");
    for (headers, body, status, code, target) in [
        (vec![], json!({}), 428, "PreconditionRequired", Value::Null),
        (
            vec![("if-match", "W/\"0\"")],
            json!({}),
            412,
            "PreconditionFailed",
            Value::Null,
        ),
        (
            vec![("if-match", "*")],
            json!({"create_acount": true}),
            400,
            "UnknownProperty",
            json!("create_acount"),
        ),
        (
            vec![("if-match", "*")],
            json!({"create_account": "yes"}),
            400,
            "WrongType",
            json!("create_account"),
        ),
        (
            vec![("if-match", "*")],
            json!({"account_id": LEAD}),
            400,
            "MissingReference",
            json!("account_id"),
        ),
        // Without an account there is no opportunity, and so nothing of it.
        (
            vec![("if-match", "*")],
            json!({"create_account": false}),
            400,
            "Required",
            json!("opportunity"),
        ),
    ] {
        let error = server
            .send("POST", &path, &headers, &body.to_string())
            .await
            .refused(status, code);
        assert_eq!(error["target"], target, "{body}");
    }
    let gone = path.replace("5b01", "5b99");
    run(&server, &gone, "*", &json!({}))
        .await
        .refused(404, "NotFound");
    let unknown = run(&server, &qualify("QualifyLaed"), "*", &json!({}))
        .await
        .refused(404, "UnknownCommand");
    assert!(
        unknown["message"].as_str().unwrap().contains("QualifyLead"),
        "{unknown}"
    );
    run(&server, &qualify("Shop.QualifyLead"), "*", &json!({}))
        .await
        .refused(404, "UnknownCommand");
    server.get(&path).await.refused(405, "MethodNotAllowed");
    server
        .get(&qualify("company"))
        .await
        .refused(501, "NotImplemented");
    assert_eq!(server.get(&format!("Leads({LEAD})")).await.etag(), tag);
    assert_eq!(server.get("Accounts/$count").await.text, before);

    run(
        &server,
        &qualify("DisqualifyLead"),
        &tag,
        &json!({"reason": "no budget"}),
    )
    .await
    .expect(204);
    let lead = server.get(&format!("Leads({LEAD})")).await.json();
    assert_eq!(
        (&lead["status"], &lead["disqualify_reason"]),
        (&json!("disqualified"), &json!("no budget"))
    );
    let error = run(&server, &path, "*", &json!({}))
        .await
        .refused(422, "NotAllowed");
    assert_eq!(error["target"], "status");
    assert!(error["message"].as_str().unwrap().contains("`status`"), "{error}");
}

#[tokio::test]
async fn a_repeated_command_has_one_effect_and_tells_the_same_ids() {
    let server = Running::with_data(100).await;
    let tag = lead(&server).await;
    let before: u32 = server.get("Accounts/$count").await.text.parse().unwrap();
    let sent = server.get("health").await.header("date").unwrap().to_owned();
    let headers = [
        ("if-match", tag.as_str()),
        ("repeatability-request-id", REQUEST),
        ("repeatability-first-sent", &sent),
    ];
    let path = qualify("Crm.QualifyLead");
    let first = server.send("POST", &path, &headers, "{}").await.expect(200);
    let again = server.send("POST", &path, &headers, "{}").await.expect(200);
    assert_eq!(
        (first.text.clone(), first.etag()),
        (again.text.clone(), again.etag())
    );
    assert_eq!(again.header("repeatability-result"), Some("accepted"));
    assert_eq!(server.get("Accounts/$count").await.text, (before + 1).to_string());
}

#[tokio::test]
async fn a_command_in_a_group_is_undone_with_it() {
    let server = Running::with_data(100).await;
    let tag = lead(&server).await;
    let before = server.get("Accounts/$count").await.text;
    let body = |name: &str| {
        json!({"requests": [
            {"id": "1", "atomicityGroup": "g", "method": "POST", "url": qualify("Crm.QualifyLead"),
                "headers": {"if-match": tag}, "body": {}},
            {"id": "2", "atomicityGroup": "g", "method": "POST", "url": "Accounts", "body": {"name": name}},
        ]})
        .to_string()
    };
    let long = "x".repeat(200);
    let failed = server
        .send("POST", "$batch", &[], &body(&long))
        .await
        .expect(200)
        .json();
    assert_eq!(failed["responses"][0]["status"], 424);
    assert_eq!(server.get("Accounts/$count").await.text, before);
    let done = server
        .send("POST", "$batch", &[], &body("fits"))
        .await
        .expect(200)
        .json();
    assert_eq!(done["responses"][0]["status"], 200);
    assert!(done["responses"][0]["body"]["account"].is_string(), "{done}");
}

#[tokio::test]
async fn cases_are_closed_with_a_message_and_every_kind_of_activity_becomes_a_case() {
    let server = Running::with_data(100).await;
    for set in [
        "Tasks",
        "Appointments",
        "PhoneCalls",
        "Faxes",
        "Letters",
        "ServiceAppointments",
        "RecurringAppointments",
        "CampaignActivities",
        "CampaignResponses",
        "SocialActivities",
    ] {
        let made = server
            .post(set, &json!({"subject": "Leak", "priority": "high"}))
            .await
            .expect(201)
            .json();
        let path = format!("{set}({})", made["id"].as_str().unwrap());
        let command = format!("{path}/Crm.ConvertToCase");
        let told = run(&server, &command, "*", &json!({})).await.expect(200).json();
        let activity = server.get(&path).await.json();
        assert_eq!(
            (&activity["status"], &activity["case_id"]),
            (&json!("completed"), &told["case"])
        );
        let case = format!("Cases({})", told["case"].as_str().unwrap());
        let found = server.get(&case).await.expect(200).json();
        assert_eq!(
            (&found["subject"], &found["priority"]),
            (&json!("Leak"), &json!("high"))
        );
        let close = format!("{case}/CloseCase");
        let missing = run(&server, &close, "*", &json!({}))
            .await
            .refused(400, "Required");
        assert_eq!(missing["target"], "resolution");
        let told = run(&server, &close, "*", &json!({"resolution": "mended"}))
            .await
            .expect(200)
            .json();
        let message = format!("CaseMessages({})", told["message"].as_str().unwrap());
        let message = server.get(&message).await.expect(200).json();
        assert_eq!(
            (&message["text"], &message["case_id"]),
            (&json!("mended"), &activity["case_id"])
        );
        let closed = server.get(&case).await.json();
        assert_eq!(closed["status"], "resolved");
        assert!(closed["resolved_at"].is_string(), "{closed}");
    }
}

#[tokio::test]
async fn an_opportunity_is_closed_and_keeps_what_nothing_was_given_for() {
    let server = Running::with_data(100).await;
    let account = server
        .post("Accounts", &json!({"name": "A"}))
        .await
        .expect(201)
        .json();
    for (command, parameters, want) in [
        ("CloseAsWon", json!({}), ("won", "2030-01-02")),
        (
            "CloseAsLost",
            json!({"close_date": "2029-05-06"}),
            ("lost", "2029-05-06"),
        ),
    ] {
        let body = json!({"name": "O", "account_id": account["id"], "close_date": "2030-01-02"});
        let made = server.post("Opportunities", &body).await.expect(201).json();
        let path = format!("Opportunities({})", made["id"].as_str().unwrap());
        run(&server, &format!("{path}/{command}"), "*", &parameters)
            .await
            .expect(204);
        let closed = server.get(&path).await.json();
        assert_eq!(
            (&closed["status"], &closed["close_date"]),
            (&json!(want.0), &json!(want.1))
        );
        assert_eq!(closed["stage"], "close");
    }
}

const SHOP: &str = r#"<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Shop">
  <EntityType Name="Order"><Key><PropertyRef Name="Number"/></Key>
    <Property Name="Number" Type="Edm.Int32" Nullable="false"/><Property Name="State" Type="Edm.String"/></EntityType>
  <EntityType Name="Invoice"><Key><PropertyRef Name="Number"/></Key>
    <Property Name="Number" Type="Edm.Int32" Nullable="false"/><Property Name="OrderNumber" Type="Edm.Int32"/>
    <NavigationProperty Name="Order" Type="Shop.Order"><ReferentialConstraint Property="OrderNumber" ReferencedProperty="Number"/></NavigationProperty></EntityType>
  <Action Name="Bill" IsBound="true"><Parameter Name="order" Type="Shop.Order"/>
    <Annotation Term="Driftless.CommandEffects" String="[{&quot;make&quot;:{&quot;slot&quot;:&quot;invoice&quot;,&quot;entity&quot;:&quot;Invoice&quot;,&quot;fields&quot;:{&quot;OrderNumber&quot;:&quot;record&quot;}}},{&quot;set&quot;:{&quot;field&quot;:&quot;State&quot;,&quot;to&quot;:{&quot;constant&quot;:{&quot;type&quot;:&quot;text&quot;,&quot;value&quot;:&quot;billed&quot;}}}}]"/></Action>
  <Action Name="Ship" IsBound="true"><Parameter Name="order" Type="Shop.Order"/></Action>
  <EntityContainer Name="C"><EntitySet Name="Orders" EntityType="Shop.Order"/><EntitySet Name="Invoices" EntityType="Shop.Invoice"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

#[tokio::test]
async fn a_schema_file_declares_commands_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schema.xml"), SHOP).unwrap();
    std::fs::write(
        folder.path().join("seed.json"),
        r#"{"Orders":[{"Number":4}],"Invoices":[{"Number":9}]}"#,
    )
    .unwrap();
    let mut options = ServerOptions::default();
    options.schema_file = Some(folder.path().join("schema.xml"));
    options.seed_file = Some(folder.path().join("seed.json"));
    let server = Running::start(options).await;
    let told = run(&server, "Orders(4)/Shop.Bill", "*", &json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(told["invoice"], 10, "the server counts on");
    assert_eq!(
        server.get("Invoices(10)").await.expect(200).json()["OrderNumber"],
        4
    );
    assert_eq!(server.get("Orders(4)").await.json()["State"], "billed");
    run(&server, "Orders(4)/Shop.Ship", "*", &json!({}))
        .await
        .refused(501, "NotImplemented");
}
