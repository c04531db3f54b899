//! Signing in, and finding out whose server this is.

use driftless_record::{TenantId, Timestamp, UserId};
use driftless_transport::{Contact, TransportError};
use driftless_transport_http::{Reply, StatusCode};
use serde::Deserialize;

use crate::transport::ODataTransport;

/// How far the middle of the second that an HTTP date names may be off, in milliseconds.
const DATE_ERROR: i64 = 500;

/// What a driftless server says of itself and the user.
#[derive(Debug, Deserialize)]
struct Me {
    user: String,
    display_name: Option<String>,
    tenant: String,
    server_version: String,
    /// Milliseconds since 1970.
    time: Option<i64>,
    client_versions: Option<ClientVersions>,
}

/// The clients that a server works with.
#[derive(Debug, Deserialize)]
struct ClientVersions {
    least: String,
    below: String,
}

/// The service document of any OData service, as far as it matters here.
#[derive(Debug, Deserialize)]
struct ServiceDocument {
    value: Vec<ServiceItem>,
}

#[derive(Debug, Deserialize)]
struct ServiceItem {
    name: String,
    url: Option<String>,
    kind: Option<String>,
}

impl ODataTransport {
    pub(crate) async fn sign_in(&self) -> Result<Contact, TransportError> {
        match self.ask_driftless().await? {
            Some((me, reply)) => self.own_contact(me, &reply),
            None => self.foreign_contact().await,
        }
    }

    /// Returns whether this is a driftless server, asking it if that is not known yet.
    pub(crate) async fn is_own(&self) -> Result<bool, TransportError> {
        let known = self.learned.open().own;
        match known {
            Some(known) => Ok(known),
            None => Ok(self.ask_driftless().await?.is_some()),
        }
    }

    async fn ask_driftless(&self) -> Result<Option<(Me, Reply)>, TransportError> {
        let known = self.learned.open().own;
        if known == Some(false) {
            return Ok(None);
        }
        let url = self.http.root().join("driftless/me")?;
        let reply = self.read(url, "application/json", &[]).await?;
        let me = (reply.status == StatusCode::OK && reply.is_json())
            .then(|| serde_json::from_slice::<Me>(&reply.body).ok())
            .flatten();
        if me.is_none() && reply.status.is_server_error() {
            return Err(TransportError::Lost {
                host: self.http.root().host(),
                detail: format!("status {}", reply.status),
            });
        }
        let mut known = self.learned.open();
        known.own = Some(me.is_some());
        if me.is_some() {
            known.repeatable = Some(true);
        }
        Ok(me.map(|me| (me, reply)))
    }

    fn own_contact(&self, me: Me, reply: &Reply) -> Result<Contact, TransportError> {
        let client = env!("CARGO_PKG_VERSION");
        if let Some(fit) = &me.client_versions {
            let advice = if version(client) < version(&fit.least) {
                format!("this program is too old: it must be {} or newer", fit.least)
            } else if version(client) >= version(&fit.below) {
                format!("the server is too old: it knows clients below {}", fit.below)
            } else {
                String::new()
            };
            if !advice.is_empty() {
                return Err(TransportError::Incompatible {
                    client: client.to_owned(),
                    server: me.server_version,
                    advice,
                });
            }
        }
        let root = self.http.root();
        Ok(Contact {
            display_name: me.display_name.unwrap_or_else(|| me.user.clone()),
            user: UserId(me.user),
            tenant: TenantId(format!("{root} {}", me.tenant)),
            server: format!("driftless {}", me.server_version),
            server_time: me.time.map(Timestamp).or(reply.server_time()),
            server_time_error: if me.time.is_some() { 1 } else { DATE_ERROR },
        })
    }

    /// Signs in to a service that only speaks OData: by reading its service document and, as that may be open to
    /// everyone, one record of the first entity set.
    async fn foreign_contact(&self) -> Result<Contact, TransportError> {
        let root = self.http.root();
        let reply = self.read_json(root.url().clone(), &[]).await?;
        let document: ServiceDocument = serde_json::from_slice(&reply.body).map_err(|_| {
            TransportError::Protocol("the address is not that of an OData service".to_owned())
        })?;
        let mut server_time = reply.server_time();
        let first = document
            .value
            .iter()
            .find(|item| item.kind.as_deref().is_none_or(|kind| kind == "EntitySet"));
        if let Some(set) = first {
            let link = format!("{}?$top=1", set.url.as_deref().unwrap_or(&set.name));
            let url = root.resolve(&reply.url, &link)?;
            let reply = self.read(url, crate::exchange::ACCEPT_JSON, &[]).await?;
            server_time = reply.server_time().or(server_time);
        }
        let user = self.http.user().unwrap_or("anonymous").to_owned();
        Ok(Contact {
            display_name: user.clone(),
            user: UserId(user),
            tenant: TenantId(root.to_string()),
            server: format!("OData {}", reply.header("odata-version").unwrap_or("4")),
            server_time,
            server_time_error: DATE_ERROR,
        })
    }
}

/// Reads a version as numbers to compare; what follows a hyphen or plus sign does not count.
fn version(text: &str) -> Vec<u64> {
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    numbers.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}
