//! What a running server holds, and where each request goes.

use std::collections::BTreeMap;

use driftless_odata::csdl::EntityFacts;
use driftless_odata::payload::{Layout, Unknown};
use driftless_record::{EntityName, Schema, Timestamp};
use http::{Method, StatusCode};
use uuid::Uuid;

use crate::auth::SignIn;
use crate::db::pool::Pool;
use crate::db::state;
use crate::db::table::Tables;
use crate::reply::{Refusal, Reply};
use crate::request::{Principal, Request};
use crate::{batch, own, unit};

/// What a running server holds.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) schema: Schema,
    /// The metadata document.
    pub(crate) metadata: String,
    /// What it says of the wire, if it was not written here.
    pub(crate) facts: Option<Facts>,
    pub(crate) tables: Tables,
    /// For each entity, how bodies with all its fields look.
    pub(crate) layouts: BTreeMap<EntityName, Layout>,
    pub(crate) pool: Pool,
    /// The random id of the database; the server's own device in stamps, too.
    pub(crate) database: Uuid,
    pub(crate) feed_kept: u32,
    pub(crate) sign_in: SignIn,
}

/// What a metadata document that was not written here says of each entity's wire.
pub(crate) type Facts = BTreeMap<EntityName, EntityFacts>;

/// Makes the layouts of a schema's entities.
pub(crate) fn layouts(schema: &Schema, facts: Option<&Facts>) -> BTreeMap<EntityName, Layout> {
    let layout = |name, entity| {
        let facts = facts.and_then(|facts| facts.get(name));
        Layout::new(schema, entity, &[], facts).unknown(Unknown::Refuse)
    };
    schema
        .entities
        .iter()
        .map(|(name, entity)| (name.clone(), layout(name, entity)))
        .collect()
}

impl Service {
    /// Answers a request. Blocks.
    pub(crate) fn respond(&self, request: &Request, now: Timestamp) -> Reply {
        self.answer(request, now).unwrap_or_else(Reply::from)
    }

    fn answer(&self, request: &Request, now: Timestamp) -> Result<Reply, Refusal> {
        if request.path == "health" {
            return Ok(Reply::json(StatusCode::OK, b"{\"status\":\"ok\"}".to_vec()));
        }
        let principal = self.principal(request)?;
        match (request.method.as_str(), request.path.as_str()) {
            ("GET" | "HEAD", "") => Ok(self.document(request)),
            ("GET" | "HEAD", "$metadata") => Ok(Reply::empty(StatusCode::OK)
                .header("content-type", "application/xml;charset=utf-8")
                .body(self.metadata.clone().into_bytes())),
            ("POST", "$batch") => batch::respond(self, &principal, now, request),
            (_, "" | "$metadata" | "$batch") => Err(method_not_allowed(request)),
            (_, path) if path.starts_with("driftless/") => own::respond(self, &principal, request),
            _ => unit::transaction(self, &principal, now, request.is_read(), |executor| {
                executor.run(&[request])
            })
            .and_then(|mut replies| {
                replies.pop().ok_or_else(|| {
                    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "NoReply", "no reply was made")
                })
            }),
        }
    }

    fn principal(&self, request: &Request) -> Result<Principal, Refusal> {
        self.sign_in.principal(&request.headers, |name| {
            self.pool.read(|connection| state::credential(connection, name))
        })
    }

    /// The service document: the entity sets.
    fn document(&self, request: &Request) -> Reply {
        #[derive(serde::Serialize)]
        struct Set<'a> {
            name: &'a str,
            kind: &'a str,
            url: &'a str,
        }
        #[derive(serde::Serialize)]
        struct Document<'a> {
            #[serde(rename = "@odata.context")]
            context: String,
            value: Vec<Set<'a>>,
        }
        let document = Document {
            context: format!("{}$metadata", request.root),
            value: self
                .tables
                .iter()
                .map(|table| Set {
                    name: &table.entity.set,
                    kind: "EntitySet",
                    url: &table.entity.set,
                })
                .collect(),
        };
        Reply::json(StatusCode::OK, serde_json::to_vec(&document).unwrap_or_default())
    }
}

/// The refusal of a method that a resource does not have.
pub(crate) fn method_not_allowed(request: &Request) -> Refusal {
    let method: &Method = &request.method;
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        format!("{method} is not possible here"),
    )
}
