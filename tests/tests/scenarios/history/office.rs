//! The server of the run, with the lists that devices share.

use driftless_record::{EntityName, Query};
use driftless_testkit::history::{Event, Rule, SERVER};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::recorder::{List, Recorder};
use crate::common::{Lasting, PASSWORD, Service};

/// How many records are shared; each has a list of either rule.
const SHARED: usize = 2;

/// The field that is kept whole, by a person if need be.
pub(super) const KEPT: &str = "strengths";
/// The field in which the last write wins.
pub(super) const LAST_WINS: &str = "weaknesses";

pub(super) struct Office {
    pub(super) server: Lasting,
    pub(super) shared: Vec<List>,
    /// Readings of the server are noted in the order in which they are made.
    looking: Mutex<()>,
}

impl Office {
    pub(super) async fn open(recorder: &Recorder, rule: &str) -> Self {
        let server = Lasting::start().await;
        let service = server.service().await;
        let admin = Service::with_password(service.root(), "admin", PASSWORD);
        let rules = json!({ "fields": { KEPT: rule, LAST_WINS: "execution_order" } });
        // Nothing else belongs on the devices, so that they are quick.
        let scope =
            json!({ List::ENTITY: { "query": Query::all(EntityName::parse(List::ENTITY).unwrap()) } });
        let settings = json!({ "conflict_by_entity": { List::ENTITY: rules }, "scope": scope });
        let patch = reqwest::Method::PATCH;
        let reply = admin
            .send(patch, "driftless/settings", &[], Some(&settings))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.json);
        let mut shared = Vec::new();
        for number in 0..SHARED {
            let body = json!({ "name": format!("Rival {number}"), KEPT: "begin", LAST_WINS: "begin" });
            let made = service.create("Competitors", &body).await.json;
            for (field, rule) in [(KEPT, Rule::Kept), (LAST_WINS, Rule::LastWins)] {
                let list = List::new(made["id"].as_str().unwrap(), field);
                recorder.note(Event::List {
                    list: list.name.clone(),
                    rule,
                    tokens: list.in_fields(&made),
                });
                shared.push(list);
            }
        }
        Self {
            server,
            shared,
            looking: Mutex::new(()),
        }
    }

    /// Notes what the server has; nothing, where the record is not there yet.
    pub(super) async fn look(&self, recorder: &Recorder, list: &List) {
        let _turn = self.looking.lock().await;
        let row: Option<Value> = self.server.look(&format!("Competitors({})", list.record)).await;
        if let Some(row) = row {
            recorder.read(SERVER, list, list.in_fields(&row));
        }
    }
}
