//! Reading the server by plain HTTP, on a way of its own: no engine, no connector, no typed parser in between.

use std::collections::BTreeMap;

use driftless_transport::TransportError;
use driftless_transport_http::{ClientOptions, HttpClient, Request, header};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::device::way;
use crate::error::CliError;

/// The user who reads everything.
const READER: &str = "admin";

/// A record as JSON, annotations included.
pub(super) type Row = Map<String, Json>;

/// The records of an entity set as the server writes them, by id.
pub(super) type Records = BTreeMap<String, Box<RawValue>>;

/// Everything that the server has, by entity set.
pub(super) type Everything = BTreeMap<String, Records>;

/// Reads a record of an answer.
pub(super) fn row(text: &RawValue) -> Result<Row, CliError> {
    serde_json::from_str(text.get()).map_err(|error| unreadable(&error.to_string()))
}

#[derive(Deserialize)]
struct Sets {
    value: Vec<Set>,
}

#[derive(Deserialize)]
struct Set {
    name: String,
    url: String,
}

#[derive(Deserialize)]
struct Key {
    id: String,
}

#[derive(Deserialize)]
struct Rows {
    value: Vec<Box<RawValue>>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

/// Reads every record of every entity set.
pub(super) async fn read_everything(url: &str) -> Result<Everything, CliError> {
    let way = way(url, READER)?;
    let mut options = ClientOptions::default();
    options.credentials = way.credentials;
    let http = HttpClient::new(way.root, options)?;
    let root = http.root().url().to_string();
    let sets: Sets = get(&http, &root).await?;
    let mut everything = Everything::new();
    for set in sets.value {
        let mut records = Records::new();
        let mut link = Some(format!("{root}{}", set.url));
        while let Some(url) = link {
            let page: Rows = get(&http, &url).await?;
            for row in page.value {
                let key: Key =
                    serde_json::from_str(row.get()).map_err(|error| unreadable(&error.to_string()))?;
                if records.insert(key.id, row).is_some() {
                    return Err(unreadable(&format!("{} has a record twice", set.name)));
                }
            }
            link = page.next;
        }
        everything.insert(set.name, records);
    }
    Ok(everything)
}

async fn get<T: for<'de> Deserialize<'de>>(http: &HttpClient, url: &str) -> Result<T, CliError> {
    let root = http.root();
    let request = Request::get(root.resolve(root.url(), url)?)
        .header(header::ACCEPT, "application/json;IEEE754Compatible=true")?
        .header(
            header::HeaderName::from_static("prefer"),
            "odata.maxpagesize=5000",
        )?;
    let reply = http.send(&request).await?;
    if !reply.status.is_success() {
        return Err(unreadable(&format!("status {}", reply.status)));
    }
    serde_json::from_slice(&reply.body).map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(why: &str) -> CliError {
    CliError::from(TransportError::Protocol(why.to_owned()))
}
