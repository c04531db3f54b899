//! Commands of the CRM with a real device and the real server: run without a network, sent afterwards, and looked at from
//! both sides.

use serde_json::{Value, json};

use crate::common::{Device, Fault, FaultProxy, Lasting, PASSWORD, Rule, Service};

/// The entities that the commands touch, with their sets.
const TOUCHED: [(&str, &str); 7] = [
    ("Account", "Accounts"),
    ("Case", "Cases"),
    ("CaseMessage", "CaseMessages"),
    ("Contact", "Contacts"),
    ("Lead", "Leads"),
    ("Opportunity", "Opportunities"),
    ("PhoneCall", "PhoneCalls"),
];

/// A server with something to run commands on, and a device that has downloaded it.
struct Crm {
    server: Lasting,
    service: Service,
    wire: FaultProxy,
    device: Device,
    leads: [String; 2],
    opportunities: [String; 2],
    competitor: String,
    case: String,
    call: String,
}

impl Crm {
    async fn open() -> Self {
        let server = Lasting::start().await;
        let service = server.service().await;
        let make = async |set: &str, body: Value| id(&service.create(set, &body).await.json);
        let lead = |company: &str| json!({ "subject": "Pumps", "company": company, "full_name": "Ann Lee", "status": "new" });
        let leads = [
            make("Leads", lead("Northern Lights")).await,
            make("Leads", lead("Southern Cross")).await,
        ];
        let account = make("Accounts", json!({ "name": "Aurora" })).await;
        let deal = |name: &str| json!({ "name": name, "account_id": account, "stage": "propose", "status": "open", "probability": 60 });
        let opportunities = [
            make("Opportunities", deal("Valves")).await,
            make("Opportunities", deal("Drives")).await,
        ];
        let competitor = make("Competitors", json!({ "name": "Rival" })).await;
        let case = make("Cases", json!({ "subject": "Leak", "status": "in_progress" })).await;
        let call = json!({ "subject": "It leaks", "status": "open", "account_id": account });
        let call = make("PhoneCalls", call).await;
        let wire = FaultProxy::start_along(server.route.clone());
        let device = Device::new();
        let url = format!("http://{}/", wire.address());
        device.sign_in_with(&url, "alice", PASSWORD).await.expect_code(0);
        device.run(&["download"]).await.expect_code(0);
        Self {
            server,
            service,
            wire,
            device,
            leads,
            opportunities,
            competitor,
            case,
            call,
        }
    }

