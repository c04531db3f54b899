//! Choosing and making a connector.

use std::sync::Arc;

use clap::ValueEnum;
use driftless_record::Settings;
use driftless_transport::{Credentials, Transport, TransportError};
use driftless_transport_http::{ClientOptions, ServiceRoot};
use driftless_transport_odata::{ODataOptions, ODataTransport};
use serde::{Deserialize, Serialize};

use super::profile::WithProfile;
use super::trace::StderrTrace;

/// What speaks to a kind of back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Connector {
    /// Any OData 4 service, such as SAP CAP, and the driftless server
    #[default]
    Odata,
}

/// What is needed to reach a back end.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) connector: Connector,
    pub(crate) root: ServiceRoot,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) ca_pem: Option<Vec<u8>>,
    pub(crate) profile: Option<Settings>,
    pub(crate) trace: bool,
}

/// Makes the way to a back end. Nothing is sent.
pub(crate) fn connect(way: Way) -> Result<Box<dyn Transport>, TransportError> {
    let mut client = ClientOptions::default();
    client.credentials = way.credentials;
    client.ca_pem = way.ca_pem;
    client.trace = way.trace.then(|| Arc::new(StderrTrace) as _);
    let inner: Box<dyn Transport> = match way.connector {
        Connector::Odata => Box::new(ODataTransport::new(way.root, client, ODataOptions::default())?),
    };
    Ok(Box::new(WithProfile {
        inner,
        profile: way.profile,
    }))
}
