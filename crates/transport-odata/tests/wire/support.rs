//! Services for tests: one that answers by a function, and what tests need to talk to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use driftless_odata::csdl;
use driftless_record::{
    Change, ChangeAction, Condition, EntityName, EntitySchema, FieldName, RecordId, RequestId, Schema,
    Sending, Timestamp, Value,
};
use driftless_transport::{Credentials, PullRequest, PushItem};
use driftless_transport_http::{ClientOptions, Deadlines, ServiceRoot};
use driftless_transport_odata::{ODataOptions, ODataTransport};
use tokio::net::TcpListener;
use uuid::Uuid;

/// The metadata of the service in tests.
pub(crate) const METADATA: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
  <edmx:DataServices>
    <Schema Namespace="Test" xmlns="http://docs.oasis-open.org/odata/ns/edm">
      <EntityContainer Name="Container">
        <EntitySet Name="Accounts" EntityType="Test.Accounts"/>
        <EntitySet Name="Tags" EntityType="Test.Tags"/>
        <EntitySet Name="Prices" EntityType="Test.Prices"/>
        <EntitySet Name="Orders" EntityType="Test.Orders"/>
      </EntityContainer>
      <EntityType Name="Accounts">
        <Key><PropertyRef Name="ID"/></Key>
        <Property Name="ID" Type="Edm.Guid" Nullable="false"/>
        <Property Name="name" Type="Edm.String"/>
        <Property Name="modifiedAt" Type="Edm.DateTimeOffset" Precision="7">
          <Annotation Term="Org.OData.Core.V1.Computed" Bool="true"/>
        </Property>
      </EntityType>
      <EntityType Name="Tags">
        <Key><PropertyRef Name="ID"/></Key>
        <Property Name="ID" Type="Edm.Guid" Nullable="false"/>
        <Property Name="name" Type="Edm.String"/>
      </EntityType>
      <EntityType Name="Orders">
        <Key><PropertyRef Name="ID"/></Key>
        <Property Name="ID" Type="Edm.Int32" Nullable="false">
          <Annotation Term="Org.OData.Core.V1.Computed" Bool="true"/>
        </Property>
        <Property Name="name" Type="Edm.String"/>
      </EntityType>
      <EntityType Name="Prices">
        <Key><PropertyRef Name="list"/><PropertyRef Name="product"/></Key>
        <Property Name="list" Type="Edm.String" Nullable="false"/>
        <Property Name="product" Type="Edm.Int32" Nullable="false"/>
        <Property Name="name" Type="Edm.String"/>
      </EntityType>
      <Action Name="Promote" IsBound="true"><Parameter Name="in" Type="Test.Accounts"/>
        <Parameter Name="reason" Type="Edm.String"/>
        <Parameter Name="amount" Type="Edm.Decimal" Scale="2"/>
      </Action>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>"#;

/// A request as a service in a test sees it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// The path below the service root, decoded.
    pub(crate) path: String,
    /// The query, still encoded.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// An answer: status, headers, body.
pub(crate) struct Answer(
    pub(crate) u16,
    pub(crate) Vec<(&'static str, String)>,
    pub(crate) Vec<u8>,
);

pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    Answer(
        status,
        vec![("content-type", "application/json".to_owned())],
        body.into(),
    )
}

pub(crate) fn error(status: u16, code: &str) -> Answer {
    json(
        status,
        format!(r#"{{"error":{{"code":"{code}","message":"no","target":"name"}}}}"#),
    )
}

impl Answer {
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.1.push((name, value.to_owned()));
        self
    }
}

/// A running service and what it was asked.
pub(crate) struct Service {
    pub(crate) root: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Service {
    /// Starts a service that answers by a function; metadata and the service document are answered here.
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let router = Router::new().fallback(move |request: Request| {
            let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
            async move {
                let (parts, body) = request.into_parts();
                let path = parts.uri.path().trim_start_matches("/odata/");
                let seen = Seen {
                    method: parts.method.to_string(),
                    path: percent_encoding::percent_decode_str(path)
                        .decode_utf8_lossy()
                        .into_owned(),
                    query: parts.uri.query().unwrap_or_default().to_owned(),
                    headers: parts.headers,
                    body: to_bytes(body, usize::MAX)
                        .await
                        .map(|b| b.to_vec())
                        .unwrap_or_default(),
                };
                let Answer(status, headers, body) = match seen.path.as_str() {
                    "$metadata" => Answer(
                        200,
                        vec![("content-type", "application/xml".to_owned())],
                        METADATA.into(),
                    ),
                    "driftless/me" => Answer(404, Vec::new(), Vec::new()),
                    _ => answer(&seen),
                };
                log.lock().unwrap().push(seen);
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(body)).unwrap()
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            root: format!("http://{address}/odata/"),
            seen,
        }
    }

    /// Returns what was asked so far, without metadata and the question whose server it is.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|s| s.path != "$metadata" && s.path != "driftless/me")
            .cloned()
            .collect()
    }

    pub(crate) fn transport(&self) -> ODataTransport {
        transport(&self.root)
    }
}

pub(crate) fn transport(root: &str) -> ODataTransport {
    let mut client = ClientOptions::default();
    client.credentials = Some(Credentials::Password {
        user: "ann".to_owned(),
        password: "secret".to_owned(),
    });
    client.deadlines = Deadlines {
        first_byte: std::time::Duration::from_secs(2),
        idle: std::time::Duration::from_secs(2),
        ..Deadlines::default()
    };
    ODataTransport::new(ServiceRoot::parse(root).unwrap(), client, ODataOptions::default()).unwrap()
}

pub(crate) fn schema() -> Arc<Schema> {
    Arc::new(csdl::read(METADATA.as_bytes()).unwrap().schema)
}

pub(crate) fn pull_of(schema: &Arc<Schema>, entity: &str, max_rows: usize) -> PullRequest {
    PullRequest {
        schema: Arc::clone(schema),
        entity: Arc::clone(schema.entity(entity).unwrap()),
        filter: None,
        checkpoint: None,
        max_rows,
    }
}

pub(crate) fn entity(schema: &Schema, name: &str) -> Arc<EntitySchema> {
    Arc::clone(schema.entity(name).unwrap())
}

pub(crate) fn field(name: &str) -> FieldName {
    FieldName::parse(name).unwrap()
}

pub(crate) fn guid(n: u128) -> RecordId {
    RecordId::guid(Uuid::from_u128(n))
}

/// A sending about the account `n`, with `n` in its request id.
pub(crate) fn item(n: u128, action: ChangeAction, condition: Condition, after: &[u128]) -> PushItem {
    PushItem {
        sending: Sending {
            id: RequestId(Uuid::from_u128(n)),
            first_sent: Timestamp(784_111_777_000),
            change: Change {
                entity: EntityName::parse("Accounts").unwrap(),
                record: guid(n),
                action,
                condition,
                stamps: BTreeMap::new(),
            },
            operations: Vec::new(),
            together: None,
        },
        after: after.iter().map(|n| RequestId(Uuid::from_u128(*n))).collect(),
    }
}

pub(crate) fn named(text: &str) -> BTreeMap<FieldName, Value> {
    [(field("name"), Value::text(text))].into()
}