    /// Runs a command; returns the ids of what it makes, in order.
    async fn command(&self, name: &str, entity: &str, id: &str, parameters: &[&str]) -> Vec<String> {
        let line = [&["run", name, entity, id], parameters].concat();
        let run = self.device.run(&line).await.expect_code(0);
        let made = run.json["made"].as_array().unwrap();
        made.iter()
            .map(|made| made["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Changes a record as somebody in the office.
    async fn office(&self, record: &str, change: &Value) {
        let patch = reqwest::Method::PATCH;
        let anyhow = [("if-match", "*")];
        let reply = self.service.send(patch, record, &anyhow, Some(change)).await;
        assert_eq!(reply.status, 204, "{}", reply.json);
    }

    async fn field(&self, record: &str, field: &str) -> Value {
        self.service.get(record).await.json[field].clone()
    }

    /// Device and server have the same records with the same values, and nothing waits.
    async fn agree(&self) {
        assert_eq!(self.device.outbox().await, Vec::<Value>::new());
        assert_eq!(self.device.waiting().await, Vec::<Value>::new());
        for (entity, set) in TOUCHED {
            let mut there = self.service.rows(set).await;
            there.sort_by_key(id);
            let ids: Vec<_> = there.iter().map(id).collect();
            assert_eq!(self.device.ids(entity).await, ids, "{entity}");
            for row in there {
                let here = self.device.get(entity, &id(&row)).await.unwrap();
                for (field, value) in row.as_object().unwrap() {
                    if !field.contains('@') {
                        assert!(is_same(&here[field], value), "{field}: {here} and {row}");
                    }
                }
            }
        }
    }
}

fn id(row: &Value) -> String {
    row["id"].as_str().unwrap().to_owned()
}

/// A value as text, whoever says it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether the command line and the service say the same: decimals are exact in one and may be rounded in the other.
fn is_same(here: &Value, there: &Value) -> bool {
    match (plain(here).parse::<f64>(), plain(there).parse::<f64>()) {
        (Ok(here), Ok(there)) => (here - there).abs() < 0.005,
        _ => plain(here) == plain(there),
    }
}

/// Every command of the model is shown at once without a network, survives the end of the server, and ends with the same
/// records on both sides, under the server's ids.
#[tokio::test]
async fn every_command_works_offline_and_ends_with_the_same_records_on_both_sides() {
    let mut crm = Crm::open().await;
    crm.wire.down().await;
    let [qualified, disqualified] = crm.leads.clone();
    let [won, lost] = crm.opportunities.clone();
    let made = crm.command("QualifyLead", "Lead", &qualified, &[]).await;
    let [account, contact, opportunity] = &made[..] else {
        panic!("{made:?}")
    };
    crm.command("DisqualifyLead", "Lead", &disqualified, &["reason=No budget"])
        .await;
    crm.command("CloseAsWon", "Opportunity", &won, &["close_date=2026-11-22"])
        .await;
    let competitor = format!("competitor_id={}", crm.competitor);
    crm.command(
        "CloseAsLost",
        "Opportunity",
        &lost,
        &["close_date=2026-11-21", &competitor],
    )
    .await;
    let case = crm
        .command("ConvertToCase", "PhoneCall", &crm.call, &[])
        .await
        .remove(0);
    crm.command("CloseCase", "Case", &crm.case, &["resolution=New seal"])
        .await;
    // Work goes on with what the commands make, and with a command on what a command makes.
    crm.device
        .update("Opportunity", opportunity, &["probability=40"])
        .await;
    crm.device
        .create(
            "Task",
            &["subject=Call Ann", &format!("opportunity_id={opportunity}")],
        )
        .await;
    crm.command("CloseCase", "Case", &case, &["resolution=By phone"])
        .await;
    let shown = |entity, id| crm.device.get(entity, id);
    assert_eq!(shown("Lead", &qualified).await.unwrap()["status"], "qualified");
    assert_eq!(shown("Opportunity", &won).await.unwrap()["probability"], 100);
    assert_eq!(shown("Opportunity", &lost).await.unwrap()["status"], "lost");
    assert_eq!(shown("Case", &case).await.unwrap()["status"], "resolved");

    crm.server.killed_at(async {}).await;
    crm.service = crm.server.service().await;
    crm.wire.up();
    crm.device.sync(0).await;
    crm.device.sync(0).await;
    crm.agree().await;
    let lead = crm.service.get(&format!("Leads({disqualified})")).await.json;
    assert_eq!(
        (&lead["status"], &lead["disqualify_reason"]),
        (&json!("disqualified"), &json!("No budget"))
    );
    let deal = crm.service.get(&format!("Opportunities({lost})")).await.json;
    assert_eq!(
        (&deal["stage"], &deal["close_date"], &deal["competitor_id"]),
        (&json!("close"), &json!("2026-11-21"), &json!(crm.competitor))
    );
    let texts = crm.service.rows("CaseMessages").await;
    let texts: Vec<_> = texts.iter().map(|row| row["text"].as_str().unwrap()).collect();
    assert_eq!(texts.iter().filter(|text| **text == "New seal").count(), 1);
    assert_eq!(texts.iter().filter(|text| **text == "By phone").count(), 1);

    // What the device made up leads to the records, and is nowhere in them any more.
    for (entity, temporary) in [
        ("Account", account),
        ("Contact", contact),
        ("Opportunity", opportunity),
        ("Case", &case),
    ] {
        let run = crm.device.run(&["get", entity, temporary]).await.expect_code(0);
        let now = run.json["id"].as_str().unwrap().to_owned();
        assert_ne!(now, *temporary, "the server makes the key of {entity}");
        for (entity, _) in TOUCHED.into_iter().chain([("Task", "Tasks")]) {
            let list = crm
                .device
                .run(&["list", entity])
                .await
                .expect_code(0)
                .json
                .to_string();
            assert!(!list.contains(temporary.as_str()), "{temporary} in {list}");
        }
    }
    let task = crm.service.rows("Tasks").await;
    let task = task.iter().find(|row| row["subject"] == "Call Ann").unwrap();
    let deal = crm
        .service
        .get(&format!("Opportunities({})", plain(&task["opportunity_id"])))
        .await
        .json;
    assert_eq!(
        (&deal["name"], &deal["probability"]),
        (&json!("Pumps"), &json!(40))
    );
}

/// The reply of a command is lost after the server has run it: whatever is tried again, the effect is there once, and what
/// it made is known by the server's ids.
#[tokio::test]
async fn a_command_whose_reply_was_lost_has_its_effect_once() {
    let mut crm = Crm::open().await;
    for fault in [Fault::CutAfter, Fault::Truncate(0), Fault::CutBefore] {
        crm.wire.down().await;
        let subject = format!("Leak {fault:?}");
        let case = crm.device.create("Case", &[&format!("subject={subject}")]).await;
        crm.wire.up();
        crm.device.sync(0).await;
        crm.wire.down().await;
        let made = crm
            .command("CloseCase", "Case", &case, &[&format!("resolution={subject}")])
            .await;
        crm.wire.up();
        crm.wire.plan(Rule::next(fault, "POST", "CloseCase").times(2));
        for _ in 0..6 {
            crm.device.run(&["sync"]).await;
            if crm.device.outbox().await.is_empty() {
                break;
            }
        }
        // A reply without a body cannot be cut short within it.
        assert!(crm.wire.heal() > 0, "{fault:?}");
        crm.device.sync(0).await;
        let messages = crm.service.rows("CaseMessages").await;
        let mut messages = messages.iter().filter(|row| row["text"] == *subject);
        let message = messages.next().unwrap();
        assert!(messages.next().is_none(), "{fault:?}: the case was closed twice");
        let here = crm
            .device
            .run(&["get", "CaseMessage", &made[0]])
            .await
            .expect_code(0);
        assert_eq!(here.json["id"], message["id"], "{fault:?}");
    }
    let lead = crm.leads[0].clone();
    crm.wire.plan(Rule::next(Fault::CutAfter, "POST", "QualifyLead"));
    crm.command("QualifyLead", "Lead", &lead, &[]).await;
    crm.device.sync(0).await;
    assert_eq!(crm.wire.heal(), 1);
    crm.device.sync(0).await;
    for set in ["Accounts", "Contacts", "Opportunities"] {
        let rows = crm.service.rows(set).await;
        let made = rows.iter().filter(|row| {
            [&row["name"], &row["full_name"]].into_iter().any(|name| {
                ["Northern Lights", "Ann Lee", "Pumps"]
                    .iter()
                    .any(|made| name == made)
            })
        });
        assert_eq!(made.count(), 1, "{set}");
    }
    crm.agree().await;
}

/// The office changed the record meanwhile: another field is no reason not to run the command, and is kept.
#[tokio::test]
async fn a_command_goes_on_where_the_office_changed_something_else() {
    let mut crm = Crm::open().await;
    crm.wire.down().await;
    let lead = crm.leads[0].clone();
    crm.command("QualifyLead", "Lead", &lead, &[]).await;
    let phone = json!({ "phone": "+47 1" });
    crm.office(&format!("Leads({lead})"), &phone).await;
    crm.wire.up();
    crm.device.sync(0).await;
    crm.device.sync(0).await;
    crm.agree().await;
    assert_eq!(crm.field(&format!("Leads({lead})"), "status").await, "qualified");
    assert_eq!(crm.field(&format!("Leads({lead})"), "phone").await, "+47 1");
    let accounts = crm.service.rows("Accounts").await;
    let made = accounts
        .iter()
        .find(|row| row["name"] == "Northern Lights")
        .unwrap();
    assert_eq!(
        made["phone"], "+47 1",
        "the server runs the command on what it has"
    );
}

/// The office did what the command is about: it is shown with its cause, and retried once that is possible, or given up;
/// what it had made is gone then.
#[tokio::test]
async fn a_command_that_is_not_possible_any_more_waits_until_it_is_retried_or_discarded() {
    let mut crm = Crm::open().await;
    let case = crm.case.clone();
    let record = format!("Cases({case})");
    crm.wire.down().await;
    let made = crm
        .command("CloseCase", "Case", &case, &["resolution=Ours"])
        .await;
    let canceled = json!({ "status": "canceled" });
    crm.office(&record, &canceled).await;
    crm.wire.up();
    crm.device.sync(3).await;
    let waiting = crm.device.waiting().await;
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(waiting[0]["record"], *case);
    let operation = waiting[0]["operations"][0].as_str().unwrap().to_owned();

    // Again, while it is still not possible: nothing changes.
    let log = plain(&waiting[0]["id"]);
    crm.device.run(&["resolve", &log, "--mine"]).await.expect_code(1);
    crm.device.run(&["sync"]).await;
    assert_eq!(crm.device.waiting().await, waiting);
    assert_eq!(crm.field(&record, "status").await, "canceled");

    // Possible again: the entry shows the reopened case once that was read.
    let reopened = json!({ "status": "in_progress" });
    crm.office(&record, &reopened).await;
    crm.device.sync(0).await;
    let waiting = crm.device.waiting().await;
    assert_eq!(waiting[0]["fields"][0]["theirs"], "in_progress", "{waiting:?}");
    crm.device.run(&["resolve", &log, "--mine"]).await.expect_code(0);
    let run = crm
        .device
        .run(&["wait", &operation, "--timeout", "0"])
        .await
        .expect_code(0);
    assert_eq!(run.json["outcome"], "accepted");
    crm.device.sync(0).await;
    crm.agree().await;
    assert_eq!(crm.field(&record, "status").await, "resolved");
    assert!(crm.device.get("CaseMessage", &made[0]).await.is_some());

    // Given up: the device shows the server's record, and nothing that the command was to make.
    let lead = crm.leads[0].clone();
    crm.wire.down().await;
    let made = crm.command("QualifyLead", "Lead", &lead, &[]).await;
    let gone = json!({ "status": "disqualified" });
    crm.office(&format!("Leads({lead})"), &gone).await;
    crm.wire.up();
    crm.device.sync(3).await;
    let waiting = crm.device.waiting().await;
    let log = plain(&waiting[0]["id"]);
    crm.device
        .run(&["resolve", &log, "--revert"])
        .await
        .expect_code(0);
    crm.device.sync(0).await;
    crm.agree().await;
    for (entity, id) in [
        ("Account", &made[0]),
        ("Contact", &made[1]),
        ("Opportunity", &made[2]),
    ] {
        assert!(crm.device.get(entity, id).await.is_none(), "{entity}");
    }
    assert_eq!(
        crm.device.get("Lead", &lead).await.unwrap()["status"],
        "disqualified"
    );
}
