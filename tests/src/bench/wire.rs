//! The bytes that the server sends, read by plain HTTP and kept: what the limits are measured with.

use super::served::{Served, client};
use anyhow::{Context as _, Result, ensure};
use driftless_transport_http::{Bytes, HttpClient, Request, header};
use serde::Deserialize;
use tokio::runtime::Runtime;

/// Plain HTTP to a server, asking as the connector does.
pub(super) struct Wire {
    http: HttpClient,
    runtime: Runtime,
}

/// The pages of a set, and where later changes are.
pub(super) struct Set {
    pub(super) pages: Vec<Bytes>,
    pub(super) changes: String,
}

#[derive(Deserialize)]
struct Links {
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta: Option<String>,
}

impl Wire {
    pub(super) fn new(served: &Served) -> Result<Self> {
        Ok(Self {
            http: HttpClient::new(served.root()?, client(None))?,
            runtime: Runtime::new()?,
        })
    }

    /// Reads every page from a link on.
    pub(super) fn read(&self, from: &str) -> Result<Set> {
        let mut pages = Vec::new();
        let mut link = from.to_owned();
        loop {
            let url = self.http.root().resolve(self.http.root().url(), &link)?;
            let request = Request::get(url)
                .header(
                    header::ACCEPT,
                    "application/json;odata.metadata=minimal;IEEE754Compatible=true",
                )?
                .header(
                    header::HeaderName::from_static("prefer"),
                    "odata.maxpagesize=2000, odata.track-changes, driftless.stamps",
                )?;
            let reply = self.runtime.block_on(self.http.send(&request))?;
            ensure!(reply.status.is_success(), "the server answers {}", reply.status);
            let links: Links = serde_json::from_slice(&reply.body)?;
            pages.push(reply.body);
            match (links.next, links.delta) {
                (Some(next), _) => link = next,
                (None, Some(changes)) => return Ok(Set { pages, changes }),
                (None, None) => return Err(anyhow::Error::msg("a set ends without a link")).context(link),
            }
        }
    }
}
