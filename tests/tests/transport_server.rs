//! The OData connector against the reference server, over a real connection.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_record::{
    Change, ChangeAction, Condition, DeviceId, EntityName, FieldName, Fields, RecordId, RequestId, Revision,
    Schema, Sending, Stamp, Timestamp, Value,
};
use driftless_server::{Server, ServerOptions};
use driftless_transport::{
    ChangeDetection, Checkpoint, Credentials, Deletions, Idempotency, Page, PullRequest, PushItem,
    PushResult, SweepRequest, Transport,
};
use driftless_transport_http::{ClientOptions, ServiceRoot};
use driftless_transport_odata::{ODataOptions, ODataTransport};
use uuid::Uuid;

/// A device at a server with some data.
struct Device {
    transport: ODataTransport,
    schema: Arc<Schema>,
}

async fn device(records: Option<usize>) -> Device {
    let mut options = ServerOptions::default();
    options.seed_data = records;
    let server = Server::open(options).unwrap();
    let (user, password) = match server.first_password() {
        Some(password) => ("admin", password.to_owned()),
        None => ("admin", "driftless".to_owned()),
    };
    let mut client = ClientOptions::default();
    client.credentials = Some(Credentials::Password {
        user: user.to_owned(),
        password,
    });
    let bound = server.bind().await.unwrap();
    let root = ServiceRoot::parse(&bound.url()).unwrap();
    tokio::spawn(bound.run(std::future::pending()));
    let transport = ODataTransport::new(root, client, ODataOptions::default()).unwrap();
    let schema = Arc::new(transport.describe().await.unwrap().schema);
    Device { transport, schema }
}

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

impl Device {
    /// Pulls a whole set; returns its pages.
    async fn pull(&self, entity: &str, from: Option<Checkpoint>, max_rows: usize) -> Vec<Page> {
        let mut request = PullRequest {
            schema: Arc::clone(&self.schema),
            entity: Arc::clone(self.schema.entity(entity).unwrap()),
            filter: None,
            checkpoint: from,
            max_rows,
        };
        let mut pages = Vec::new();
        loop {
            let page = self.transport.pull(&request).await.unwrap();
            request.checkpoint = Some(page.next.clone());
            let last = page.last;
            pages.push(page);
            if last {
                return pages;
            }
        }
    }

    async fn sweep(&self, entity: &str) -> BTreeMap<RecordId, Option<Revision>> {
        let mut request = SweepRequest {
            schema: Arc::clone(&self.schema),
            entity: Arc::clone(self.schema.entity(entity).unwrap()),
            filter: None,
            checkpoint: None,
            max_rows: 7,
        };
        let mut ids = BTreeMap::new();
        loop {
            let page = self.transport.sweep(&request).await.unwrap();
            ids.extend(page.ids);
            match page.next {
                Some(next) => request.checkpoint = Some(next),
                None => return ids,
            }
        }
    }

    async fn push(&self, items: &[PushItem]) -> Vec<PushResult> {
        let mut reply = self.transport.push(&self.schema, items).await.unwrap();
        items
            .iter()
            .map(|item| reply.results.remove(&item.sending.id).unwrap())
            .collect()
    }
}

fn item(request: u128, record: &RecordId, action: ChangeAction, condition: Condition) -> PushItem {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let stamp = Stamp {
        time: Timestamp(i64::try_from(now).unwrap()),
        counter: 0,
        device: DeviceId(Uuid::from_u128(77)),
    };
    let stamps = match &action {
        ChangeAction::Create(fields) | ChangeAction::Update(fields) => {
            fields.keys().map(|field| (field.clone(), stamp)).collect()
        }
        ChangeAction::Delete | ChangeAction::Command(_) => BTreeMap::new(),
    };
    PushItem {
        sending: Sending {
            id: RequestId(Uuid::from_u128(request)),
            first_sent: stamp.time,
            change: Change {
                entity: EntityName::parse("Account").unwrap(),
                record: record.clone(),
                action,
                condition,
                stamps,
            },
            operations: Vec::new(),
            together: None,
        },
        after: Vec::new(),
    }
}

fn fields(text: &str) -> Fields {
    [(name("name"), Value::text(text))].into()
}

fn revision(result: &PushResult) -> Revision {
    match result {
        PushResult::Done {
            revision: Some(revision),
            ..
        } => revision.clone(),
        other => panic!("not done with a revision: {other:?}"),
    }
}

fn class(result: &PushResult) -> String {
    match result {
        PushResult::Failed { cause, .. } => format!("{:?}", cause.class),
        other => format!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_who_is_there_and_what_it_can_do() {
    let device = device(None).await;
    let contact = device.transport.contact().await.unwrap();
    assert_eq!(contact.user.0, "admin");
    assert!(contact.server.starts_with("driftless "), "{}", contact.server);
    assert!(device.transport.settings().await.unwrap().is_some());
    for entity in device
        .schema
        .entities
        .values()
        .filter(|entity| !entity.is_abstract)
    {
        let can = device.transport.capabilities(entity).await.unwrap();
        assert_eq!(
            (can.changes, can.deletions),
            (ChangeDetection::Delta, Deletions::Reported),
            "{}",
            entity.name
        );
        assert_eq!(can.idempotency, Idempotency::Repeatable);
        assert!(can.stamps && can.batch.depends_on && can.batch.limit >= 100);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entity_is_read_whole_in_pages_and_agrees_with_its_sweep() {
    let device = device(Some(400)).await;
    let mut rows = 0;
    for entity in device
        .schema
        .entities
        .values()
        .filter(|entity| !entity.is_abstract)
    {
        let pages = device.pull(entity.name.as_str(), None, 25).await;
        let pulled: BTreeMap<RecordId, Option<Revision>> = pages
            .iter()
            .flat_map(|page| &page.rows.rows)
            .map(|row| (row.id.clone(), row.revision.clone()))
            .collect();
        assert_eq!(pages[0].total, Some(pulled.len() as u64), "{}", entity.name);
        assert!(pulled.values().all(Option::is_some), "{}", entity.name);
        assert_eq!(
            device.sweep(entity.name.as_str()).await,
            pulled,
            "{}",
            entity.name
        );
        if let Some(row) = pages[0].rows.rows.first() {
            let fetched = device
                .transport
                .fetch(&device.schema, &entity.name, &row.id)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(fetched.record, pages[0].rows.record(row), "{}", entity.name);
        }
        rows += pulled.len();
    }
    assert!(rows >= 400, "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_changes_come_back_by_delta_link_with_their_stamps() {
    let device = device(None).await;
    let before = device.pull("Account", None, 100).await.pop().unwrap().next;
    let ids: Vec<RecordId> = (1..=3).map(|n| RecordId::guid(Uuid::from_u128(n))).collect();
    let create = |n: usize| {
        item(
            n as u128,
            &ids[n - 1],
            ChangeAction::Create(fields("first")),
            Condition::Absent,
        )
    };
    let creates = [create(1), create(2), create(3)];
    let created = device.push(&creates).await;
    let revisions: Vec<Revision> = created.iter().map(revision).collect();

    // The same sendings again: the same answers, nothing done twice.
    let again = device.push(&creates).await;
    assert_eq!(again, created);
    // Another sending for a record that is there.
    let other = item(
        11,
        &ids[0],
        ChangeAction::Create(fields("other")),
        Condition::Absent,
    );
    assert_eq!(class(&device.push(&[other]).await[0]), "Precondition");

    let update = |request, revision: &Revision| {
        item(
            request,
            &ids[0],
            ChangeAction::Update(fields("second")),
            Condition::Revision(revision.clone()),
        )
    };
    let delete = item(
        22,
        &ids[1],
        ChangeAction::Delete,
        Condition::Revision(revisions[1].clone()),
    );
    let results = device
        .push(&[update(21, &revisions[0]), delete, update(23, &revisions[0])])
        .await;
    let newest = revision(&results[0]);
    assert!(matches!(results[1], PushResult::Done { .. }), "{:?}", results[1]);
    assert_eq!(class(&results[2]), "Precondition");
    let gone = item(
        24,
        &ids[1],
        ChangeAction::Update(fields("third")),
        Condition::Exists,
    );
    assert_eq!(class(&device.push(&[gone]).await[0]), "Gone");
    let twice = item(25, &ids[1], ChangeAction::Delete, Condition::Exists);
    assert!(matches!(device.push(&[twice]).await[0], PushResult::Done { .. }));

    let pages = device.pull("Account", Some(before), 2).await;
    let changed: BTreeSet<&RecordId> = pages
        .iter()
        .flat_map(|page| &page.rows.rows)
        .map(|row| &row.id)
        .collect();
    assert_eq!(changed, BTreeSet::from([&ids[0], &ids[2]]));
    let removed: BTreeSet<&RecordId> = pages
        .iter()
        .flat_map(|page| &page.removed)
        .map(|removal| &removal.id)
        .collect();
    assert_eq!(removed, BTreeSet::from([&ids[1]]));
    assert!(pages.iter().flat_map(|page| &page.stamps).any(|(_, stamps)| {
        stamps
            .iter()
            .any(|(field, stamp)| *field == name("name") && stamp.device == DeviceId(Uuid::from_u128(77)))
    }));

    let account = EntityName::parse("Account").unwrap();
    let record = device
        .transport
        .fetch(&device.schema, &account, &ids[0])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.record.revision, Some(newest));
    assert_eq!(record.record.value(&name("name")), &Value::text("second"));
    assert_eq!(record.stamps[&name("name")].device, DeviceId(Uuid::from_u128(77)));
    assert_eq!(
        device
            .transport
            .fetch(&device.schema, &account, &ids[1])
            .await
            .unwrap(),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_leaves_out_only_what_depends_on_it() {
    let device = device(None).await;
    let id = |n: u128| RecordId::guid(Uuid::from_u128(n));
    let broken = item(1, &id(1), ChangeAction::Create(Fields::new()), Condition::Absent);
    let mut dependent = item(
        2,
        &id(2),
        ChangeAction::Create(fields("child")),
        Condition::Absent,
    );
    dependent.after = vec![RequestId(Uuid::from_u128(1))];
    let free = item(3, &id(3), ChangeAction::Create(fields("free")), Condition::Absent);
    let results = device.push(&[broken, dependent, free]).await;
    assert_eq!(class(&results[0]), "Validation");
    let PushResult::Failed { cause, .. } = &results[0] else {
        panic!()
    };
    assert_eq!(cause.field, Some(name("name")));
    assert_eq!(results[1], PushResult::Skipped);
    assert!(matches!(results[2], PushResult::Done { .. }));
}
